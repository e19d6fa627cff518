"""Gradients: what a victim used, and what the attack made of its gradient."""

from collections.abc import Mapping

import pandas as pd

from reveil import policies
from reveil.gallery.study import GAIN, SSIM, Measure, Names, Study
from reveil.tables.labels import dataset_title, model_title, policy_label, policy_order


def tidy(images: pd.DataFrame, archives: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return the rows with ``role``, which is the same for what the seeds of a search found."""
    return images.assign(role=images["policy"].map(policies.role), gain=images["gain_db"])


def names(cell: Names) -> dict[str, str]:
    """Return the labels of a cell, as the study's tables have them."""
    dataset, model = str(cell["dataset"]), str(cell["model"])
    return {
        "dataset": dataset_title(dataset),
        "model": model_title(model),
        "policy": policy_label(str(cell["role"]), dataset, model),
        **{key: str(cell[key]) for key in ("attack", "defence", "protocol", "recipe")},
    }


def order(cell: Names) -> tuple:
    """Return a sort key: the papers' rows in their order."""
    return policy_order(str(cell["role"]), str(cell["dataset"]), str(cell["model"]))


STUDY = Study(
    name="ats",
    title="Gradients",
    about="A victim trains on an image and shares the gradient; the attack sees that gradient "
    "alone, and looks for an image that has the same. Gain: PSNR less the best that a guess "
    "without any gradient reaches. Above 0, the gradient leaked something.",
    captions={"clean": "clean", "seen": "victim used", "guess": "reconstruction"},
    facets={
        "dataset": "Dataset",
        "model": "Model",
        "policy": "Policy",
        "attack": "Attack",
        "defence": "Defence",
        "protocol": "Protocol",
        "recipe": "Recipe",
    },
    measures=(
        Measure(GAIN, "Gain", "dB", 2, "PSNR less its floor"),
        Measure("psnr_db", "PSNR", "dB", 2, "against what the victim used; higher is more alike"),
        Measure("floor_db", "Floor", "dB", 2, "the best of a random start, one colour and black"),
        SSIM,
    ),
    value="psnr_db",
    floor="floor_db",
    higher=True,
    tidy=tidy,
    keys=("protocol", "dataset", "model", "role", "recipe", "attack", "defence"),
    names=names,
    order=order,
    numbers="images",
    arrays={"originals": "clean", "victims": "seen", "reconstructions": "guess"},
)
