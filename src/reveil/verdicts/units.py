"""The rows that a test is about, cell by cell, and their values by unit of sampling.

A cell is one combination of protocol, dataset, model, policy, recipe, attack and so on: rows that
differ in anything but image and seed are never pooled, whatever a criterion lists in ``cells``.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from reveil import policies
from reveil.errors import ReveilError
from reveil.library import LIBRARY
from reveil.statistics import finite_psnr
from reveil.tables.measures import DECIBELS
from reveil.verdicts.criteria import Test

OK = "ok"
# What names a cell, as far as a table has it.
KEYS = (
    *("protocol", "dataset", "model", "policy", "recipe", "attack", "defence"),
    *("victim", "layer", "part"),
)
# Without a word on it a claim is about gradients and features as they are.
NO_DEFENCE = "none"
IMAGE, SEED, POLICY = "image", "seed", "policy"
# The table's unit; a cell of the others is compared seed by seed.
UNITS = {
    "images": IMAGE,
    "layers": IMAGE,
    "scores": POLICY,
    "correlation": POLICY,
    "singles": SEED,
    "models": SEED,
    "attackers": SEED,
}
StandIns = Mapping[str, Mapping[str, tuple[str, ...]]]


class Cell(NamedTuple):
    """The rows of one cell.

    Attributes:
        named: column -> value, of ``KEYS``.
        rows: of the test's table, those without a value in its column left out.
        asked: column -> the name by which the criterion selects the cell; ``published-1`` for
            ``3-1-7``.
        failed: rows without a result.
    """

    named: dict[str, str]
    rows: pd.DataFrame
    asked: dict[str, str]
    failed: int


class Groups:
    """A table by what names its cells, grouped once for all tests.

    Args:
        name: Of the table.
        rows: Its rows, with the columns of ``KEYS`` that it knows.

    Attributes:
        parts: What names a cell -> its rows.
    """

    def __init__(self, name: str, rows: pd.DataFrame) -> None:
        self.name, self.rows = name, rows
        over_policies = UNITS[name] == POLICY or name == "singles"
        keys = [key for key in KEYS if key in rows and not (key == POLICY and over_policies)]
        grouped = rows.groupby(keys, sort=False, dropna=False)
        self.parts = [
            ({key: str(value) for key, value in zip(keys, values, strict=True)}, part)
            for values, part in grouped
        ]


def cells(test: Test, groups: Groups, stand_ins: StandIns | None = None) -> list[Cell]:
    """Return the cells of a test, in the order of their first rows.

    Args:
        test: The test.
        groups: Its table.
        stand_ins: column -> name in a criterion -> names that may take its place, for
            demonstrations.

    Raises:
        ReveilError: the table lacks a column that the test names, or its measure is text.
    """
    _require(test, groups.rows)
    found = []
    for named, part in groups.parts:
        if "defence" not in test.select and named.get("defence", NO_DEFENCE) != NO_DEFENCE:
            continue
        asked = {
            column: _asked(column, wanted, named, part, stand_ins or {})
            for column, wanted in test.select.items()
        }
        if None in asked.values() or not _made_of(named.get(POLICY, ""), test.transformations):
            continue
        rows = _chosen(part, test)
        if len(rows):
            good = _good(rows, test)
            found.append(Cell(named, good, asked, len(rows) - len(good)))
    return found


def counterpart(
    cell: Cell,
    groups: Groups,
    changed: Mapping[str, str],
    test: Test,
    stand_ins: StandIns | None = None,
) -> pd.DataFrame:
    """Return the rows that a cell is compared with: equal but for the columns in ``changed``.

    Of several stand-ins for a column the first that has rows counts.

    Raises:
        ReveilError: the table lacks a column of ``changed``.
    """
    if odd := sorted(set(changed) - set(groups.rows.columns)):
        raise ReveilError(f"tests {test.name!r}: reference: the table has no column {odd[0]!r}")
    equal = {key: value for key, value in cell.named.items() if key not in changed}
    parts = [(named, part) for named, part in groups.parts if equal.items() <= named.items()]
    for column, value in changed.items():
        for name in (value, *(stand_ins or {}).get(column, {}).get(value, ())):
            if kept := list(_with(parts, column, names_of(column, name, cell.named))):
                break
        parts = kept
    if not parts:
        return groups.rows.iloc[:0]
    rows = pd.concat([part for _, part in parts]) if len(parts) > 1 else parts[0][1]
    return _good(_chosen(rows, test, but=tuple(changed)), test)


def _with(
    parts: list[tuple[dict[str, str], pd.DataFrame]], column: str, values: tuple[str, ...]
) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Yield the parts of cells, or of rows where the column names no cell, with one of values."""
    for named, part in parts:
        if column not in named:
            part = part[part[column].astype(str).isin(values)]
        elif named[column] not in values:
            continue
        if len(part):
            yield named, part


