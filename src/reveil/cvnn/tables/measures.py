"""What the images and networks of one row come to: means, ratios and shares with their intervals.

The unit is the image, averaged over seeds first; the seeds are told as a spread beside it.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from reveil.cvnn.protections import NONE
from reveil.cvnn.tables.labels import attack_label, attack_order, policy_label, policy_order
from reveil.errors import ReveilError, not_allowed
from reveil.pairing import paired
from reveil.statistics import (
    Estimate,
    by_image,
    finite_psnr,
    mean_interval,
    share_interval,
    standard_deviation,
)
from reveil.tables.measures import OK, common_settings, interval_columns

SUBJECT = ["protocol", "dataset", "model"]
TRAINED = ["dataset", "model", "policy", "recipe", "seed"]
# What stands for a guess, and so says nothing where there is none.
_MEASURES = (
    *("rmse", "mae", "psnr_db", "ssim", "rmse_second", "rmse_partner", "rmse_either"),
    *("angle_error_rad", "angle_error_quarter_rad", "label_correct", "attribute_error"),
)
_ORDERS = {"policy": policy_order, "attack": attack_order}


def prepared(images: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with capped PSNR, ``mse_pm1`` from ``rmse``, and no measures of failures.

    Args:
        images: The tidy table, one row per attacked image and setting.

    Raises:
        ReveilError: no images.
    """
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to summarise")
    images = images.reset_index(drop=True)
    measures = list(_MEASURES)
    images[measures] = images[measures].astype(float).where(images["status"] == OK)
    images["quarter_turns"] = images["quarter_turns"].astype(float).where(images["status"] == OK)
    images["psnr_db"] = finite_psnr(images["psnr_db"])
    # Of every image by itself: the square of a mean is not the mean of the squares.
    images["mse_pm1"] = 4 * images["rmse"] ** 2
    return images


def groups(
    images: pd.DataFrame, by: Sequence[str]
) -> Iterator[tuple[dict[str, Hashable], pd.DataFrame]]:
    """Yield what names each row of a table, labels and common settings included, and its images.

    Args:
        images: Rows of :func:`prepared`.
        by: Columns that make the rows of one protocol, dataset and model, in their order.

    Raises:
        ReveilError: a column that is none, or a row that would mix two settings.
    """
    for column in by:
        if column not in images:
            raise ReveilError(not_allowed("by", column, images.columns))
    keys = [*SUBJECT, *by]
    found = dict(iter(images.groupby(keys, sort=False)))
    for key in sorted(found, key=lambda key: position(dict(zip(keys, key, strict=True)))):
        named = common_settings(found[key], dict(zip(keys, key, strict=True)))
        yield named | labels(named), found[key]


def position(named: Mapping[str, Hashable]) -> tuple[tuple[int, str], ...]:
    """Return a sort key of a row: policies and attacks in our order, all else by its text."""
    return tuple(
        _ORDERS[column](str(value)) if column in _ORDERS else (0, str(value))
        for column, value in named.items()
    )


def labels(named: Mapping[str, Hashable]) -> dict[str, Hashable]:
    """Return the names for people of the policy and the attack of a row."""
    told: dict[str, Hashable] = {}
    if "policy" in named:
        told["label"] = policy_label(str(named["policy"]))
    if "attack" in named:
        told["attack_label"] = attack_label(str(named["attack"]))
    return told


def counts(rows: pd.DataFrame, column: str) -> dict[str, Hashable]:
    """Return the images behind a measure, the seeds, and the attacks that failed."""
    return {
        "n_images": len(by_image(rows, column)),
        "n_seeds": rows["seed"].nunique(),
        "n_failed": int((rows["status"] != OK).sum()),
    }


def mean(rows: pd.DataFrame, column: str, seed: int = 0) -> Estimate:
    """Estimate the mean of a measure over images."""
    return mean_interval(by_image(rows, column), seed=seed)


