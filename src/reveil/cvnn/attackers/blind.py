"""Angles without learning: x is a rotation of two real sources by one unknown angle.

An attacker has thousands of equations for that angle, one a feature (methods, section 6.3). What he
uses beside x are moments of the features of his own images, which the known encoder gives him.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from reveil.chunks import run_in_chunks
from reveil.cvnn.attackers import circular
from reveil.cvnn.attackers.angles import AngleAttacker
from reveil.cvnn.attackers.interface import Known, OwnData
from reveil.cvnn.scene import Intercepted
from reveil.cvnn.stacked import parts, real_part, stack
from reveil.errors import ReveilError, not_allowed

METHODS = ("quadrant", "matched", "ica")
BINS = 720
TOLERANCE = 1e-4
# Features of one tensor: a batch of larger ones is worked through in pieces.
CHUNK_FEATURES = 1 << 24
# Own images, and features of them, that moments are taken of: more make them no better.
FACT_IMAGES, FACT_FEATURES = 4096, 1 << 28


class Blind(AngleAttacker):
    """The angle by one of ``METHODS``, ``align`` of the attack, then the decoder.

    Raises:
        ReveilError: ``align`` is none of them.
    """

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        if self.attack["align"] not in METHODS:
            raise ReveilError(not_allowed("attack.align", self.attack["align"], METHODS))
        self.facts: dict[str, Tensor] = {}

    def fit_angle(self, own: OwnData) -> list[dict[str, Any]]:
        """Take the moments of own features; there are no epochs."""
        self.facts = own_facts(own)
        return []

    def angles(self, seen: Intercepted) -> Tensor:
        """Return the estimates."""
        return estimate(self.attack["align"], seen.x, self.facts)

    def tensors(self) -> dict[str, Tensor]:
        """Return the decoder's weights and the moments."""
        return super().tensors() | {f"facts.{name}": value for name, value in self.facts.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the decoder's weights and the moments; a guess follows."""
        weights = {name: v for name, v in tensors.items() if not name.startswith("facts.")}
        super().load(weights)
        self.facts = {
            name.removeprefix("facts."): tensors[name].to(self.device)
            for name in tensors.keys() - weights.keys()
        }


def make(known: Known) -> Blind:
    """Return the attacker of method ``blind``."""
    return Blind(known)


def own_facts(own: OwnData) -> dict[str, Tensor]:
    """Return :func:`fit_facts` of an attacker's own images, or of as many as are enough."""
    each = math.prod(own.network.feature_shape)
    count = max(1, min(FACT_IMAGES, FACT_FEATURES // each))
    return fit_facts(own.features(own.training_rows[:count]))


def fit_facts(features: Tensor) -> dict[str, Tensor]:
    """Return what the attacker learns from his own features: moments, in one pass.

    Args:
        features: (N, c, h, w) true feature maps a of his images.

    Returns:
        ``mean``, (c, h, w), their mean; ``kurtosis_sign``, (c,), the sign of the mean over images
        of kappa = E[a^4] - 3 E[a^2]^2, with expectations over the positions of a channel and each
        image's own mean taken off.
    """
    pieces = run_in_chunks(
        lambda piece: _moments(features[piece]), len(features), _chunk(features[:1].numel())
    )
    totals = [torch.stack(column).sum(0) for column in zip(*pieces, strict=True)]
    mean = (totals[0] / len(features)).to(features.dtype)
    return {"mean": mean, "kurtosis_sign": totals[1].sign().to(features.dtype)}


def estimate(method: str, x: Tensor, facts: Mapping[str, Tensor]) -> Tensor:
    """Return the angle that every sample was turned by, as far as x shows it.

    Args:
        method: ``quadrant``, ``matched`` or ``ica``.
        x: stacked, (2B, c, h, w).
        facts: of :func:`fit_facts`, on the device of x.

    Returns:
        (B,) angles in [0, 2 pi).

    Raises:
        ReveilError: an unknown method.
    """
    methods: dict[str, Callable[[Tensor, Mapping[str, Tensor]], Tensor]] = {
        "quadrant": lambda x, facts: quadrant(x),
        "matched": matched,
        "ica": ica,
    }
    if method not in methods:
        raise ReveilError(not_allowed("align", method, METHODS))
    real, imaginary = parts(x)
    pieces = run_in_chunks(
        lambda piece: methods[method](stack(real[piece], imaginary[piece]), facts),
        len(real),
        _chunk(x[:1].numel()),
        what=f"angles by {method}",
    )
    return torch.cat(pieces)


def quadrant(x: Tensor) -> Tensor:
    """Return (B,) angles from the quarter circle that holds all phases.

    Where the encoder ends in ReLU, a and b are not negative, so that arg x lies in
    [theta, theta + pi / 2]. A histogram of the phases, weighted by modulus, finds that window to a
    bin. Near it, theta is where the least of the features turned back is negative: exact zeros of
    a and of b, which lie on both ends of the window, make that minimum sharp.

    Args:
        x: stacked, (2B, c, h, w).
    """
    real, imaginary = (part.flatten(1) for part in parts(x))
    phase = circular.wrap(torch.atan2(imaginary, real))
    bins = (phase * (BINS / circular.TURN)).long().clamp_(max=BINS - 1)
    # The sums of many small moduli are compared: single precision would tie or swap neighbours.
    mass = real.new_zeros(len(real), BINS, dtype=torch.float64)
    mass.scatter_add_(1, bins, torch.hypot(real, imaginary).double())
    # A quarter circle that starts within a bin touches one bin more than a quarter of them.
    width = BINS // 4 + 1
    total = torch.cat([mass, mass[:, :width]], dim=1).cumsum(1)
    total = torch.nn.functional.pad(total, (1, 0))
    window = total[:, width : width + BINS] - total[:, :BINS]
    step = circular.TURN / BINS
    start = (window.argmax(1).to(real.dtype) + 0.5) * step

    def outside(angles: Tensor) -> Tensor:
        turned, quarter = real_part(x, angles), real_part(x, angles + circular.QUARTER)
        return -(turned.clamp(max=0).square() + quarter.clamp(max=0).square()).flatten(1).sum(1)

    return circular.maximise(outside, start, 1.5 * step, TOLERANCE)


def matched(x: Tensor, facts: Mapping[str, Tensor]) -> Tensor:
    """Return (B,) angles by a matched filter, arg(sum of x mu) - pi / 4.

    mu = E[a] = E[b] is the attacker's own mean feature map. Features of zero mean say nothing.

    Args:
        x: stacked, (2B, c, h, w).
        facts: ``mean``.
    """
    real, imaginary = ((part * facts["mean"]).flatten(1).sum(1) for part in parts(x))
    return circular.wrap(torch.atan2(imaginary, real) - math.pi / 4)


def ica(x: Tensor, facts: Mapping[str, Tensor]) -> Tensor:
    """Return (B,) angles from fourth moments, a quarter turn by the matched filter.

    For independent a and b of zero mean, E[x^4] - 3 E[x^2]^2 = exp(4 i theta) (kappa_a + kappa_b):
    theta modulo pi / 2. Channels are added with the sign of their kappa. Of the four angles that
    are left the nearest to the matched filter's is taken, at random where features have no mean.

    Args:
        x: stacked, (2B, c, h, w).
        facts: ``mean`` and ``kurtosis_sign``.
    """
    real, imaginary = (_centred(part) for part in parts(x))
    square = real.square() - imaginary.square(), 2 * real * imaginary
    fourth = (square[0].square() - square[1].square()).mean(2), (2 * square[0] * square[1]).mean(2)
    second = square[0].mean(2), square[1].mean(2)
    cumulant = (
        fourth[0] - 3 * (second[0].square() - second[1].square()),
        fourth[1] - 6 * second[0] * second[1],
    )
    cosine, sine = (part @ facts["kurtosis_sign"] for part in cumulant)
    angle = torch.atan2(sine, cosine) / 4
    turns = torch.round((matched(x, facts) - angle) / circular.QUARTER)
    return circular.wrap(angle + turns * circular.QUARTER)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    squares = _centred(features).double().square()
    kurtosis = squares.square().mean(2) - 3 * squares.mean(2).square()
    return features.double().sum(0), kurtosis.sum(0)


def _centred(features: Tensor) -> Tensor:
    """Return (B, c, positions) features without the mean of each channel of each sample."""
    flat = features.flatten(2)
    return flat - flat.mean(2, keepdim=True)


def _chunk(features: int) -> int:
    return max(1, CHUNK_FEATURES // features)