def _good(rows: pd.DataFrame, test: Test) -> pd.DataFrame:
    """Return the rows with a result."""
    good = rows[rows["status"] == OK] if "status" in rows else rows
    return good if test.statistic == "share" else good.dropna(subset=[test.column])


def by_unit(rows: pd.DataFrame, column: str, unit: str) -> pd.Series:
    """Return one value a unit, seeds averaged within an image or a policy.

    Args:
        rows: Of one cell.
        column: The measure.
        unit: ``image``, ``seed`` or ``policy``.
    """
    return values_of(rows, column).groupby(rows[unit]).mean().dropna()


def values_of(rows: pd.DataFrame, column: str) -> pd.Series:
    """Return a measure of each row, PSNR and floors capped at 100 dB."""
    if column.startswith(DECIBELS):
        return pd.Series(finite_psnr(rows[column]), index=rows.index)
    return rows[column].astype(float)


def unit_of(test: Test) -> str:
    """Return what the n of a test counts: ``image``, ``seed`` or ``policy``."""
    return test.unit or UNITS[test.table]


def resolved(wanted: str | int, named: Mapping[str, str]) -> str:
    """Return the policy that a name of a criterion stands for in a cell."""
    try:
        return policies.resolve_alias(
            str(wanted), named["dataset"], named["model"], named.get("protocol", ""), 0
        )
    except ReveilError:
        # A protection or an operator, or an alias of a search that this cell does not have.
        return str(wanted)


def _require(test: Test, table: pd.DataFrame) -> None:
    used = [test.column, *test.select, *([test.more["with"]] if "with" in test.more else [])]
    used += [test.more["control"]] if "control" in test.more else []
    used += test.more.get("where", ())
    if test.statistic == "overlap":
        used += ["candidate", f"{test.column}_std", f"{test.column}_n"]
    for column in used:
        if column not in table:
            raise ReveilError(
                f"tests {test.name!r}: column {column!r} is not in the table {test.table}; "
                f"it has {', '.join(table.columns)}"
            )
    for column in {test.column, test.more.get("with", test.column)}:
        odd = table[column][pd.to_numeric(table[column], errors="coerce").isna()].dropna()
        if len(odd) and test.statistic != "share":
            raise ReveilError(
                f"tests {test.name!r}: column {column!r} of the table {test.table} is no number: "
                f"it has {str(odd.iloc[0])!r}"
            )


def _asked(
    column: str,
    wanted: tuple[str | int, ...],
    named: Mapping[str, str],
    rows: pd.DataFrame,
    stand_ins: StandIns,
) -> str | None:
    """Return the wanted name that a cell goes by, itself or by a stand-in; None if by none."""
    if column not in named:
        # A column such as `best`, whose rows are chosen afterwards.
        return "" if rows[column].astype(str).isin(list(map(str, wanted))).any() else None
    value = named[column]
    for name in wanted:
        if value in names_of(column, name, named):
            return str(name)
    for name in wanted:
        for other in stand_ins.get(column, {}).get(str(name), ()):
            if value in names_of(column, other, named) or _role(column, value) == other:
                return str(name)
    return None


def _made_of(policy: str, kinds: tuple[str, ...]) -> bool:
    """Return whether every member of a policy has a transformation of one of some kinds."""
    if not kinds:
        return True
    try:
        members = policies.parse(policy).members
    except ReveilError:
        # What a search found, or no policy of transformations.
        return False
    return all(
        any(isinstance(step, int) and LIBRARY[step].name in kinds for step in member)
        for member in members
    )


def names_of(column: str, name: str | int, named: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a name of a criterion is called in the column of a cell."""
    return (str(name), resolved(name, named)) if column == POLICY else (str(name),)


def _role(column: str, value: str) -> str | None:
    """Return what a searched policy is called whatever its search; None for all else."""
    if column != POLICY:
        return None
    try:
        return policies.role(value)
    except ReveilError:
        return None


def _chosen(rows: pd.DataFrame, test: Test, but: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the rows with the selected values of columns that name no cell, such as ``best``."""
    for column, wanted in test.select.items():
        if column not in KEYS and column not in but:
            rows = rows[rows[column].astype(str).isin(list(map(str, wanted)))]
    return rows


def seeds_of(rows: pd.DataFrame) -> int:
    """Return how many seeds some rows are of; 1 where the table does not say."""
    return int(rows[SEED].nunique()) if SEED in rows else 1


def distinct(found: list[Cell], column: str) -> Iterator[str]:
    """Yield each value of a column of the cells once."""
    yield from dict.fromkeys(cell.named[column] for cell in found if column in cell.named)
