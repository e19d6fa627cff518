"""The same image and seed under two conditions."""

import pandas as pd

from reveil.statistics import Estimate, mean_interval


def paired(rows: pd.DataFrame, reference: pd.DataFrame, columns: tuple[str, str]) -> pd.DataFrame:
    """Return the values of an image and seed under two conditions, one row for each that both have.

    A reference of no common seed, as of a network that is not trained, is paired by image alone.

    Args:
        rows: One row per image and seed, with columns ``image`` and ``seed``.
        reference: The same under the other condition.
        columns: The measure in ``rows``, and the one in ``reference``; rows without it are left
            out on both sides, so that no condition is judged on easier images or better seeds.

    Returns:
        Columns ``image``, ``seed``, ``own`` and ``other``.
    """
    keys = ["image", "seed"]
    own, other = (
        part.dropna(subset=[column])
        for part, column in zip((rows, reference), columns, strict=True)
    )
    if not set(rows["seed"]) & set(reference["seed"]):
        keys = ["image"]
    first = own.groupby(["image", "seed"])[columns[0]].mean().rename("own").reset_index()
    second = other.groupby(keys)[columns[1]].mean().rename("other").reset_index()
    return first.merge(second, on=keys)


def paired_difference(
    rows: pd.DataFrame, reference: pd.DataFrame, columns: tuple[str, str], *, seed: int = 0
) -> Estimate:
    """Estimate by how much a measure is above that of the same image and seed (:func:`paired`).

    Hierarchical: differences are averaged over seeds within an image first, then whole images are
    resampled (Gao et al. 2021 compare unpaired means).

    Args:
        rows: One row per image and seed.
        reference: The same under the other condition.
        columns: The measure in ``rows``, and the one in ``reference``.
        seed: Seed of the resamples.
    """
    both = paired(rows, reference, columns)
    return mean_interval((both["own"] - both["other"]).groupby(both["image"]).mean(), seed=seed)
