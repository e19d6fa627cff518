"""Every published reconstruction error in both units, with ours beside it."""

import math
from collections.abc import Hashable

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.labels import SOURCE_TITLES
from reveil.cvnn.tables.published import RECONSTRUCTION, find, network_of, printed
from reveil.errors import ReveilError
from reveil.tables.labels import NOT_AVAILABLE, model_title

# Of CIFAR-10, RMSE on [0, 1] over all pixels: the mean colour, and the mean of two images (the
# standard deviations 0.2470, 0.2435 and 0.2616 of its channels; methods 3.5).
MEAN_COLOUR = math.sqrt((0.2470**2 + 0.2435**2 + 0.2616**2) / 3)
BLEND = MEAN_COLOUR / math.sqrt(2)
_CIFAR10 = "CIFAR-10"
# What is told of a row of ours, as its table has it, and of none.
_EMPTY: dict[str, Hashable] = {
    **dict.fromkeys(("protocol", "model", "label", "attack_label"), ""),
    **dict.fromkeys(("rmse_pooled_mean", "rmse_pooled_low", "rmse_pooled_high"), math.nan),
    **dict.fromkeys(("mse_pm1_mean", "mse_pm1_low", "mse_pm1_high"), math.nan),
    "n_images": math.nan,
}


def unit_table(published: pd.DataFrame, ours: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the published reconstruction errors as printed and in both units, ours beside them.

    A row per published error and row of ours that it belongs beside, one if there is none. Ratios
    are to the mean colour and to the blend of CIFAR-10, and stand in its rows alone: from 1 on an
    attack does no better than one who saw nothing.

    Args:
        published: The papers' numbers.
        ours: Rows of :func:`reveil.cvnn.tables.inversion_table`, if there are any.

    Raises:
        ReveilError: there is no such number, or a source whose unit is not known.
    """
    errors = published[
        published["metric"].eq(RECONSTRUCTION) & published["source"].isin(list(SOURCE_TITLES))
    ]
    if errors.empty:
        raise ReveilError(f"published: no row of the metric {RECONSTRUCTION}")
    return pd.DataFrame(
        [
            _theirs(row) | beside
            for _, row in errors.iterrows()
            for beside in (_ours(row, ours) if ours is not None else []) or [dict(_EMPTY)]
        ]
    )


def _ours(row: pd.Series, ours: pd.DataFrame) -> list[dict[str, Hashable]]:
    """Return what the rows of ours are that a published error belongs beside."""
    alone, found = row.to_frame().T, []
    for mine in ours.to_dict("records"):
        keys = {name: str(mine[name]) for name in ("dataset", "model", "policy", "attack")}
        if find(alone, row["experiment"], row["source"], RECONSTRUCTION, **keys) is not None:
            found.append({name: mine[name] for name in _EMPTY})
    return found


def _theirs(row: pd.Series) -> dict[str, Hashable]:
    error = printed(row)
    known = row["dataset"] == _CIFAR10
    return {
        "experiment": row["experiment"],
        "source": row["source"],
        "source_title": SOURCE_TITLES[row["source"]],
        "published_dataset": row["dataset"],
        "published_model": row["model"],
        "network": network_of(row["note"]),
        "published_attack": row["attack"],
        "printed": error.value,
        "unit": error.unit,
        "published_rmse": error.rmse,
        "published_mse_pm1": error.mse_pm1,
        "mean_colour_ratio": error.rmse / MEAN_COLOUR if known else math.nan,
        "blend_ratio": error.rmse / BLEND if known else math.nan,
        "n": int(row["n_images"]) if pd.notna(row["n_images"]) else NOT_AVAILABLE,
    }


def _title(model: str | float) -> str:
    # What is empty reads back from CSV as NaN.
    return model_title(model) if isinstance(model, str) and model else ""


FORM = forms.form(
    (
        forms.words("Experiment", "experiment"),
        forms.words("Source", "source_title"),
        forms.words("Dataset", "published_dataset"),
        forms.words("Model", "published_model"),
        forms.words("Network", "network"),
        forms.words("Attack", "published_attack"),
        forms.value("As printed", "printed", 4),
        forms.words("Unit as printed", "unit"),
        forms.value("RMSE, [0, 1]", "published_rmse", 4),
        forms.value("MSE, [-1, 1]", "published_mse_pm1", 4),
        forms.value("Ratio to the mean colour", "mean_colour_ratio", 2),
        forms.value("Ratio to the blend", "blend_ratio", 2),
        forms.words("Protocol of ours", "protocol"),
        forms.Column("Model of ours", "model", lambda row: _title(row["model"]), True),
        forms.words("Protection of ours", "label"),
        forms.words("Attack of ours", "attack_label"),
        forms.interval("RMSE of ours", "rmse_pooled"),
        forms.interval("MSE of ours", "mse_pm1", 4),
        forms.value("Images of ours", "n_images"),
    ),
    "Published numbers are of one run each, without intervals or numbers of images. RMSE with "
    "pixels in [0, 1] is half the root of MSE with pixels in [-1, 1], theirs and ours over all "
    "pixels of all images, with 95 % intervals over images. Ratios of published RMSE on CIFAR-10: "
    f"the mean colour has {MEAN_COLOUR:.4f}, the mean of two images {BLEND:.4f}.",
)
