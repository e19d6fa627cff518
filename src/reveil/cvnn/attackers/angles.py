"""Inversion attack 1: find the angle, turn x back, decode (Xiang et al. 2020, section 4)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss, softplus

from reveil.cvnn.attackers import circular, search
from reveil.cvnn.attackers.decode import fit_decoder
from reveil.cvnn.attackers.decoders import make_decoder
from reveil.cvnn.attackers.interface import Attacker, Guess, Hidden, Known, OwnData
from reveil.cvnn.networks import adversary
from reveil.cvnn.private import construct_critic
from reveil.cvnn.scene import Intercepted
from reveil.cvnn.stacked import parts, real_part, rotate
from reveil.errors import ReveilError, not_allowed
from reveil.models.fresh import seeded
from reveil.precision import precision
from reveil.rng import generator

SCORED_BY = ("own", "wgan")
SCORED_PARTS = ("real", "both")


def make(known: Known) -> Attacker:
    """Return the attacker of method ``angle_search`` or ``angle_regression``.

    Raises:
        ReveilError: a value that is not allowed, or a network that it cannot be done on.
    """
    kinds = {"angle_search": AngleSearch, "angle_regression": AngleRegression}
    return kinds[known.attack["method"]](known)


class AngleAttacker(ABC):
    """An attacker who turns x back by the angle he guesses, and decodes what he finds.

    The decoder is trained on the true features a of own images, as in the code released in 2022:
    what a right angle gives. Features that are not rotated are decoded as they are seen, noise
    included, and there is no angle.
    """

    # Parts of the feature map that the decoder takes where it is turned back.
    decoded_parts = 1

    def __init__(self, known: Known) -> None:
        self.name, self.attack, self.device = known.name, known.attack, known.device
        self.network, self.seed = known.network, known.seed
        self.rotated = known.network.protection.rotates
        channels, height, width = known.network.feature_shape
        channels *= self.decoded_parts if self.rotated else 1
        self.decoder = make_decoder(
            known.attack["decoder"],
            (channels, height, width),
            known.shape,
            known.attack["width"],
            known.seed,
            known.name,
        ).to(known.device)

    @abstractmethod
    def angles(self, seen: Intercepted) -> Tensor:
        """Return (B,) guessed angles in [0, 2 pi) of rotated features."""

    def fit_angle(self, own: OwnData) -> list[dict[str, Any]]:
        """Learn what finding the angle needs; return the rows of its epochs."""
        return []

    def fit(self, own: OwnData) -> list[dict[str, Any]]:
        """Learn to find the angle, where there is one, and then to decode."""
        rows = self.fit_angle(own) if self.rotated else []
        return rows + fit_decoder(self.decoder, self.decoder_loss, own, self.attack)

    def decoder_loss(self, batch: Hidden) -> Tensor:
        """Return the mean squared error of the decoder, pixels in [0, 1]."""
        features = self.lesson(batch) if self.rotated else batch.seen.x
        return mse_loss(self.decoder(features), batch.images)

    def lesson(self, batch: Hidden) -> Tensor:
        """Return the features that the decoder learns from, where they are rotated."""
        return batch.a

    def recovered(self, seen: Intercepted, angles: Tensor) -> Tensor:
        """Return what is decoded of x for guessed angles: a* = Re[x exp(-i angle)]."""
        return real_part(seen.x, angles)

    @torch.no_grad()
    def guess(self, seen: Intercepted) -> Guess:
        """Return the images, and the angles by which x was turned back for them."""
        angles = self.angles(seen) if self.rotated else None
        features = self.recovered(seen, angles) if self.rotated else seen.x
        with precision("fp32", self.device):
            return Guess(images=self.decoder.eval()(features), angles=angles)

    @property
    def learned(self) -> nn.ModuleDict:
        """All modules that were trained."""
        return nn.ModuleDict({"decoder": self.decoder})

    def tensors(self) -> dict[str, Tensor]:
        """Return all weights."""
        return self.learned.state_dict()

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take all weights; a guess follows."""
        self.learned.load_state_dict(dict(tensors))
        self.learned.eval()


