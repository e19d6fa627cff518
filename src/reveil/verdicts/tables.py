"""The tables of a run that verdicts are made from."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import pandas as pd

from reveil import rows
from reveil.tables.insights import grouped_scores
from reveil.tables.measures import finite_gains

# Beside the table itself: what its rows lack of what a verdict asks for.
SINGLES, IMAGES = "singles", "images"
_PLACE = ["protocol", "dataset", "model"]
# What a row is of, as far as a table has it: an attack that two experiments share is one.
_ROW = [*_PLACE, "policy", "recipe", "seed", "attack", "defence", "image"]
_ROW += ["victim", "part", "epoch", "candidate", "tensor", "iteration"]
Files = Mapping[str, Sequence[str | os.PathLike[str]]]
Table = Callable[[str], pd.DataFrame | None]


def reader() -> Callable[[Files], Table]:
    """Return a function that gives the tables of a claim, each file read once for all claims.

    It takes table -> files, whose rows are stacked, and returns a function from the name of a table
    to its rows, None where there is no file.
    """
    read = cache(rows.read)

    def of_claim(files: Files) -> Table:
        def stacked(name: str) -> pd.DataFrame | None:
            if not files.get(name):
                return None
            parts = [read(path) for path in files[name]]
            if len(parts) == 1:
                return parts[0]
            found = pd.concat(parts, ignore_index=True)
            return found.drop_duplicates([key for key in _ROW if key in found])

        def table(name: str) -> pd.DataFrame | None:
            found = stacked(name)
            return found if found is None else prepared(name, found, stacked)

        return cache(table)

    return of_claim


def prepared(
    name: str, table: pd.DataFrame, other: Callable[[str], pd.DataFrame | None]
) -> pd.DataFrame:
    """Return a table as the criteria speak of it.

    Of ``images`` infinite PSNR and floors are capped, and gains those of the capped ones;
    ``layers`` are taken at the end of the attack; ``scores`` have the groups of their policies and
    the share of random ones that each beats; ``correlation`` says with how many iterations its
    images were attacked.

    Args:
        name: Of the table.
        table: Its rows.
        other: Name of another table of the same claim -> its rows or None.
    """
    if name == IMAGES:
        return finite_gains(table)
    if name == "layers" and len(table):
        keys = [key for key in (*_PLACE, "policy", "seed", "image", "tensor") if key in table]
        last = table.groupby(keys)["iteration"].transform("max")
        return table[table["iteration"] == last].assign(iterations=last)
    if name == "scores" and "policies_beaten_share" not in table:
        return grouped_scores(table, singles=other(SINGLES))
    if (
        name == "correlation"
        and "iterations" not in table
        and (images := other(IMAGES)) is not None
    ):
        done = images.groupby([*_PLACE, "attack"])["iterations"].max()
        return table.join(done, on=[*_PLACE, "attack"])
    return table
