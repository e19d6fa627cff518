"""Features: an image, the one that hides it, and what the attacker decoded."""

from collections.abc import Mapping

import pandas as pd

from reveil.cvnn.tables.labels import attack_label, attack_order, policy_label, policy_order
from reveil.gallery.study import GAIN, SSIM, Measure, Names, Study
from reveil.tables.labels import dataset_title, model_title
from reveil.tables.measures import OK

_TRIVIAL = ["rmse_mean_colour", "rmse_blend"]


def tidy(images: pd.DataFrame, archives: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return the rows of attacks that guess images, with the better trivial predictor's error.

    Attacks that infer a property have no guess, and no row here.
    """
    drawn = images["rmse"].notna() | (images["status"] != OK)
    rows = images[images["attack"].isin(images.loc[drawn, "attack"].unique())]
    trivial = rows[_TRIVIAL].astype(float).min(axis=1)
    return rows.assign(trivial=trivial, gain=trivial - rows["rmse"])


def names(cell: Names) -> dict[str, str]:
    """Return the labels of a cell, as the study's tables have them."""
    return {
        "dataset": dataset_title(str(cell["dataset"])),
        "model": model_title(str(cell["model"])),
        "policy": policy_label(str(cell["policy"])),
        "attack": attack_label(str(cell["attack"])),
        **{key: str(cell[key]) for key in ("protocol", "recipe")},
    }


def order(cell: Names) -> tuple:
    """Return a sort key: protections, then attacks, in the order of the study."""
    return policy_order(str(cell["policy"])), attack_order(str(cell["attack"]))


STUDY = Study(
    name="cvnn",
    title="Features",
    about="A device sends the features of an image, turned by a secret angle into those of another "
    "image; the attack sees the turned features. Gain: how much lower the RMSE is than that of one "
    "mean colour and, where images are mixed, of the mean of both. Above 0, the features leaked.",
    captions={
        "clean": "clean",
        "seen": "mixed with",
        "guess": "reconstruction",
        "second": "second guess",
    },
    facets={
        "dataset": "Dataset",
        "model": "Model",
        "policy": "Protection",
        "attack": "Attack",
        "protocol": "Protocol",
        "recipe": "Recipe",
    },
    measures=(
        Measure(GAIN, "Gain", "", 3, "the floor less the RMSE"),
        Measure("rmse", "RMSE", "", 3, "of the guess, pixels in 0 to 1; lower is more alike"),
        Measure("trivial", "Floor", "", 3, "the lower of mean colour and blend"),
        Measure("rmse_mean_colour", "Mean colour", "", 3, "RMSE of the dataset's mean colour"),
        Measure("rmse_blend", "Blend", "", 3, "RMSE of the mean of the two mixed images"),
        Measure("psnr_db", "PSNR", "dB", 2, "of the guess; higher is more alike"),
        SSIM,
    ),
    value="rmse",
    floor="trivial",
    higher=False,
    tidy=tidy,
    keys=("protocol", "dataset", "model", "policy", "recipe", "attack"),
    names=names,
    order=order,
    numbers="index",
    arrays={"original": "clean"},
    optional={"partner": "seen", "guess": "guess", "second": "second"},
    absent="nothing mixed in",
)
