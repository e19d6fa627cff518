"""The steps of training, and the learning rate over its epochs or over an attack's iterations."""

from bisect import bisect_right
from collections.abc import Sequence

DIVISORS = (2.667, 1.6, 1.142)


def milestones(length: int, divisors: Sequence[float] = DIVISORS) -> tuple[int, ...]:
    """Return the 0-based steps from which the rate is lower: ``length // divisor`` each.

    Floor division of floats as in the code of Gao et al. 2021, so that 200 epochs give 74, 124 and
    175 and not the 75, 125 and 175 of exact eighths.
    """
    return tuple(int(length // divisor) for divisor in divisors)


def decayed(base: float, gamma: float, marks: Sequence[int], step: int) -> float:
    """Return the rate of ``step``: ``base`` times ``gamma`` for every mark that was reached."""
    return base * gamma ** bisect_right(sorted(marks), step)


def steps_per_epoch(count: int, batch: int, drop_last: bool) -> int:
    """Return how many steps of ``batch`` images an epoch of ``count`` images has."""
    full, rest = divmod(count, batch)
    return full + (rest > 0 and not drop_last)
