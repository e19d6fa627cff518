"""The verdict on a claim from the tables of a run."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from reveil.errors import ReveilError
from reveil.statistics import RESAMPLES, Estimate
from reveil.verdicts import decide, reasons, scope
from reveil.verdicts.criteria import DECIDES, PREMISE, Claim, Cut, Test
from reveil.verdicts.decide import TestVerdict, Verdict
from reveil.verdicts.judged import NO_DATA, Judged, Number
from reveil.verdicts.measures import NOTHING, Rows, estimate
from reveil.verdicts.units import IMAGE, SEED, Cell, Groups, StandIns, cells, counterpart, unit_of

# What a verdict would say if the scope were not asked for.
DEMONSTRATIONS = {
    Verdict.SUPPORTED: "supports",
    Verdict.CONTRADICTED: "contradicts",
    Verdict.UNDECIDED: "undecided",
}
Tables = Callable[[str], pd.DataFrame | None]


def judge(
    claim: Claim,
    tables: Tables,
    *,
    iterations: Mapping[str, int] | None = None,
    cuts: Sequence[Cut] = (),
    stand_ins: StandIns | None = None,
    resamples: int = RESAMPLES,
) -> Judged:
    """Judge a claim.

    Args:
        claim: The claim.
        tables: Name of a table -> its rows, None if the run does not have it.
        iterations: Attack -> iterations of its preset; see ``shortfalls`` in :mod:`scope`.
        cuts: Presets that have less than they are shipped with; what they make decides nothing.
        stand_ins: Names that may take the place of others in a demonstration.
        resamples: Of bootstraps.

    Raises:
        ReveilError: a table lacks a column that a test names.
    """
    groups = {
        name: Groups(name, table)
        for name in dict.fromkeys(test.table for test in claim.tests)
        if (table := tables(name)) is not None and len(table)
    }
    plans = [
        (rows, (*short, *scope.thin(found, rows.cell, claim, test)), found)
        for test in claim.tests
        if test.table in groups
        for rows, short in _planned(
            claim, test, groups[test.table], iterations or {}, cuts, stand_ins or {}
        )
        for found in [estimate(rows, test.confidence, resamples)]
    ]
    premises = {
        test.name: [
            (rows.cell, decide.of_cell(found, test))
            for rows, _, found in plans
            if rows.test is test
        ]
        for test in claim.of_role(PREMISE)
    }
    comparisons = sum(
        rows.test.role == DECIDES and not short and _holds(rows.cell, premises)
        for rows, short, _ in plans
    )
    numbers = tuple(
        _number(rows, short, found, _holds(rows.cell, premises), comparisons, resamples)
        for rows, short, found in plans
    )
    return _concluded(claim, numbers, comparisons)


def _planned(
    claim: Claim,
    test: Test,
    groups: Groups,
    iterations: Mapping[str, int],
    cuts: Sequence[Cut],
    stand_ins: StandIns,
) -> Iterable[tuple[Rows, tuple[str, ...]]]:
    """Yield the rows of every cell of a test, and how it falls short of the scope."""
    try:
        for cell in cells(test, groups, stand_ins):
            reference, other = _against(cell, groups, test.reference, test, stand_ins)
            baseline, third = _against(cell, groups, test.baseline, test, stand_ins)
            paired = cell._replace(rows=_shared(cell.rows, reference, baseline))
            short = scope.shortfalls(paired, claim, test, groups.rows, iterations, cuts)
            rows = Rows(test, cell, reference, baseline, groups.rows)
            yield rows, (*short, *other, *third)
    except ReveilError as error:
        raise ReveilError(f"claim {claim.id!r}: {error}") from None


def _shared(rows: pd.DataFrame, *others: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose image and seed are among those that they are compared with, too."""
    for other in others:
        for key in (IMAGE, SEED):
            if key in rows and key in other and len(other):
                # Networks without a training have one seed, which may be none of the others'.
                common = rows[key].isin(other[key])
                rows = rows[common] if key == IMAGE or common.any() else rows
    return rows


