"""Inversion attack 2: decode what is seen, without the angle (Xiang et al. 2020, section 4)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from reveil.cvnn.attackers.decoders import make_decoder
from reveil.cvnn.attackers.interface import Guess, Hidden, Known, OwnData
from reveil.cvnn.attackers.patience import fit_with_patience
from reveil.cvnn.protections import Protection
from reveil.cvnn.scene import Intercepted, mixes_images
from reveil.cvnn.stacked import parts
from reveil.errors import ReveilError, not_allowed
from reveil.precision import precision

PARTS = ("joint", "separate")


class Decode:
    """A decoder of x, or of the features themselves where they are not rotated.

    ``joint``, as in the code of Knijff et al. (2021): real and imaginary part as channels of one
    input, the target is the image I of a. ``separate``, as in the code released in 2022: both parts
    are samples of their own, with I and the image I' of b as targets, so that no half is decoded in
    sight of the other; the guess is what becomes of the real part. Where a and b changed places the
    targets stay: the attacker is after a, and cannot tell.
    """

    def __init__(self, known: Known) -> None:
        attack, network = known.attack, known.network
        if attack["parts"] not in PARTS:
            raise ReveilError(not_allowed("attack.parts", attack["parts"], PARTS))
        self.name, self.attack, self.device = known.name, attack, known.device
        self.rotated = network.protection.rotates
        self.joint = self.rotated and attack["parts"] == "joint"
        if not self.joint:
            needs_images(network.protection, f"attack {known.name}")
        channels, height, width = network.feature_shape
        features = (2 * channels if self.joint else channels, height, width)
        self.decoder = make_decoder(
            attack["decoder"], features, known.shape, attack["width"], known.seed, known.name
        ).to(known.device)

    def fit(self, own: OwnData) -> list[dict[str, Any]]:
        """Learn to decode own hidden images."""
        return fit_decoder(self.decoder, self.loss, own, self.attack)

    def loss(self, batch: Hidden) -> Tensor:
        """Return the mean squared error of a batch, pixels in [0, 1]."""
        targets = [batch.images]
        if self.rotated and not self.joint:
            targets += [batch.partners]
        return mse_loss(self.decoder(self.inputs(batch.seen)), torch.cat(targets))

    def inputs(self, seen: Intercepted) -> Tensor:
        """Return what is decoded: (B, 2c, h, w) jointly, else x as it is."""
        return torch.cat(parts(seen.x), dim=1) if self.joint else seen.x

    @torch.no_grad()
    def guess(self, seen: Intercepted) -> Guess:
        """Return the image that the decoder sees in x, or in its real part."""
        x = self.inputs(seen)
        with precision("fp32", self.device):
            return Guess(images=self.decoder.eval()(x[: len(seen)]))

    def tensors(self) -> dict[str, Tensor]:
        """Return the decoder's weights."""
        return self.decoder.state_dict()

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take a decoder's weights."""
        self.decoder.load_state_dict(tensors)


def fit_decoder(
    decoder: nn.Module,
    loss: Callable[[Hidden], Tensor],
    own: OwnData,
    attack: Mapping[str, Any],
    name: str = "decoder",
) -> list[dict[str, Any]]:
    """Train a decoder on own hidden images by :func:`.patience.fit_with_patience`.

    Args:
        loss: of a :class:`Hidden` batch, a mean over its images.
    """
    size = attack["batch_size"]

    def batches(epoch: int, start: int) -> Iterator[Hidden]:
        return own.hidden_batches(size, epoch, start)

    def validation() -> float:
        losses = [(loss(batch), len(batch)) for batch in own.validation_batches(size)]
        return float(sum(value.double() * n for value, n in losses) / sum(n for _, n in losses))

    return fit_with_patience(
        decoder,
        loss,
        batches,
        validation,
        attack,
        steps=own.steps(size),
        device=own.device,
        state=own.state,
        name=name,
    )


def needs_images(protection: Protection, who: str) -> None:
    """Raise a ``ReveilError`` where two images are to be found, and noise stands in for one."""
    if protection.rotates and not mixes_images(protection):
        raise ReveilError(
            f"{who} is after the images of both a and b, but under protection "
            f"{protection.name!r} b is noise; allowed: another counterpart, or parts: joint"
        )


def make(known: Known) -> Decode:
    """Return the attacker of method ``decode``."""
    return Decode(known)
