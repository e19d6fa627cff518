"""What judging a claim gives: its numbers, and the verdict that they make."""

import math
from typing import Any, NamedTuple

from reveil.statistics import Estimate
from reveil.verdicts.criteria import DECIDES, Claim, Test
from reveil.verdicts.decide import Needed, TestVerdict, Verdict
from reveil.verdicts.units import Cell

NO_DATA = "no data"


class Number(NamedTuple):
    """One number of a test: a cell's statistic, its interval and what follows.

    Attributes:
        test: The test.
        cell: Its cell.
        estimate: The statistic at the test's confidence.
        adjusted: The same with the interval of a Bonferroni correction for all deciding cells.
        verdict: Of the cell.
        adjusted_verdict: By the wider interval.
        needed: What would decide an undecided cell; None if nothing would, or it is decided.
        short: How the cell falls short of the scope.
        premise: Whether the premises hold there; a cell where they do not decides nothing.
    """

    test: Test
    cell: Cell
    estimate: Estimate
    adjusted: Estimate
    verdict: Verdict
    adjusted_verdict: Verdict
    needed: Needed | None
    short: tuple[str, ...]
    premise: bool

    @property
    def counts(self) -> bool:
        """Whether the cell is one of those that a verdict follows from."""
        return not self.short and self.premise


class Judged(NamedTuple):
    """The verdict on a claim.

    Attributes:
        claim: The claim.
        verdict: Of the criterion.
        adjusted: The verdict with intervals corrected for ``comparisons``.
        comparisons: Deciding cells within the scope.
        reason: In words, where the verdict is not that all tests agree.
        numbers: All numbers, in scope or not, of all tests.
        demonstration: What the numbers say without regard to the scope; ``no data`` if there are
            none. Empty where there is a verdict.
        demonstrated: What the demonstration was made with.
        tests: Verdict of each test within the scope.
    """

    claim: Claim
    verdict: Verdict
    adjusted: Verdict
    comparisons: int
    reason: str
    numbers: tuple[Number, ...]
    demonstration: str
    demonstrated: str
    tests: tuple[TestVerdict, ...]

    def deciding(self) -> Number | None:
        """Return the number that the verdict, or its demonstration, hangs on.

        Of the deciding tests: a contradicting cell before an undecided one before a supporting one,
        and of equals the one whose interval goes furthest against the claim, in units of its width
        where several measures are compared.
        """
        numbers = [n for n in self.numbers if n.test.role == DECIDES and n.estimate.n]
        if self.verdict is not Verdict.NOT_RUN:
            numbers = [n for n in numbers if n.counts]
        numbers = [n for n in numbers if n.premise] or numbers
        order = (Verdict.CONTRADICTED, Verdict.UNDECIDED, Verdict.SUPPORTED)
        first = min((order.index(n.verdict) for n in numbers), default=0)
        worst = [n for n in numbers if order.index(n.verdict) == first]
        alike = len({(n.test.statistic, n.test.column) for n in worst}) == 1
        return max(worst, key=_beyond if alike else _half_widths_beyond, default=None)


def _beyond(number: Number) -> float:
    """Return how far the worse end of an interval lies beyond the margin, negative if within.

    Of a number without an interval it is the number itself.
    """
    found, margin = number.estimate, number.test.margin
    low, high = (found.value if math.isnan(end) else end for end in (found.low, found.high))
    if number.test.alternative == "equivalent":
        return max(abs(low), abs(high)) - margin
    return high - margin if number.test.alternative == "less" else margin - low


def _half_widths_beyond(number: Number) -> float:
    """Return the same in halves of the interval, in which numbers of other units can be compared.

    Of numbers without an interval those beyond come first of all, and the others last.
    """
    half, beyond = (number.estimate.high - number.estimate.low) / 2, _beyond(number)
    return beyond / half if half > 0 else math.copysign(math.inf, beyond)


def facts(number: Number) -> dict[str, Any]:
    """Return what names the cell of a number, for tables."""
    return {key: number.cell.named.get(key, "") for key in ("protocol", "dataset", "model")} | {
        key: number.cell.named.get(key, "")
        for key in ("policy", "recipe", "attack", "defence", "victim", "layer", "part")
    }