def seed_deviation(rows: pd.DataFrame, column: str) -> float:
    """Return the deviation, n - 1, of the means of the seeds; NaN of one seed."""
    return standard_deviation(rows.groupby("seed")[column].mean(), ddof=1)


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """Return an estimate in another unit, ``factor`` times as large a number; positive factors."""
    ends = (factor * end for end in (estimate.value, estimate.low, estimate.high))
    return Estimate(*ends, estimate.n, estimate.method)


def share(rows: pd.DataFrame, yes: pd.Series) -> Estimate:
    """Estimate the share of images with a yes, each with its share over seeds, by Wilson.

    Args:
        rows: One row per image and seed.
        yes: Whether it is one, on the index of ``rows``; NaN where nothing is known.
    """
    known = yes.dropna().astype(float)
    over = known.groupby(rows.loc[known.index, "image"]).mean()
    return share_interval(float(over.mean()) if len(over) else float("nan"), len(over))


def ratio(row: pd.Series, baseline: pd.Series, *, seed: int = 0) -> Estimate:
    """Estimate the ratio of two means over the images that both have.

    The interval is that of the mean of the linearised ratio r + (x - r y) / mean(y), whose mean is
    the ratio itself (Cochran 1977, section 2.11).

    Args:
        row: Value per image, indexed by image.
        baseline: The same under the other condition; there is no ratio to a mean of 0.
        seed: Seed of the bootstrap.
    """
    both = pd.concat([row, baseline], axis=1, join="inner").to_numpy(dtype=np.float64)
    over = both[:, 1].mean() if len(both) else 0.0
    if over <= 0:
        return mean_interval([])
    value = both[:, 0].mean() / over
    return mean_interval(value + (both[:, 0] - value * both[:, 1]) / over, seed=seed)


def beside(
    rows: pd.DataFrame, reference: pd.DataFrame, columns: tuple[str, str], name: str, seed: int = 0
) -> dict[str, Hashable]:
    """Return the paired difference and ratio of a measure to a reference, image by image.

    Args:
        rows: Images of a row.
        reference: Images of the other condition; those of ``rows`` for a trivial predictor.
        columns: The measure in ``rows``, and the one in ``reference``.
        name: What the columns of the result begin with.
        seed: Seed of the bootstrap.
    """
    both = paired(rows, reference, columns).groupby("image")[["own", "other"]].mean()
    difference = mean_interval(both["own"] - both["other"], seed=seed)
    told = interval_columns(f"{name}_difference", difference)
    told |= interval_columns(f"{name}_ratio", ratio(both["own"], both["other"], seed=seed))
    return told | {f"{name}_n": difference.n}


def under(images: pd.DataFrame, named: Mapping[str, Hashable], policy: str = NONE) -> pd.DataFrame:
    """Return the images of the same attack under another policy; empty if there are none.

    Of several recipes of that network the row's own is taken, and none if it is not among them.

    Args:
        images: Rows of :func:`prepared`.
        named: What names the row, ``policy`` and ``recipe`` included.
        policy: The other policy, by default the network as it is.
    """
    same = (images["policy"] == policy) & (str(named["policy"]) != policy)
    for column in (*SUBJECT, "attack", "defence"):
        same &= images[column] == named[column]
    return of_one_recipe(images[same], str(named["recipe"]))


def references(
    attacked: pd.DataFrame, unprotected: pd.DataFrame, seed: int = 0
) -> dict[str, Hashable]:
    """Return what an RMSE has to be read beside, as interval columns.

    ``rmse_mean_colour`` and ``rmse_blend``, the trivial predictors of the same images, and
    ``rmse_unprotected``, the same attack on the network as it is.

    Args:
        attacked: Images of a row.
        unprotected: Those of :func:`under`.
        seed: Seed of the bootstrap.
    """
    told: dict[str, Hashable] = {}
    for column in ("rmse_mean_colour", "rmse_blend"):
        told |= interval_columns(column, mean(attacked, column, seed))
    return told | interval_columns("rmse_unprotected", mean(unprotected, "rmse", seed))


def of_one_recipe(rows: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """Return the rows of a recipe, or all if they have one in common, else none."""
    if rows["recipe"].nunique() <= 1:
        return rows
    return rows[rows["recipe"] == recipe]
