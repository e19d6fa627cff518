"""The tables of a run that verdicts are made from."""

import os
from collections.abc import Callable, Mapping
from functools import cache

import pandas as pd

from reveil import rows
from reveil.tables.insights import grouped_scores

# Beside the table itself: what its rows lack of what a verdict asks for.
SINGLES, IMAGES = "singles", "images"
_PLACE = ["protocol", "dataset", "model"]


def reader() -> Callable[
    [Mapping[str, str | os.PathLike[str]]], Callable[[str], pd.DataFrame | None]
]:
    """Return a function that gives the tables of a claim, each file read once for all claims.

    It takes table -> file and returns a function from the name of a table to its rows, None where
    there is no file.
    """
    read = cache(rows.read)

    def of_claim(
        files: Mapping[str, str | os.PathLike[str]],
    ) -> Callable[[str], pd.DataFrame | None]:
        def table(name: str) -> pd.DataFrame | None:
            if name not in files:
                return None
            return prepared(name, read(files[name]), lambda other: _maybe(read, files, other))

        return cache(table)

    return of_claim


def prepared(
    name: str, table: pd.DataFrame, other: Callable[[str], pd.DataFrame | None]
) -> pd.DataFrame:
    """Return a table as the criteria speak of it.

    ``layers`` are taken at the end of the attack; ``scores`` have the groups of their policies and
    the share of random ones that each beats; ``correlation`` says with how many iterations its
    images were attacked.

    Args:
        name: Of the table.
        table: Its rows.
        other: Name of another table of the same claim -> its rows or None.
    """
    if name == "layers" and len(table):
        keys = [key for key in (*_PLACE, "policy", "seed", "image", "tensor") if key in table]
        last = table.groupby(keys)["iteration"].transform("max")
        return table[table["iteration"] == last]
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


def _maybe(
    read: Callable[..., pd.DataFrame], files: Mapping[str, str | os.PathLike[str]], name: str
) -> pd.DataFrame | None:
    return read(files[name]) if name in files else None
