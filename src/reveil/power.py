"""What a number of units can show: the power of correlations and of mean differences.

A study that finds nothing says something only beside the effect that it could have found.
"""

import math

import numpy as np
from scipy import special

LEVEL = 0.05
POWER = 0.8
SMALLEST_N = 4
_NODES = 200


def correlation_power(r: float, n: int, *, level: float = LEVEL) -> float:
    """Return the probability that a two-sided test of n pairs finds a correlation of ``r``.

    Fisher's z of the observed correlation is close to normal with mean artanh(r) + r / (2 (n - 1))
    and variance 1 / (n - 3); the test is Student's t (Cohen 1988, chapter 3).

    Args:
        r: True correlation, between -1 and 1.
        n: Number of pairs, at least 4.
        level: Probability of finding one where there is none.

    Raises:
        ValueError: a correlation of 1 or beyond, or fewer than 4 pairs.
    """
    if not -1 < r < 1 or n < SMALLEST_N:
        raise ValueError(f"r: {r!r} with n: {n!r} is not allowed; allowed: -1 < r < 1, n >= 4")
    t = float(special.stdtrit(n - 2, 1 - level / 2))
    critical = math.atanh(t / math.sqrt(t * t + n - 2))
    expected = math.atanh(abs(r)) + abs(r) / (2 * (n - 1))
    scale = math.sqrt(n - 3)
    return float(
        special.ndtr((expected - critical) * scale) + special.ndtr((-expected - critical) * scale)
    )


def detectable_correlation(n: int, *, power: float = POWER, level: float = LEVEL) -> float:
    """Return the smallest absolute correlation that n pairs find with the given power.

    Args:
        n: Number of pairs; NaN is returned below 4.
        power: Probability of finding it.
        level: As in :func:`correlation_power`.
    """
    if n < SMALLEST_N:
        return float("nan")
    from scipy import optimize  # slow to load, and few tables need it

    largest = 1 - 1e-12
    if correlation_power(largest, n, level=level) < power:
        return float("nan")
    return float(
        optimize.brentq(lambda r: correlation_power(r, n, level=level) - power, 0, largest)
    )


def pairs_needed(r: float, *, power: float = POWER, level: float = LEVEL) -> int:
    """Return the smallest number of pairs that find a correlation of ``r`` with the given power.

    Raises:
        ValueError: ``r`` is 0, which no number of pairs finds, or 1 and beyond.
    """
    if r == 0:
        raise ValueError("r: 0 is not allowed: no number of pairs finds it")
    low, high = SMALLEST_N - 1, SMALLEST_N
    while correlation_power(r, high, level=level) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = correlation_power(r, middle, level=level) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def detectable_difference(
    std: float, n: int, *, power: float = POWER, level: float = LEVEL
) -> float:
    """Return the smallest mean of n paired differences that a two-sided t test finds.

    Args:
        std: Standard deviation of the differences over the units, in any unit; so is the result.
        n: Number of units; NaN is returned below 2.
        power: Probability of finding it.
        level: Probability of finding one where there is none.
    """
    if n < 2 or math.isnan(std):
        return float("nan")
    from scipy import optimize  # slow to load, and few tables need it

    # Given the observed deviation, chi-distributed, the test is one of a normal variable. SciPy's
    # non-central t is NaN at few degrees of freedom.
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    observed = np.sqrt(special.chdtri(n - 1, (1 - nodes) / 2) / (n - 1))
    critical = special.stdtrit(n - 1, 1 - level / 2) * observed

    def excess(effect: float) -> float:
        shift = effect * math.sqrt(n)
        found = special.ndtr(shift - critical) + special.ndtr(-shift - critical)
        return float(found @ weights) / 2 - power

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return std * float(optimize.brentq(excess, 0, high))


def correlation_statement(n: int, published: float | None = None) -> str:
    """Return a sentence for captions: what correlation n policies can show.

    Args:
        n: Number of policies.
        published: A published correlation, to say whether it would be found.
    """
    smallest = detectable_correlation(n)
    if math.isnan(smallest):
        return f"{n} policies are too few to find any correlation with {100 * POWER:.0f} % power."
    text = (
        f"{n} policies find a correlation of {smallest:.2f} with {100 * POWER:.0f} % power "
        f"(two-sided, {100 * LEVEL:.0f} %)"
    )
    if published is None:
        return f"{text}."
    chance = correlation_power(published, n)
    # Rounded down, so that no power reads as certainty.
    return f"{text}, and the published {published:.3f} with {math.floor(1000 * chance) / 10:.1f} %."


def difference_statement(std: float, n: int, unit: str = "dB") -> str:
    """Return a sentence for captions: what paired difference of means n images can show.

    Args:
        std: Standard deviation of the difference over images, in ``unit``.
        n: Number of images.
        unit: Unit of the difference.
    """
    smallest = detectable_difference(std, n)
    if math.isnan(smallest):
        return f"{n} images are too few to find any difference."
    return (
        f"{n} images find a mean difference of {smallest:.2f} {unit} with {100 * POWER:.0f} % "
        f"power (paired, two-sided, {100 * LEVEL:.0f} %)."
    )


def seeds_statement(n: int) -> str:
    """Return a sentence for captions: what the number of training seeds allows to say."""
    if n < 2:
        return "One seed: the variance of training is not in any number here."
    return f"{n} seeds: the deviation over seeds is that of {n} trainings."
