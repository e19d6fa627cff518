"""Whether enough was run for a verdict, and the words for what is missing."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from reveil.statistics import BOOTSTRAP, STUDENT, Estimate
from reveil.tables.insights import PAIRS, RANDOM
from reveil.verdicts.criteria import JUDGED_PROTOCOLS, Claim, Cut, Scope, Test
from reveil.verdicts.units import (
    IMAGE,
    POLICY,
    SEED,
    UNITS,
    Cell,
    distinct,
    names_of,
    seeds_of,
    unit_of,
)
from reveil.verdicts.words import plural

# Their numbers come from attacks.
_ATTACKED = ("images", "layers", "correlation")
# Statistics over images and trainings where there are several of both.
OVER_IMAGES = ("mean", "column_difference", "paired_difference", "recovered")
# Of `images` and `layers` n counts images; the other tables say it in a column.
_IMAGES = {"singles": "s_pri_n", "scores": "s_pri_n", "correlation": "n_images"}


def shortfalls(
    cell: Cell,
    claim: Claim,
    test: Test,
    table: pd.DataFrame,
    iterations: Mapping[str, int],
    cuts: Iterable[Cut] = (),
) -> list[str]:
    """Return in words how a cell falls short of the scope; nothing if it does not.

    Args:
        cell: The cell, of its rows those that have one to be compared with.
        claim: Its claim.
        test: Its test.
        table: The whole table of the test.
        iterations: Attack -> iterations that its preset asks for. An attack that has fewer than
            the scope by design, as L-BFGS, has to do those.
        cuts: Presets that have less than they are shipped with; they count unless the scope is
            ``as_run``.
    """
    scope = claim.scope
    found = []
    protocol = cell.named.get("protocol")
    if protocol is not None and protocol not in JUDGED_PROTOCOLS[claim.study]:
        found.append(f"protocol {protocol}")
    if cell.named.get("dataset") not in scope.datasets:
        found.append(f"dataset {cell.named.get('dataset')}")
    if cell.named.get("model") not in scope.models:
        found.append(f"model {cell.named.get('model')}")
    for what, is_there, least in _counts(cell, test, table, scope, iterations):
        if is_there < least:
            found.append(f"{is_there:,} of {least:,} {what}")
    if scope.min_iterations and test.table in _ATTACKED and "iterations" not in cell.rows:
        found.append("iterations not known")
    for column, asked in cell.asked.items():
        if column in cell.named and cell.named[column] not in names_of(column, asked, cell.named):
            found.append(f"{column} {cell.named[column]} for {asked}")
    if scope.as_run:
        return found
    return found + [cut.text for cut in cuts if _made_by(cut, cell, test)]


def thin(found: Estimate, cell: Cell, claim: Claim, test: Test) -> list[str]:
    """Return in words how what seeds have in common falls short of the scope.

    Rows of a seed of which most failed count as a seed, and leave an estimate few images that all
    seeds have, or an interval over images alone.

    Args:
        found: The estimate of the cell.
        cell: The cell.
        claim: Its claim.
        test: Its test.
    """
    seeds = seeds_of(cell.rows)
    if unit_of(test) != IMAGE or test.statistic not in OVER_IMAGES or not found.n or seeds < 2:
        return []
    told, scope = [], claim.scope
    if found.n < scope.min_images:
        told.append(f"{found.n:,} of {scope.min_images:,} images under every seed")
    elif scope.min_seeds > 1 and found.method in (BOOTSTRAP, STUDENT):
        told.append(f"1 of {scope.min_seeds:,} seeds, as {seeds} share fewer than two images")
    return told


def _made_by(cut: Cut, cell: Cell, test: Test) -> bool:
    """Return whether a preset made a cell, or what it is compared with."""
    if cut.tables and test.table not in cut.tables:
        return False
    for column, value in cut.where.items():
        named = [
            rows[column] for rows in (cell.named, test.reference, test.baseline) if column in rows
        ]
        # Scores and correlations are of trained networks, whether or not they name the recipe.
        if value not in named and (named or column != "recipe"):
            return False
    return True


def _counts(
    cell: Cell, test: Test, table: pd.DataFrame, scope: Scope, iterations: Mapping[str, int]
) -> list[tuple[str, int, int]]:
    rows = cell.rows
    found = []
    if test.table in ("images", "layers"):
        found.append(("images", int(rows[IMAGE].nunique()), scope.min_images))
    elif (column := _IMAGES.get(test.table)) in rows and len(rows):
        found.append(("images", int(rows[column].min()), scope.min_images))
    if SEED in rows:
        found.append(("seeds", seeds_of(rows), scope.min_seeds))
    if UNITS[test.table] == POLICY:
        found.append(("policies", _policies(cell, test, table), scope.min_policies))
    if "iterations" in rows and scope.min_iterations and len(rows):
        own = iterations.get(cell.named.get("attack", ""), scope.min_iterations)
        least = min(scope.min_iterations, own)
        # Attacks may end early by themselves, some images at once; what counts is what was asked.
        found.append(("iterations", int(rows["iterations"].fillna(0).max()), least))
    return found


def _policies(cell: Cell, test: Test, table: pd.DataFrame) -> int:
    """Return how many policies a correlation is over, or random ones scores are compared among."""
    if test.table != "scores":
        return int(cell.rows[POLICY].nunique())
    there = table[table["group"].isin((RANDOM, PAIRS))]
    for key in ("protocol", "dataset", "model"):
        there = there[there[key].astype(str) == cell.named[key]]
    return int(there[POLICY].nunique())


def missing(claim: Claim, test: Test, found: Sequence[Cell]) -> list[str]:
    """Return the datasets, models, policies and attacks of the scope that no cell is of.

    Args:
        claim: The claim.
        test: Its test.
        found: The cells of the test that are within the scope.
    """
    cells = list(found)
    gone = []
    for column, wanted in (("dataset", claim.scope.datasets), ("model", claim.scope.models)):
        there = set(distinct(cells, column))
        gone += [f"{column} {name}" for name in wanted if name not in there]
    for column in ("policy", "attack"):
        asked = {cell.asked.get(column) for cell in cells}
        wanted = [str(name) for name in test.select.get(column, ())]
        gone += [f"{column} {name}" for name in wanted if name not in asked]
    return gone


def described(found: Sequence[Cell], frame: pd.DataFrame) -> str:
    """Return in a line what a demonstration was made with.

    Args:
        found: Cells of all tests.
        frame: Their numbers, with columns ``n``, ``unit`` and ``iterations``.
    """
    cells = list(found)
    parts = [", ".join(distinct(cells, column)) for column in ("dataset", "model")]
    units = frame[frame["unit"] != SEED]
    parts += [_counted(part["n"], str(unit)) for unit, part in units.groupby("unit", sort=False)]
    if (done := frame["iterations"].dropna()).size:
        parts.append(_counted(done, "iteration"))
    if seeds := [seeds_of(cell.rows) for cell in cells if SEED in cell.rows]:
        parts.append(_counted(pd.Series(seeds), SEED))
    return "; ".join(part for part in parts if part)


def _counted(values: pd.Series, unit: str) -> str:
    """Return ``8 to 100 images``."""
    low, high = int(values.min()), int(values.max())
    number = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{number} {plural(unit) if high != 1 else unit}"
