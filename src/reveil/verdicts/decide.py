"""From an interval and a margin to a verdict: of a cell, of a test, of a claim."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from scipy import special

from reveil.crossed import CrossedEstimate, Layout, smallest
from reveil.statistics import STUDENT, WELCH, Estimate
from reveil.verdicts.criteria import DECIDES, Test
from reveil.verdicts.units import IMAGE, SEED, unit_of

# What Student's t loses of its degrees of freedom; Welch's are at most n - 2.
_LOST = {STUDENT: 1, WELCH: 2}


class Verdict(StrEnum):
    """What is said of a claim, a test or a cell."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    NOT_RUN = "not run"


def of_cell(estimate: Estimate, test: Test) -> Verdict:
    """Return on which side of the margin the whole interval lies.

    ``equivalent`` is supported where the interval lies within plus and minus the margin, which at a
    confidence of 1 - 2a are two one-sided tests of level a (Schuirmann 1987), and contradicted
    where it lies wholly outside. No interval is undecided.
    """
    low, high, margin = estimate.low, estimate.high, test.margin
    if math.isnan(low) or math.isnan(high):
        return Verdict.UNDECIDED
    if test.alternative == "equivalent":
        inside, outside = -margin < low and high < margin, high < -margin or low > margin
    elif test.alternative == "less":
        inside, outside = high < margin, low > margin
    else:
        inside, outside = low > margin, high < margin
    if inside:
        return Verdict.SUPPORTED
    return Verdict.CONTRADICTED if outside else Verdict.UNDECIDED


class Needed(NamedTuple):
    """How much would decide an undecided cell: a number of images, seeds or policies."""

    count: int
    unit: str


def units_needed(estimate: Estimate, test: Test) -> Needed | None:
    """Return how many units would decide an undecided cell if its value stayed as it is.

    As the next value falls on either side of this one, so many decide with about even chances. Of a
    mean over images and trainings it is the images, and where no number of these would do, the
    seeds. None where there is no interval, or the value lies on the margin, so that no number
    would do.
    """
    if of_cell(estimate, test) is not Verdict.UNDECIDED or math.isnan(estimate.low):
        return None
    margins = _margins(estimate, test)
    if isinstance(estimate, CrossedEstimate):
        distance = min(abs(estimate.value - margin) for margin in margins)
        return _images_or_seeds(estimate.layout, distance, test.confidence)
    counts = [_needed(estimate, margin, test.confidence) for margin in margins]
    if any(count is None for count in counts):
        return None
    return Needed(max(n for n in counts if n is not None), unit_of(test))


def _images_or_seeds(layout: Layout, distance: float, level: float) -> Needed | None:
    """Return how many images, or else seeds, make half of the interval narrower than a distance."""

    def images_do(n: int) -> bool:
        return layout.with_more(n, layout.seeds).half_width(level) < distance

    def seeds_do(n: int) -> bool:
        return layout.with_more(layout.images, n).half_width(level) < distance

    if (count := smallest(images_do, layout.images + 1)) is not None:
        return Needed(count, IMAGE)
    count = smallest(seeds_do, layout.seeds + 1)
    return None if count is None else Needed(count, SEED)


def _margins(estimate: Estimate, test: Test) -> list[float]:
    """Return the margins that the interval has to leave on one side of it."""
    if test.alternative != "equivalent":
        return [test.margin]
    if abs(estimate.value) < test.margin:
        return [-test.margin, test.margin]
    return [math.copysign(test.margin, estimate.value)]


def _needed(estimate: Estimate, margin: float, level: float) -> int | None:
    """Return the units whose interval ends before a margin.

    The way from the value to its end shrinks as 1 / sqrt(n), and of few units also with the
    quantile of Student's t.
    """
    distance = abs(estimate.value - margin)
    below = estimate.value < margin
    half = estimate.high - estimate.value if below else estimate.value - estimate.low
    if distance == 0 or not math.isfinite(half):
        return None
    lost = _LOST.get(estimate.method)

    def relative(n: int) -> float:
        quantile = 1.0 if lost is None else special.stdtrit(n - lost, (1 + level) / 2)
        return float(quantile / math.sqrt(n))

    now = half / relative(estimate.n)
    return smallest(lambda n: now * relative(n) < distance, estimate.n + 1)


def of_test(found: Sequence[Verdict], require: str) -> Verdict:
    """Return the verdict of a test from those of its cells; undecided without any.

    With ``all`` one contradicted cell contradicts, and all must support; with ``most`` more than
    half of the cells decide.
    """
    if not found:
        return Verdict.UNDECIDED
    if require == "all":
        if Verdict.CONTRADICTED in found:
            return Verdict.CONTRADICTED
        every = set(found) == {Verdict.SUPPORTED}
        return Verdict.SUPPORTED if every else Verdict.UNDECIDED
    for verdict in (Verdict.SUPPORTED, Verdict.CONTRADICTED):
        if found.count(verdict) > len(found) / 2:
            return verdict
    return Verdict.UNDECIDED


class TestVerdict(NamedTuple):
    """The verdict of one test."""

    # Not a class of tests, whatever pytest makes of its name.
    __test__ = False

    test: Test
    verdict: Verdict


def of_claim(found: Sequence[TestVerdict]) -> Verdict:
    """Return the verdict of a claim whose scope is met from those of its tests.

    Any contradicted test that decides contradicts it; it is supported if all of them are.
    """
    deciding = [entry.verdict for entry in found if entry.test.role == DECIDES]
    if Verdict.CONTRADICTED in deciding:
        return Verdict.CONTRADICTED
    every = bool(deciding) and set(deciding) == {Verdict.SUPPORTED}
    return Verdict.SUPPORTED if every else Verdict.UNDECIDED