class AngleSearch(AngleAttacker):
    """The angle whose features a critic takes for the truest (Xiang et al. 2020, section 4).

    ``scored_by`` ``own``: a critic of the layers of the WGAN's is trained to tell true features a
    from features turned back by a false angle, by binary cross-entropy; ``candidates`` angles
    stand evenly on the circle. ``scored_parts`` ``real``: as published, the critic sees the real
    part of what is turned back; ``both``: the imaginary part counts, too, which tells the key from
    a quarter turn further, where the real part is b. ``wgan``: as in the code released in 2022, the
    critic that the network was trained against, and ``candidates`` random angles, the same for all
    images.

    That code scores candidate R x and then turns x by the inverse of the best R. ``consistent``
    false does the same: the angle of the guess is the negative of the one that was scored.
    """

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        scored_by = known.attack["scored_by"]
        if scored_by not in SCORED_BY:
            raise ReveilError(not_allowed("attack.scored_by", scored_by, SCORED_BY))
        if known.attack["scored_parts"] not in SCORED_PARTS:
            raise ReveilError(
                not_allowed("attack.scored_parts", known.attack["scored_parts"], SCORED_PARTS)
            )
        self.own_critic = self.rotated and scored_by == "own"
        self.critic = known.critic
        if self.rotated and not self.own_critic and known.critic is None:
            protection = known.network.protection
            raise ReveilError(
                f"attack {known.name}: scored_by: 'wgan' is not allowed for protection "
                f"{protection.name!r}, which was trained without a critic (adversary "
                f"{protection.adversary!r}); allowed: own"
            )
        if self.own_critic:
            self.critic = seeded(
                lambda: construct_critic(known.network), known.seed, known.name, "critic"
            )
        if self.critic is not None:
            self.critic = self.critic.to(known.device).eval()

    def fit_angle(self, own: OwnData) -> list[dict[str, Any]]:
        """Train the critic, unless it is the WGAN's."""
        if not self.own_critic:
            return []
        return fit_decoder(self.critic, self.critic_loss, own, self.attack, name="critic")

    def critic_loss(self, batch: Hidden) -> Tensor:
        """Return the binary cross-entropy of true and of false features, as many of both.

        The angles of own images are uniform, so that the real part of x, as it is, is turned back
        by a uniformly false angle.
        """
        false = parts(batch.seen.x)[0]
        true_scores, false_scores = self.critic(torch.cat([batch.a, false])).chunk(2)
        return (softplus(-true_scores).mean() + softplus(false_scores).mean()) / 2

    def angles(self, seen: Intercepted) -> Tensor:
        """Return the angles by which x is turned back."""
        count = self.attack["candidates"]
        candidates = search.grid(count)
        if self.attack["scored_by"] == "wgan":
            stream = generator(self.seed, "rotations", self.name)
            candidates = circular.TURN * torch.rand(count, generator=stream)
        scored = search.best_angles(
            self.critic,
            seen.x,
            candidates,
            refine=self.attack["refine"],
            both=self.attack["scored_parts"] == "both",
        )
        return scored if self.attack["consistent"] else circular.wrap(-scored)

    @property
    def learned(self) -> nn.ModuleDict:
        """All modules that were trained."""
        own = {"critic": self.critic} if self.own_critic else {}
        return nn.ModuleDict({"decoder": self.decoder, **own})


class AngleRegression(AngleAttacker):
    """The angle by regression, and both parts decoded, as in the code of Knijff et al. (2021).

    A network of the layers of their critic takes real and imaginary part as channels of one input
    and ends in 2 pi sigmoid. Its loss, the mean of |theta - theta^|, is not circular: angles on
    either side of 0 are as far apart as angles can be. The decoder learns from own images turned
    back by the angles that this network guesses.

    Their imaginary part is computed from the real part that was already overwritten.
    ``consistent`` false does the same.
    """

    decoded_parts = 2

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self.regressor: nn.Module | None = None
        if self.rotated:
            shape = known.network.feature_shape
            self.regressor = seeded(
                lambda: Regressor(shape), known.seed, known.name, "regressor"
            ).to(known.device)

    def fit_angle(self, own: OwnData) -> list[dict[str, Any]]:
        """Train the network that guesses angles."""
        return fit_decoder(self.regressor, self.angle_loss, own, self.attack, name="regressor")

    def angle_loss(self, batch: Hidden) -> Tensor:
        """Return the mean absolute difference of the angles, in radians."""
        return l1_loss(self.regressor(batch.seen.x), batch.angles)

    @torch.no_grad()
    def angles(self, seen: Intercepted) -> Tensor:
        """Return what the network guesses."""
        with precision("fp32", self.device):
            return circular.wrap(self.regressor.eval()(seen.x))

    def lesson(self, batch: Hidden) -> Tensor:
        """Return own features turned back as those of the attack will be."""
        return self.recovered(batch.seen, self.angles(batch.seen))

    def recovered(self, seen: Intercepted, angles: Tensor) -> Tensor:
        """Return (B, 2c, h, w), both parts of x exp(-i angle)."""
        real, imaginary = parts(rotate(seen.x, -angles))
        if not self.attack["consistent"]:
            # Im x cos - Re x sin, with the new real part where Re x should be.
            sine = torch.sin(angles).view(-1, 1, 1, 1)
            imaginary = imaginary + (parts(seen.x)[0] - real) * sine
        return torch.cat([real, imaginary], dim=1)

    @property
    def learned(self) -> nn.ModuleDict:
        """All modules that were trained."""
        regressor = {} if self.regressor is None else {"regressor": self.regressor}
        return nn.ModuleDict({"decoder": self.decoder, **regressor})


class Regressor(nn.Module):
    """Angles (B,) in (0, 2 pi) of stacked maps (2B, c, h, w), by the layers of the report's critic.

    Args:
        features: (c, h, w).
    """

    def __init__(self, features: tuple[int, int, int]) -> None:
        super().__init__()
        channels, height, width = features
        self.layers = adversary.critic("report", (2 * channels, height, width), False)

    def forward(self, x: Tensor) -> Tensor:
        return circular.TURN * torch.sigmoid(self.layers(torch.cat(parts(x), dim=1)))
