"""Cell by cell: the means of two runs over the images that both have, and their difference."""

from collections.abc import Hashable

import pandas as pd

from reveil.compare.runs import MEASURES, Pair, good
from reveil.crossed import mean_over_images, of_all_seeds
from reveil.pairing import paired
from reveil.statistics import by_image
from reveil.verdicts.units import IMAGE, OK, SEED

NAMES = ("first", "second")
# Of the images of the largest seed: what more seeds have to leave.
ENOUGH = 0.5


def cell_table(pair: Pair) -> pd.DataFrame:
    """Return a row per cell and measure of a study.

    The difference is that of the same image under the same seed, the second run less the first,
    with its 95 % interval: over images and trainings where there are several of both, as verdicts
    have it, else over images alone. It is of the seeds that :func:`chosen_seeds` returns, and of
    the images that have a row under each of them.

    Args:
        pair: The study.

    Returns:
        The columns that name a cell, ``measure``, ``title`` and ``digits``; ``n_images`` and
        ``n_seeds`` behind the numbers; the means ``first`` and ``second``, ``difference`` and its
        ends ``low`` and ``high``, NaN without an interval, whose method is ``interval``;
        ``n_failed``, the rows left out, as one of the two failed; ``n_incomplete``, the images left
        out, as they lack a row under one of the seeds; and ``seeds_left_out``, seed -> rows. Cells
        in which neither run has a measure have no row of it.
    """
    found = []
    first, second = pair.both
    for key, part in first.groupby(pair.cell, sort=False):
        sides = part, second.loc[part.index]
        named = dict(zip(pair.cell, key, strict=True))
        for measure, (title, digits) in MEASURES[pair.study].items():
            row = _compared(*(good(side, measure) for side in sides), measure)
            if row:
                found.append({**named, "measure": measure, "title": title, "digits": digits, **row})
    return pd.DataFrame(found)


def chosen_seeds(table: pd.DataFrame) -> list[Hashable]:
    """Return the seeds to compare under: one that is hardly begun must not cost the others' images.

    That with the most images, and then by their size each that leaves at least half of those
    images with a row under every seed.

    Args:
        table: A row per image and seed.
    """
    images = {seed: set(part[IMAGE]) for seed, part in table.groupby(SEED)}
    by_size = sorted(images, key=lambda seed: (-len(images[seed]), seed))
    chosen, common = by_size[:1], images[by_size[0]]
    for seed in by_size[1:]:
        if len(common & images[seed]) >= ENOUGH * len(images[by_size[0]]):
            chosen.append(seed)
            common = common & images[seed]
    return sorted(chosen)


def _compared(
    first: pd.DataFrame, second: pd.DataFrame, measure: str
) -> dict[str, Hashable] | None:
    """Return the numbers of one cell; None where no image has the measure in both runs."""
    both = paired(second, first, (measure, measure))
    if both.empty:
        return None
    seeds = chosen_seeds(both)
    under = both[both[SEED].isin(seeds)]
    away = of_all_seeds(under).assign(away=lambda table: table["own"] - table["other"])
    estimate = mean_over_images(away, "away")
    failed = first["status"].ne(OK) | second["status"].ne(OK)
    return {
        "n_images": away[IMAGE].nunique(),
        "n_seeds": len(seeds),
        "first": by_image(away, "other").mean(),
        "second": by_image(away, "own").mean(),
        "difference": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "interval": estimate.method,
        "n_failed": int(failed.sum()),
        "n_incomplete": under[IMAGE].nunique() - away[IMAGE].nunique(),
        "seeds_left_out": both.loc[~both[SEED].isin(seeds), SEED]
        .value_counts(sort=False)
        .to_dict(),
    }
