"""An attacker who does not ask which of two images was meant: he gives both.

Knijff et al. (2021, section 4.2.2) expect him: where a blend of two images is all that a decoder of
one can give, the doubt is between the two images alone (2-anonymity).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from reveil.cvnn.attackers import blind
from reveil.cvnn.attackers.decode import fit_decoder, needs_images
from reveil.cvnn.attackers.decoders import make_decoder
from reveil.cvnn.attackers.interface import Guess, Hidden, Known, OwnData
from reveil.cvnn.scene import Intercepted
from reveil.cvnn.stacked import imaginary_part, parts, real_part
from reveil.precision import precision

NOT_ALIGNED = "none"


class TwoImage:
    """A decoder of both parts of x that gives two images, right in either order.

    Before, x may be turned back by a guess of its angle that needs no learning (``align``). Where
    features are not rotated there is one image, and one guess.
    """

    def __init__(self, known: Known) -> None:
        attack, network = known.attack, known.network
        needs_images(network.protection, f"attack {known.name}")
        self.name, self.attack, self.device = known.name, attack, known.device
        self.rotated = network.protection.rotates
        self.aligned = self.rotated and attack["align"] != NOT_ALIGNED
        self.facts: dict[str, Tensor] = {}
        (channels, *area), (colours, *size) = network.feature_shape, known.shape
        times = 2 if self.rotated else 1
        self.decoder = make_decoder(
            *(attack["decoder"], (times * channels, *area), (times * colours, *size)),
            *(attack["width"], known.seed, known.name),
        ).to(known.device)

    def fit(self, own: OwnData) -> list[dict[str, Any]]:
        """Learn what features look like, then to decode own hidden images."""
        if self.aligned:
            self.facts = blind.own_facts(own)
        return fit_decoder(self.decoder, self.loss, own, self.attack)

    def loss(self, batch: Hidden) -> Tensor:
        """Return the mean squared error of a batch in the better order of each pair."""
        images = self.decode(batch.seen)[0]
        if not self.rotated:
            return (images[0] - batch.images).square().mean()
        return either_order(images, (batch.images, batch.partners))

    def decode(self, seen: Intercepted) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """Return the guessed images, (B, C, H, W) each, and the angles that x was turned by."""
        if not self.rotated:
            return (self.decoder(seen.x),), None
        angles, both = None, parts(seen.x)
        if self.aligned:
            with torch.no_grad(), precision("fp32", self.device):
                angles = blind.estimate(self.attack["align"], seen.x, self.facts)
            both = real_part(seen.x, angles), imaginary_part(seen.x, angles)
        return self.decoder(torch.cat(both, dim=1)).chunk(2, dim=1), angles

    @torch.no_grad()
    def guess(self, seen: Intercepted) -> Guess:
        """Return both images; which is first has no meaning."""
        self.decoder.eval()
        with precision("fp32", self.device):
            images, angles = self.decode(seen)
        return Guess(images[0], images[1] if self.rotated else None, angles)

    def tensors(self) -> dict[str, Tensor]:
        """Return the decoder's weights, and what features look like."""
        weights = {f"decoder.{key}": value for key, value in self.decoder.state_dict().items()}
        return weights | {f"facts.{key}": value for key, value in self.facts.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take what :meth:`tensors` gave."""
        kept: dict[str, dict[str, Tensor]] = {"decoder": {}, "facts": {}}
        for key, value in tensors.items():
            part, _, name = key.partition(".")
            kept[part][name] = value.to(self.device)
        self.decoder.load_state_dict(kept["decoder"])
        self.facts = kept["facts"]


def either_order(guesses: tuple[Tensor, ...], images: tuple[Tensor, Tensor]) -> Tensor:
    """Return the mean squared error of pairs of guesses, each pair in its better order.

    Args:
        guesses, images: two of (B, C, H, W) each.
    """
    errors = [
        [(guess - image).square().flatten(1).mean(1) for image in images] for guess in guesses
    ]
    straight, crossed = errors[0][0] + errors[1][1], errors[0][1] + errors[1][0]
    return torch.minimum(straight, crossed).mean() / 2


def make(known: Known) -> TwoImage:
    """Return the attacker of method ``two_image``."""
    return TwoImage(known)
