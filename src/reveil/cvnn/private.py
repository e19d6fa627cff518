"""Private networks: encoder and decoder of a device, and the processing it leaves to a cloud."""

import torch
from torch import Tensor, nn

from reveil.cvnn import stacked
from reveil.cvnn.kit import Kit, RealKit, StackedKit
from reveil.cvnn.layers import MOMENTUM
from reveil.cvnn.names import PLUGGED, PrivateArchitecture, parse
from reveil.cvnn.networks import adversary, alexnet, lenet, plugged, resnet, vgg
from reveil.cvnn.plugged import protect
from reveil.cvnn.protections import Protection
from reveil.errors import ReveilError, not_allowed
from reveil.models.fresh import seeded

CHANNELS = (1, 3)
FAMILIES = {"resnet": resnet, "lenet": lenet, "vgg16": vgg, "alexnet": alexnet, PLUGGED: plugged}


class PrivateNetwork(nn.Module):
    """A network that is cut between a device and a cloud (Xiang et al. 2020, figure 1).

    Attributes:
        model, channels, size, classes: what it was built from.
        protection: what the device does to its features.
        feature_shape: (c, h, w) of what the encoder gives.
        encoder, generator, processor, decoder: its sections; the generator is part of what the
            device encodes with, and an ``nn.Identity`` where there is none.
        complex: whether the processor takes stacked complex maps.
    """

    running_mean: Tensor | None

    def __init__(
        self, model: str, protection: Protection, channels: int, size: int, classes: int
    ) -> None:
        """Draw the weights from the global random state (see :func:`build`)."""
        super().__init__()
        architecture = parse(model)
        _check_images(channels, classes)
        self.model, self.protection = model, protection
        self.channels, self.size, self.classes = channels, size, classes
        self.complex = protection.rotates
        cut = FAMILIES[architecture.family].sections(
            architecture,
            channels,
            size,
            classes,
            _cloud(architecture, protection),
            adversary.encoder_ending(protection.generator, protection.end),
        )
        self.feature_shape = cut.feature_shape
        self.encoder, self.processor, self.decoder = cut.encoder, cut.processor, cut.decoder
        # Drawn last, so that the other sections start alike with and without a generator.
        self.generator = adversary.generator(
            protection.generator, self.feature_shape[0], protection.end
        )
        shared = protection.kind == "noisy" and protection.noise == "shared"
        self.register_buffer("running_mean", torch.zeros(self.feature_shape) if shared else None)

    def encode(self, images: Tensor) -> Tensor:
        """Return the features a, (B, c, h, w), of normalised images (B, C, H, W)."""
        return self.generator(self.encoder(images))

    def hide(self, a: Tensor, b: Tensor, angles: Tensor, swapped: Tensor) -> Tensor:
        """Return x = exp(i angle)(a + i b), or (b + i a) where swapped, stacked (2B, c, h, w).

        Args:
            a, b: (B, c, h, w), the features and their fooling counterparts.
            angles: (B,) in radians.
            swapped: (B,) bool.
        """
        chosen = _rows(swapped, a)
        pair = stacked.stack(torch.where(chosen, b, a), torch.where(chosen, a, b))
        return stacked.rotate(pair, angles)

    def noisy(self, a: Tensor, noise: Tensor) -> Tensor:
        """Return a + gamma epsilon, the features of a noisy network; a itself without noise.

        Args:
            a: (B, c, h, w).
            noise: standard normal, (B, c, h, w), or (c, h, w) for one draw for all.

        ``fresh``: epsilon is the noise times the standard deviation of each feature map, over the
        positions of a sample's channel, so that no sample depends on its neighbours. ``shared``:
        the noise plus the mean of a over the batch, whose running average serves in evaluation.
        A plug-in says by itself what becomes of both.
        """
        if self.protection.plugged:
            return protect(self.protection, a, noise.to(a).expand_as(a))
        gamma = self.protection.gamma
        noise = noise.to(a)
        if self.running_mean is None:
            return a + gamma * noise * a.std(dim=(-2, -1), correction=0, keepdim=True)
        mean = self.running_mean.to(a.dtype)
        if self.training:
            mean = a.mean(dim=0)
            self.running_mean.lerp_(mean.detach().to(self.running_mean.dtype), MOMENTUM)
        return a + gamma * (mean + noise)

    def process(self, x: Tensor) -> Tensor:
        """Return what the cloud makes of (stacked) features, (2B, c', h', w') or (B, ...)."""
        return self.processor(x)

    def reveal(self, h: Tensor, angles: Tensor, swapped: Tensor) -> tuple[Tensor, Tensor]:
        """Return the processed features of a's image and of b's, real (B, c', h', w') each.

        The arguments are those of :meth:`hide`: the device knows them.
        """
        first, second = stacked.real_part(h, angles), stacked.imaginary_part(h, angles)
        chosen = _rows(swapped, first)
        return torch.where(chosen, second, first), torch.where(chosen, first, second)

    def classify(self, features: Tensor) -> Tensor:
        """Return logits (B, classes) of real processed features (B, c', h', w')."""
        return self.decoder(features)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes), without noise, of a network that does not rotate.

        Raises:
            TypeError: the features of this network are hidden by a key.
        """
        if self.complex:
            raise TypeError(
                "this network needs a key: use encode, hide, process, reveal and classify"
            )
        return self.classify(self.process(self.encode(images)))


def build(
    model: str,
    protection: Protection,
    channels: int,
    size: int,
    classes: int,
    seed: int | None = None,
) -> PrivateNetwork:
    """Return the network in training mode on the CPU, freshly initialised.

    The weights are drawn from the stream (seed, "init", model), as :mod:`reveil.cvnn.kit` says;
    the global random state is left as it is.

    Args:
        model: see :mod:`reveil.cvnn.names`.
        protection: what is done to the features.
        channels: of the images, 1 or 3.
        size: height and width of the images in pixels.
        classes: number of outputs.
        seed: None for a draw that differs every time.

    Raises:
        ReveilError: an unknown name, images that the network cannot take, or a network of a plug-in
            whose sections do not fit together, or that does not commute with a rotation.
    """
    made = seeded(lambda: PrivateNetwork(model, protection, channels, size, classes), seed, model)
    if parse(model).family == PLUGGED:
        plugged.check(made)
    return made


def build_critic(network: PrivateNetwork, seed: int) -> nn.Module:
    """Return a critic of the network's features, (B, c, h, w) to (B,) scores, on the CPU.

    Its layers are those of ``protection.critic``, with batch norm where its weights are clipped
    alone; its weights are drawn from the stream (seed, "init", model, "critic").

    Raises:
        ReveilError: features too small for it.
    """
    return seeded(lambda: construct_critic(network), seed, network.model, "critic")


def construct_critic(network: PrivateNetwork) -> nn.Module:
    """Return the critic, its weights drawn from the global random state."""
    protection, shape = network.protection, network.feature_shape
    if protection.critic == "report" and network.model == "lenet-report":
        return adversary.lenet_critic(shape)
    return adversary.critic(protection.critic, shape, protection.adversary == "wgan-clip")


def _cloud(architecture: PrivateArchitecture, protection: Protection) -> Kit:
    normalised = architecture.family in ("resnet", PLUGGED)
    return StackedKit(protection, normalised) if protection.rotates else RealKit(normalised)


def _check_images(channels: int, classes: int) -> None:
    if channels not in CHANNELS:
        raise ReveilError(not_allowed("channels", channels, CHANNELS))
    if classes < 2:
        raise ReveilError(f"classes: {classes!r} is not allowed; allowed: 2 or more")


def _rows(flags: Tensor, like: Tensor) -> Tensor:
    return flags.view(-1, *(1,) * (like.dim() - 1))
