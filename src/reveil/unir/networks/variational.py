"""A variational generator: the method's claim to serve other models (experiment unir-exp17)."""

import torch
from torch import Tensor, nn

from reveil.unir.networks.blocks import quarter_attention, upsampled
from reveil.unir.networks.interface import Reconstructor
from reveil.unir.networks.kit import Kit
from reveil.unir.networks.settings import Blueprint
from reveil.unir.networks.unet import convolved

# Of the logarithm of a variance, so that its exponential stays finite.
BOUND = 8.0


class Variational(Reconstructor):
    """y -> mean and log-variance of a latent map -> x_hat (Kingma and Welling 2014).

    The latent map has w channels and a quarter of the image's side, rounded up. Nothing passes
    beside it: with skip connections it would not be needed. It is drawn in training
    (:meth:`learn`) and its mean is taken otherwise.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        kit = Kit.of_generator(blueprint.settings)
        w = blueprint.architecture.width
        side = -(-blueprint.size // 4)
        self.latent_shape = (w, side, side)
        self.encoder = nn.Sequential(
            convolved(kit, blueprint.channels, w),
            convolved(kit, w, 2 * w, stride=2),
            convolved(kit, 2 * w, 4 * w, stride=2),
            convolved(kit, 4 * w, 4 * w),
            *quarter_attention(kit, blueprint, 2, 4 * w),
        )
        self.moments = kit.conv(4 * w, 2 * w, 1, bias=True)
        self.deep = convolved(kit, w, 4 * w)
        self.middle = convolved(kit, 4 * w, 2 * w)
        self.shallow = convolved(kit, 2 * w, w)
        self.last = kit.conv(w, blueprint.channels, 3, padding=1, bias=True)

    def encode(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, both (B, *latent_shape), of the latent map of y."""
        # In single precision: the divergence takes differences of their exponentials.
        mean, log_variance = self.moments(self.encoder(y)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-BOUND, BOUND)

    def decode(self, latent: Tensor) -> Tensor:
        """Return what the last layer gives, (B, C, H, W), of latent maps (B, *latent_shape)."""
        size = self.blueprint.size
        half = self.middle(upsampled(self.deep(latent)))
        return self.last(self.shallow(upsampled(half)[..., :size, :size]))

    def values(self, y: Tensor) -> Tensor:
        return self.decode(self.encode(y)[0])

    def noise(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, *self.latent_shape, generator=generator)

    def learn(self, y: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return x_hat of a drawn latent map, and KL(q(latent | y) || N(0, 1)) (B,).

        The divergence is that of the whole map divided by the number of values of an image, so
        that its weight belongs to the mean squared error, as lambda does.

        Raises:
            TypeError: no noise.
        """
        if noise is None:
            raise TypeError("a variational generator is trained with noise: see noise()")
        mean, log_variance = self.encode(y)
        latent = mean + (log_variance / 2).exp() * noise
        terms = mean.square() + log_variance.exp() - 1 - log_variance
        divergence = terms.flatten(1).sum(1) / (2 * y[0].numel())
        return self.finish(y, self.decode(latent)), divergence
