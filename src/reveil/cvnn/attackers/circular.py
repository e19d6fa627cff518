"""Angles on the circle: how far apart two are, and the best one near a first guess."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

TURN = 2 * math.pi
QUARTER = math.pi / 2
# A guess this close to a quarter turn from the angle took one axis for another.
NEAR = 0.1

_GOLDEN = (math.sqrt(5) - 1) / 2


def wrap(angles: Tensor) -> Tensor:
    """Return angles in radians as the same points of the circle in [0, 2 pi)."""
    wrapped = torch.remainder(angles, TURN)
    # The remainder of a tiny negative number rounds up to the whole turn.
    return torch.where(wrapped >= TURN, 0, wrapped)


def error(guess: Tensor, angle: Tensor) -> Tensor:
    """Return the distance of two angles on the circle, in [0, pi]; chance is pi / 2."""
    apart = torch.remainder(guess - angle, TURN)
    return torch.minimum(apart, TURN - apart)


def quarter_error(guess: Tensor, angle: Tensor) -> Tensor:
    """Return the distance of two angles modulo quarter turns, in [0, pi / 4]; chance is pi / 8."""
    apart = torch.remainder(guess - angle, QUARTER)
    return torch.minimum(apart, QUARTER - apart)


def quarter_turns(guess: Tensor, angle: Tensor, within: float = NEAR) -> Tensor:
    """Return the quarter turns from the angle to the guess, 0 to 3 as floats.

    Args:
        within: radians from such a turn up to which it counts; NaN where the guess is farther.
    """
    # The absolute value makes a plain zero of -0.0.
    turns = torch.remainder(torch.round((guess - angle) / QUARTER), 4).abs()
    return torch.where(quarter_error(guess, angle) <= within, turns, math.nan)


def maximise(
    score: Callable[[Tensor], Tensor], start: Tensor, reach: float, tolerance: float
) -> Tensor:
    """Return the best angle of every sample within ``reach`` of its start, by golden section.

    All samples shrink their intervals together, one call of ``score`` a step. The start competes,
    so that the result never scores lower where the score has several peaks.

    Args:
        score: maps (B,) angles, one a sample, to (B,) scores.
        start: (B,) radians.
        reach: half the width of the first interval, in radians.
        tolerance: width in radians of the last interval.

    Returns:
        (B,) angles in [0, 2 pi).
    """
    low, high = start - reach, start + reach
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = score(left), score(right)
    steps = max(0, math.ceil(math.log(tolerance / (2 * reach)) / math.log(_GOLDEN)))
    for _ in range(steps):
        keep_left = at_left >= at_right
        low, high = torch.where(keep_left, low, left), torch.where(keep_left, right, high)
        inner = torch.where(keep_left, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_inner = score(inner)
        left, right = torch.where(keep_left, inner, right), torch.where(keep_left, left, inner)
        at_left, at_right = (
            torch.where(keep_left, at_inner, at_right),
            torch.where(keep_left, at_left, at_inner),
        )
    found, scored = torch.where(at_left >= at_right, left, right), torch.maximum(at_left, at_right)
    return wrap(torch.where(scored > score(start), found, start))
