"""The table of inversion attacks: how well images come back, beside what nothing would reach."""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from reveil.cvnn.protections import NONE
from reveil.cvnn.tables import forms
from reveil.cvnn.tables.accuracy import key_columns, networks_behind
from reveil.cvnn.tables.labels import ADDITIONAL
from reveil.cvnn.tables.measures import (
    beside,
    counts,
    groups,
    mean,
    prepared,
    scaled,
    seed_deviation,
    share,
    under,
)
from reveil.cvnn.tables.published import error_columns
from reveil.statistics import Estimate
from reveil.tables.measures import interval_columns

# Measure -> its columns in the table: name and unit.
_MEANS = {
    "mae": ("mae", ""),
    "psnr_db": ("psnr", "_db"),
    "ssim": ("ssim", ""),
    "rmse_either": ("rmse_either", ""),
    "rmse_partner": ("rmse_partner", ""),
    "rmse_mean_colour": ("rmse_mean_colour", ""),
    "rmse_blend": ("rmse_blend", ""),
    "angle_error_rad": ("angle_error", "_rad"),
    "angle_error_quarter_rad": ("angle_error_quarter", "_rad"),
}
TRIVIAL = {"mean_colour": "rmse_mean_colour", "blend": "rmse_blend"}


def inversion_table(
    images: pd.DataFrame,
    models: pd.DataFrame,
    published: pd.DataFrame,
    *,
    experiment: str | Sequence[str],
    by: Sequence[str] = ("policy", "attack"),
    seed: int = 0,
) -> pd.DataFrame:
    """Summarise attacked images: one row per protocol, dataset, model and combination of ``by``.

    ``rmse`` is the mean over images of each image's RMSE with pixels in [0, 1]; ``mse_pm1`` the
    mean of 4 RMSE^2, the unit of Knijff et al. 2021, and ``rmse_pooled`` the root of it in [0, 1],
    which is what RMSE over many images at once, as printed by Xiang et al. 2020, is compared with.
    ``mean_colour_`` and ``blend_`` columns compare with the trivial predictors; ``unprotected_``
    and ``additional_`` with the same attack on the network as it is, and on the one with the layers
    of the generator; all image by image.

    Args:
        images: The tidy table, one row per attacked image and setting.
        models: Rows of models.csv.
        published: The papers' numbers.
        experiment: Experiments whose errors stand beside the rows, the first that has one.
        by: Columns of ``images`` that make the rows of one protocol, dataset and model.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: no images, a column that is none, or a row that would mix two settings.
    """
    images = prepared(images)
    rows = []
    for named, attacked in groups(images, by):
        row = named | counts(attacked, "rmse") | _errors(attacked, seed)
        row |= {
            name: cell
            for column, (base, unit) in _MEANS.items()
            for name, cell in interval_columns(base, mean(attacked, column, seed), unit).items()
        }
        for name, column in TRIVIAL.items():
            row |= beside(attacked, attacked, ("rmse", column), name, seed)
        row |= interval_columns("unprotected_rmse", mean(under(images, named), "rmse", seed))
        for name, policy in (("unprotected", NONE), ("additional", ADDITIONAL)):
            reference = under(images, named, policy)
            row |= beside(attacked, reference, ("rmse", "rmse"), name, seed)
        row |= _angle(attacked) | _epochs(attacked)
        row |= key_columns(networks_behind(attacked, models))
        keys = {name: str(named[name]) for name in ("dataset", "model", "policy", "attack")}
        rows.append(row | error_columns(published, experiment, **keys))
    return pd.DataFrame(rows)


def _errors(attacked: pd.DataFrame, seed: int) -> dict[str, Hashable]:
    rmse, mse = (mean(attacked, column, seed) for column in ("rmse", "mse_pm1"))
    row = interval_columns("rmse", rmse) | {"interval": rmse.method}
    row["rmse_seed_std"] = seed_deviation(attacked, "rmse")
    ends = (np.sqrt(max(end, 0)) / 2 for end in (mse.value, mse.low, mse.high))
    pooled = Estimate(*ends, mse.n, mse.method)
    return row | interval_columns("mse_pm1", mse) | interval_columns("rmse_pooled", pooled)


def _angle(attacked: pd.DataFrame) -> dict[str, Hashable]:
    """Return the share of images whose angle was found within 0.1 rad."""
    guessed = attacked["angle_error_rad"].notna()
    found = (attacked["quarter_turns"] == 0).where(guessed)
    estimate = scaled(share(attacked, found), 100)
    return interval_columns("angle_found", estimate, "_pct")


def _epochs(attacked: pd.DataFrame) -> dict[str, Hashable]:
    """Return the epochs after which the attackers of the seeds stopped; NaN of no training."""
    epochs = attacked.groupby("seed")["attacker_epochs"].max().astype(float)
    ends = {"mean": epochs.mean(), "min": epochs.min(), "max": epochs.max()}
    return {f"attacker_epochs_{name}": value for name, value in ends.items()}


FORM = forms.form(
    (
        *forms.SUBJECT,
        forms.POLICY,
        forms.ATTACK,
        forms.interval("RMSE, [0, 1]", "rmse"),
        forms.value("SD over seeds", "rmse_seed_std", 4),
        *forms.COUNTED,
        forms.interval("MSE, [-1, 1]", "mse_pm1", 4),
        forms.interval("RMSE over all images", "rmse_pooled"),
        forms.interval("MAE, [0, 1]", "mae"),
        forms.interval("PSNR, dB", "psnr", 2, unit="_db"),
        forms.interval("SSIM", "ssim"),
        forms.interval("RMSE to the nearer image", "rmse_either"),
        forms.interval("RMSE to the partner", "rmse_partner"),
        forms.interval("RMSE of the mean colour", "rmse_mean_colour"),
        forms.interval("Difference to the mean colour", "mean_colour_difference", sign="+"),
        forms.interval("Ratio to the mean colour", "mean_colour_ratio", 2),
        forms.interval("RMSE of the blend", "rmse_blend"),
        forms.interval("Difference to the blend", "blend_difference", sign="+"),
        forms.interval("Ratio to the blend", "blend_ratio", 2),
        forms.interval("RMSE unprotected", "unprotected_rmse"),
        forms.interval("Difference to unprotected", "unprotected_difference", sign="+"),
        forms.interval("Ratio to unprotected", "unprotected_ratio", 2),
        forms.interval("Difference to additional layers", "additional_difference", sign="+"),
        forms.interval("Ratio to additional layers", "additional_ratio", 2),
        forms.interval("Angle error, rad", "angle_error", 3, unit="_rad"),
        forms.interval("Angle error modulo quarter turns, rad", "angle_error_quarter", unit="_rad"),
        forms.interval("Angle within 0.1 rad, %", "angle_found", 1, unit="_pct"),
        forms.spread("Attacker's epochs", "attacker_epochs"),
        *forms.ERRORS,
        forms.value("Test images", "n_test"),
        *forms.published_errors(),
    ),
    "Means over images, each averaged over seeds, with 95 % intervals; differences and ratios are "
    "paired, image by image. RMSE with pixels in [0, 1]; MSE with pixels in [-1, 1] is 4 RMSE^2 of "
    "each image, and RMSE over all images half its root, which published RMSE is compared with. "
    "Mean colour: the dataset's, a guess of nothing; blend: the mean of the two mixed images, the "
    "best of an attacker who cannot order them. Unprotected, additional layers: the same attack on "
    "the network as it is, and with the generator's layers. A guess at nothing is wrong by pi / 2 "
    "rad in the angle, by pi / 8 modulo quarter turns.",
)
