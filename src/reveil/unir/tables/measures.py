"""What the images of one row come to: means, and paired differences to other methods.

The unit is the image, averaged over seeds first; the seeds are told as a spread beside it.
"""

from collections.abc import Hashable, Iterator, Mapping

import numpy as np
import pandas as pd

from reveil.cvnn.tables.measures import counts, mean, seed_deviation
from reveil.errors import ReveilError
from reveil.pairing import paired_difference
from reveil.statistics import finite_psnr, mean_interval
from reveil.tables.measures import OK, common_settings, interval_columns
from reveil.unir.labels import (
    UNTRAINED,
    method_label,
    method_of,
    method_order,
    operator_label,
    operator_order,
)
from reveil.unir.tables.settings import Recipes, refuse_samples

SUBJECT = ["protocol", "dataset", "model"]
CELL = [*SUBJECT, "policy"]
TRAINED = ["dataset", "model", "policy", "recipe", "seed"]
# Column of images.csv -> name and unit of the table's columns: all pixels, missing values alone,
# after hard consistency, and in measurement space.
MEASURES: Mapping[str, tuple[str, str]] = {
    "mse_pm1": ("mse_pm1", ""),
    "mse_01": ("mse_01", ""),
    "psnr_db": ("psnr", "_db"),
    "ssim": ("ssim", ""),
    "mse_pm1_missing": ("mse_pm1_missing", ""),
    "mse_01_missing": ("mse_01_missing", ""),
    "psnr_missing_db": ("psnr_missing", "_db"),
    "mse_pm1_dc": ("mse_pm1_dc", ""),
    "mse_01_dc": ("mse_01_dc", ""),
    "psnr_db_dc": ("psnr_dc", "_db"),
    "ssim_dc": ("ssim_dc", ""),
    "residual": ("residual", ""),
}
# What methods are compared by, image by image.
COMPARED = ("mse_pm1", "psnr_db", "psnr_missing_db")
_NEEDED = (*SUBJECT, "policy", "recipe", "seed", "attack", "defence", "image", "missing_share",
           "status", *MEASURES)  # fmt: skip


def prepared(images: pd.DataFrame, recipes: Recipes) -> pd.DataFrame:
    """Return the rows with their ``method``, capped PSNR, and no measures of failures.

    Methods without a network, whose ``model`` and ``recipe`` are ``none``, stand once beside every
    network of their protocol and dataset, with its ``model``.

    Args:
        images: The tidy table, one row per reconstructed image and setting.
        recipes: The recipes of its rows.

    Raises:
        ReveilError: no rows, other rows than of reconstructions, or rows of generators of images
            from noise, which reconstruct nothing.
    """
    if missing := [column for column in _NEEDED if column not in images]:
        raise ReveilError(f"images: no rows of reconstructions, as they lack {', '.join(missing)}")
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to summarise")
    refuse_samples(images, recipes)
    images = images.reset_index(drop=True)
    measures = list(MEASURES)
    images[measures] = images[measures].astype(float).where(images["status"] == OK)
    decibel = [column for column in measures if column.startswith("psnr")]
    images[decibel] = finite_psnr(images[decibel])
    made_by = zip(images["recipe"], images["attack"], strict=True)
    images["method"] = [method_of(recipe, attack) for recipe, attack in made_by]
    return _beside_networks(images)


def _beside_networks(images: pd.DataFrame) -> pd.DataFrame:
    own = images["model"] != UNTRAINED
    parts = [images[own]]
    for place, baselines in images[~own].groupby(["protocol", "dataset"], sort=False):
        same = own & (images["protocol"] == place[0]) & (images["dataset"] == place[1])
        models = images.loc[same, "model"].unique()
        parts += [baselines.assign(model=model) for model in models] or [baselines]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def groups(images: pd.DataFrame) -> Iterator[tuple[dict[str, Hashable], pd.DataFrame]]:
    """Yield what names each row of a table, labels included, and its images, in our order.

    Args:
        images: Rows of :func:`prepared`.

    Raises:
        ReveilError: a row would mix two settings.
    """
    keys = [*CELL, "method"]
    found = dict(iter(images.groupby(keys, sort=False)))
    for key in sorted(found, key=_position):
        named = common_settings(found[key], dict(zip(keys, key, strict=True)))
        labels = operator_label(str(named["policy"])), method_label(str(named["method"]))
        yield named | dict(zip(("operator_label", "method_label"), labels, strict=True)), found[key]


def _position(key: tuple[str, ...]) -> tuple[Hashable, ...]:
    *subject, policy, method = key
    return (*subject, operator_order(policy), method_order(method))


def measure_columns(images: pd.DataFrame, seed: int = 0) -> dict[str, Hashable]:
    """Return all measures of a row with their intervals, their counts and the share missing."""
    row = counts(images, "mse_pm1")
    for column, (name, unit) in MEASURES.items():
        row |= interval_columns(name, mean(images, column, seed), unit)
    row["psnr_seed_std_db"] = seed_deviation(images, "psnr_db")
    row["mse_pm1_seed_std"] = seed_deviation(images, "mse_pm1")
    row["missing_share_mean"] = images["missing_share"].astype(float).mean()
    return row


def difference_columns(
    name: str, images: pd.DataFrame, reference: pd.DataFrame | None, seed: int = 0
) -> dict[str, Hashable]:
    """Return the paired differences to another method, empty without one.

    ``{name}_{mse_pm1,psnr,psnr_missing}_difference_{mean,low,high}`` and ``{name}_n``, the images
    of the first two; missing values are compared where a mask tells them.
    """
    row: dict[str, Hashable] = {}
    n = 0
    for column in COMPARED:
        measure, unit = MEASURES[column]
        found = mean_interval([])
        if reference is not None:
            found = paired_difference(images, reference, (column, column), seed=seed)
        row |= interval_columns(f"{name}_{measure}_difference", found, unit)
        n = max(n, found.n)
    return row | {f"{name}_n": n}


def network_columns(images: pd.DataFrame, models: pd.DataFrame | None) -> dict[str, Hashable]:
    """Return the steps of the networks of a row and the measurements that they learnt from.

    Both are empty of a method without a network.

    Raises:
        ReveilError: a network is not in ``models``, or they differ.
    """
    recipes = images["recipe"].unique()
    if list(recipes) == [UNTRAINED]:
        return {"steps": np.nan, "n_train": np.nan}
    if models is None:
        raise ReveilError(f"models: a network of the recipe {recipes[0]!r} has no row")
    wanted = images[TRAINED].drop_duplicates()
    networks = wanted.merge(models, on=TRAINED)
    if len(networks) < len(wanted):
        raise ReveilError(f"models: a network of the recipe {recipes[0]!r} has no row")
    for column in ("steps", "n_train"):
        if networks[column].nunique() > 1:
            told = ", ".join(map(str, networks[column].unique()))
            raise ReveilError(f"models: {column} of the recipe {recipes[0]!r} would mix {told}")
    return {column: networks[column].iloc[0] for column in ("steps", "n_train")}
