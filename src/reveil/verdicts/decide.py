"""From an interval and a margin to a verdict: of a cell, of a test, of a claim."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from reveil.statistics import Estimate
from reveil.verdicts.criteria import DECIDES, Test


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


def units_needed(estimate: Estimate, test: Test) -> int | None:
    """Return how many units would decide an undecided cell if its value stayed as it is.

    The distance from the value to the end of the interval that is in the way shrinks as
    1 / sqrt(n). None where there is no interval, or the value lies on the margin itself, so that no
    number would do.
    """
    if of_cell(estimate, test) is not Verdict.UNDECIDED or math.isnan(estimate.low):
        return None
    needed = [_needed(estimate, margin) for margin in _margins(estimate, test)]
    if any(n is None for n in needed):
        return None
    return max(estimate.n + 1, *(n for n in needed if n is not None))


def _margins(estimate: Estimate, test: Test) -> list[float]:
    """Return the margins that the interval has to leave on one side of it."""
    if test.alternative != "equivalent":
        return [test.margin]
    if abs(estimate.value) < test.margin:
        return [-test.margin, test.margin]
    return [math.copysign(test.margin, estimate.value)]


def _needed(estimate: Estimate, margin: float) -> int | None:
    distance = abs(estimate.value - margin)
    below = estimate.value < margin
    half = estimate.high - estimate.value if below else estimate.value - estimate.low
    if distance == 0:
        return None
    wanted = estimate.n * (half / distance) ** 2
    return None if not math.isfinite(wanted) or wanted > 1e12 else math.ceil(wanted)


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
