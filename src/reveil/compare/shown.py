"""The comparison of two runs as Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from reveil.compare.cells import cell_table
from reveil.compare.runs import MEASURES, Pair, counted, pairs, shortened
from reveil.compare.told import Names, configurations
from reveil.crossed import CROSSED
from reveil.power import seeds_statement
from reveil.statistics import NO_INTERVAL
from reveil.tables import to_markdown
from reveil.tables.cells import bracketed, number
from reveil.tables.markup import Form
from reveil.verdicts.units import IMAGE, SEED


def compare(first: Path, second: Path) -> str:
    """Return two runs side by side as Markdown; differences are the second less the first.

    Args:
        first: ``results/{run}`` of one run.
        second: that of the other.

    Raises:
        ReveilError: see :func:`reveil.compare.runs.pairs` and
            :func:`reveil.compare.told.configurations`.
    """
    found = pairs(first, second)
    names = _names(first, second)
    parts = [
        f"# {names[1]} compared with {names[0]}\n",
        configurations(first, second, names, found),
        *(_study(pair, names) for pair in found),
    ]
    return "\n".join(parts)


def _names(first: Path, second: Path) -> Names:
    names = tuple(folder.resolve().name for folder in (first, second))
    return names if names[0] != names[1] else (str(first), str(second))


def _study(pair: Pair, names: Names) -> str:
    parts = [f"## {pair.study}\n"]
    table = cell_table(pair)
    if pair.both[0].empty:
        parts.append("No row in common.\n")
    elif table.empty:
        parts.append(f"No common image has {' or '.join(MEASURES[pair.study])} in both.\n")
    else:
        parts.append(_cells(pair, table, names))
    for name, alone in zip(names, pair.alone, strict=True):
        if len(alone):
            parts.append(_alone(pair, alone, name))
    return "\n".join(parts)


def _cells(pair: Pair, table: pd.DataFrame, names: Names) -> str:
    several = [key for key in pair.cell if table[key].nunique() > 1]
    same = "; ".join(f"{key} {table[key].iloc[0]}" for key in pair.cell if key not in several)
    methods = table["interval"].nunique() > 1
    lacking = table["n_incomplete"].gt(0).any() or table["seeds_left_out"].map(bool).any()

    def cells(row: Mapping[str, Any]) -> dict[str, str]:
        digits = row["digits"]
        ends = row["difference"], row["low"], row["high"]
        return {
            **{key.capitalize(): row[key] for key in several},
            "Measure": row["title"],
            "Images": number(row["n_images"], 0),
            "Seeds": number(row["n_seeds"], 0),
            names[0]: number(row["first"], digits),
            names[1]: number(row["second"], digits),
            "Difference [95 %]": bracketed(*ends, digits, "+"),
            **({"Interval": row["interval"]} if methods else {}),
            **({"Left out": _left_out(row)} if lacking else {}),
        }

    shown = to_markdown(table, form=Form(cells, lambda rows: _note(pair, rows, names), frozenset()))
    return f"All rows: {same}.\n\n{shown}" if same else shown


def _left_out(row: Mapping[str, Any]) -> str:
    seeds = [f"seed {seed}, {counted(n, 'row')}" for seed, n in row["seeds_left_out"].items()]
    images = [counted(row["n_incomplete"], "image")] if row["n_incomplete"] else []
    return "; ".join([*images, *seeds])


def _note(pair: Pair, table: pd.DataFrame, names: Names) -> str:
    # Both measures of a study leave out the same failures.
    failed = int(table.drop_duplicates(pair.cell)["n_failed"].sum())
    without = pair.both[0].groupby(pair.cell).ngroups - len(table.drop_duplicates(pair.cell))
    told = [
        "Means over the images that both have, each averaged over seeds. Difference: "
        f"{names[1]} less {names[0]}, of the same image under the same seed{_intervals(table)}. "
        "PSNR above 100 dB, infinite included, counts as 100 dB.",
        f"Failed in one of the two and left out: {failed}.",
    ]
    if table["n_incomplete"].gt(0).any():
        told.append("Left out, images: those without a row under each of the seeds.")
    if table["seeds_left_out"].map(bool).any():
        told.append(
            "Left out, seeds: those with which fewer than half of the images of the largest seed "
            "would have a row under each."
        )
    if without:
        told.append(f"Cells without {' or '.join(MEASURES[pair.study])} in both: {without}.")
    if table["n_seeds"].eq(1).all():
        told.append(seeds_statement(1))
    elif table["n_seeds"].eq(1).any():
        told.append("Rows of one seed: the variance of training is not in their numbers.")
    return " ".join(told)


def _intervals(table: pd.DataFrame) -> str:
    """Return what the intervals are over: only crossed ones speak of other trainings."""
    methods = set(table["interval"]) - {NO_INTERVAL}
    if not methods:
        return ""
    told = ", with its 95 % interval over images"
    if methods == {CROSSED}:
        return f"{told} and trainings ({CROSSED})"
    if CROSSED in methods:
        return f"{told}, and over trainings, too, where it is {CROSSED}"
    return f"{told} alone ({' or '.join(sorted(methods))})"


def _alone(pair: Pair, alone: pd.DataFrame, name: str) -> str:
    lines = [f"Only {name} has {counted(len(alone), 'row')}:\n"]
    for key, part in alone.groupby(pair.cell, sort=False):
        seeds = "; ".join(
            f"seed {seed}, images {shortened(list(map(str, rows[IMAGE])))}"
            for seed, rows in part.groupby(SEED)
        )
        lines.append(f"- {', '.join(map(str, key))}: {counted(len(part), 'row')} ({seeds})")
    return "\n".join([*lines, ""])
