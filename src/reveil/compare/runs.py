"""The tidy tables of two runs, and the rows that both have."""

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reveil import rows
from reveil.errors import ReveilError, nearest
from reveil.tables.measures import DECIBELS, finite_gains
from reveil.verdicts.units import IMAGE, KEYS, OK, SEED

# What each study is about: column of images.csv -> name for readers and digits.
MEASURES = {
    "ats": {"psnr_db": ("PSNR, dB", 2), "gain_db": ("Gain, dB", 2)},
    "cvnn": {"rmse": ("RMSE", 4)},
    "unir": {"psnr_db": ("PSNR, dB", 2)},
}
TABLE = "tables/images.csv"
# What names the cell of every row, whatever the study.
_NAMED = ("protocol", "dataset", "model", "policy", "recipe", "attack", "defence")


@dataclass(frozen=True)
class Pair:
    """One study of two runs.

    Attributes:
        study: its name.
        cell: the columns that name a cell; with seed and image they name a row.
        both: rows that both runs have, of the first run and of the second, in one order.
        alone: rows that only the first run has, and those that only the second has.
    """

    study: str
    cell: list[str]
    both: tuple[pd.DataFrame, pd.DataFrame]
    alone: tuple[pd.DataFrame, pd.DataFrame]


def pairs(first: Path, second: Path) -> list[Pair]:
    """Return the studies that both runs have, each with its rows matched.

    Args:
        first: ``results/{run}`` of one run.
        second: that of the other.

    Raises:
        ReveilError: both are one folder, a folder is missing or is that of no run, a table cannot
            be read, no study or no row is common, the columns differ, or images of one name have
            different classes. Tables without classes, or with one only, tell no more of them.
    """
    if first.resolve() == second.resolve():
        raise ReveilError(f"{first} is compared with itself; name two runs")
    there = [_studies(folder) for folder in (first, second)]
    common = [study for study in there[0] if study in there[1]]
    if not common:
        told = "; ".join(
            f"{folder} has {', '.join(studies)}"
            for folder, studies in zip((first, second), there, strict=True)
        )
        raise ReveilError(f"no study is in both runs: {told}")
    found = [pair(study, first / study / TABLE, second / study / TABLE) for study in common]
    if all(one.both[0].empty for one in found):
        told = "; ".join(f"{one.study}: {_why_apart(one)}" for one in found)
        raise ReveilError(f"{first} and {second} have no row in common ({told})")
    return found


def pair(study: str, first: Path, second: Path) -> Pair:
    """Return one study of two runs, from the paths of its tables.

    Raises:
        ReveilError: as :func:`pairs`.
    """
    tables = [_read(path, study) for path in (first, second)]
    if odd := sorted(set(tables[0].columns) ^ set(tables[1].columns)):
        raise ReveilError(
            f"{second}: its columns differ from those of {first}: only one has {', '.join(odd)}; "
            "tables of two versions are not compared: run one of them again"
        )
    cell = [key for key in KEYS if key in tables[0]]
    names = [*cell, SEED, IMAGE]
    for path, table in zip((first, second), tables, strict=True):
        if table.duplicated(names).any():
            twice = ", ".join(map(str, table.loc[table.duplicated(names), names].iloc[0]))
            raise ReveilError(f"{path}: two rows of {twice}")
    indexed = [table.set_index(names, drop=False) for table in tables]
    common = indexed[0].index.intersection(indexed[1].index, sort=False)
    both = tuple(table.loc[common].reset_index(drop=True) for table in indexed)
    _check_labels(study, names, both)
    alone = tuple(table[~table.index.isin(common)].reset_index(drop=True) for table in indexed)
    return Pair(study, cell, both, alone)


def _studies(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise ReveilError(f"{folder}: there is no such folder{_beside(folder)}")
    found = [study for study in MEASURES if (folder / study / TABLE).is_file()]
    if not found:
        raise ReveilError(
            f"{folder}: is no run with results: it has no {{study}}/{TABLE} of "
            f"{', '.join(MEASURES)}"
        )
    return found


def _beside(folder: Path) -> str:
    """Return in words which runs there are, the nearest name first."""
    near = Path("results", folder)
    if near.is_dir():
        return f": did you mean {near}?"
    there = sorted(
        path.name
        for path in folder.parent.glob("*/")
        if any((path / study / TABLE).is_file() for study in MEASURES)
    )
    if not there:
        return ""
    guess = nearest(folder.name, there)
    first = f": did you mean {folder.parent / guess}?" if guess else "."
    return f"{first} Runs in {folder.parent}: {', '.join(there)}"


def _read(path: Path, study: str) -> pd.DataFrame:
    """Return a table whose names are text and whose measures are numbers."""
    table = rows.read(path)
    needed = [*_NAMED, SEED, IMAGE, "status", *MEASURES[study]]
    if missing := [name for name in needed if name not in table]:
        raise ReveilError(f"{path}: is no table of images, as it lacks {', '.join(missing)}")
    if table.empty:
        raise ReveilError(f"{path}: has no rows")
    for name in (*_NAMED, SEED, IMAGE):
        if (empty := table[name].isna() | table[name].eq("")).any():
            raise ReveilError(f"{path}: row {empty.idxmax() + 2} has no {name}")
    decibels = [name for name in table if str(name).startswith(DECIBELS)]
    for name in {*MEASURES[study], *decibels}:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if (odd := numbers.isna() & table[name].notna() | numbers.eq(-math.inf)).any():
            said = f"{name}: {str(table.loc[odd, name].iloc[0])!r} is no number that is measured"
            raise ReveilError(f"{path}: row {odd.idxmax() + 2}: {said}")
    # A run of policy 3 alone reads it as a number, one that has None, too, as text.
    table = table.astype({key: str for key in KEYS if key in table})
    return finite_gains(table)


def _check_labels(study: str, names: list[str], both: tuple[pd.DataFrame, ...]) -> None:
    """Refuse rows of one name whose images have different classes: they are not the same."""
    if "label" not in both[0]:
        return
    ours, theirs = (table["label"] for table in both)
    if (odd := ours.ne(theirs) & ours.notna() & theirs.notna()).any():
        row = both[0].loc[odd, names].iloc[0]
        raise ReveilError(
            f"{study}: the runs do not attack the same images: the class of image {row[IMAGE]} of "
            f"{row['dataset']} is {ours[odd].iloc[0]} in one and {theirs[odd].iloc[0]} in the "
            "other; look at scene.images of the two"
        )


def _why_apart(one: Pair) -> str:
    """Return in which columns the rows of two runs have no value in common."""
    apart = []
    for column in [*one.cell, SEED, IMAGE]:
        values = [list(dict.fromkeys(table[column].astype(str))) for table in one.alone]
        if not set(values[0]) & set(values[1]):
            told = " and ".join(shortened(each) for each in values)
            apart.append(f"{column} {told}")
    return "; ".join(apart) or f"each value of {', '.join(one.cell)} is, but never all of a row"


def shortened(values: list[str], most: int = 5) -> str:
    """Return values in a line, of many the first and how many more there are."""
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(values[:most]) + more


def counted(count: int, what: str) -> str:
    """Return how many there are of something: ``1 row``, ``2,000 rows``."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def good(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the rows of results, with NaN for the measure of those that failed."""
    return table.assign(**{measure: table[measure].astype(float).where(table["status"] == OK)})