def _against(
    cell: Cell, groups: Groups, changed: Mapping[str, str], test: Test, stand_ins: StandIns
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows compared with, and in words what stands in for others."""
    if not changed:
        return groups.rows.iloc[:0], []
    rows = counterpart(cell, groups, changed, test)
    if len(rows):
        return rows, []
    rows = counterpart(cell, groups, changed, test, stand_ins)
    if rows.empty:
        return rows, ["nothing to compare with"]
    named = ", ".join(f"{column} {rows[column].iloc[0]}" for column in changed)
    return rows, [f"compared with {named}"]


def _holds(cell: Cell, premises: Mapping[str, list[tuple[Cell, Verdict]]]) -> bool:
    """Return whether every premise is supported where a cell is.

    A premise is about the same protocol, dataset, model and attack under the policy of its own; of
    a network's recipe and policy it says nothing.
    """
    where = ("protocol", "dataset", "model", "attack")
    for judged in premises.values():
        there = [
            verdict
            for other, verdict in judged
            if all(
                other.named.get(key) == cell.named.get(key) for key in where if key in cell.named
            )
        ]
        # A table without attacks, as that of accuracies, has nothing for a premise to be about.
        if "attack" in cell.named and (not there or set(there) != {Verdict.SUPPORTED}):
            return False
    return True


def _number(
    rows: Rows,
    short: Sequence[str],
    found: Estimate,
    premise: bool,
    comparisons: int,
    resamples: int,
) -> Number:
    test, wider = rows.test, found
    if comparisons > 1 and found.n:
        level = 1 - (1 - test.confidence) / comparisons
        wider = estimate(rows, level, resamples)
    return Number(
        test,
        rows.cell,
        found if found.n else NOTHING,
        wider,
        decide.of_cell(found, test),
        decide.of_cell(wider, test),
        decide.units_needed(found, test),
        tuple(short) if found.n else (*short, "no number"),
        premise or test.role == PREMISE,
    )


def _concluded(claim: Claim, numbers: tuple[Number, ...], comparisons: int) -> Judged:
    tests = tuple(_of_test(test, numbers, lambda n: n.counts) for test in claim.tests)
    adjusted = [_of_test(test, numbers, lambda n: n.counts, adjusted=True) for test in claim.tests]
    gone = list(
        dict.fromkeys(
            text
            for test in claim.of_role(DECIDES)
            for text in scope.missing(
                claim, test, [n.cell for n in numbers if n.test is test and not n.short]
            )
        )
    )
    verdict, wider = decide.of_claim(tests), decide.of_claim(adjusted)
    if verdict is Verdict.SUPPORTED:
        # All cells agree, which needs no correction.
        wider = verdict
    reason = reasons.reason(claim, numbers, verdict)
    if gone and verdict is not Verdict.CONTRADICTED:
        verdict, reason = Verdict.NOT_RUN, reasons.not_run(numbers, gone)
    if gone and wider is not Verdict.CONTRADICTED:
        wider = Verdict.NOT_RUN
    demonstration, told = "", ""
    if verdict is Verdict.NOT_RUN:
        demonstration, told = _demonstrated(claim, numbers)
    return Judged(claim, verdict, wider, comparisons, reason, numbers, demonstration, told, tests)


def _of_test(
    test: Test,
    numbers: Sequence[Number],
    counts: Callable[[Number], bool],
    *,
    adjusted: bool = False,
) -> TestVerdict:
    kept = [n for n in numbers if n.test is test and counts(n)]
    found = [n.adjusted_verdict if adjusted else n.verdict for n in kept]
    return TestVerdict(test, decide.of_test(found, test.require))


def _demonstrated(claim: Claim, numbers: Sequence[Number]) -> tuple[str, str]:
    """Return what numbers outside of the scope say, and what they are of."""
    there = [n for n in numbers if n.estimate.n and n.test.role == DECIDES]
    if not there:
        return NO_DATA, ""
    tests = [
        _of_test(test, numbers, lambda n: n.premise and n.estimate.n > 0) for test in claim.tests
    ]
    frame = pd.DataFrame(
        {
            "n": [n.estimate.n for n in there],
            "unit": [unit_of(n.test) for n in there],
            "iterations": [_iterations(n.cell) for n in there],
        }
    )
    said = DEMONSTRATIONS[decide.of_claim(tests)]
    told = scope.described([n.cell for n in there], frame)
    if out := sum(not n.premise for n in there):
        where = "everywhere" if out == len(there) else f"in {out} of {len(there)} cells"
        told += f"; {reasons.failing(claim, numbers)} {where}"
    seen = {n.test.name for n in there}
    empty = [test.name for test in claim.of_role(DECIDES) if test.name not in seen]
    return said, told + (f"; nothing on {', '.join(empty)}" if empty else "")


def _iterations(cell: Cell) -> float:
    rows = cell.rows
    return float(rows["iterations"].max()) if "iterations" in rows else math.nan
