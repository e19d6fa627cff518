"""Gradients: what a victim used, and what the attack made of its gradient."""

from collections.abc import Mapping

import pandas as pd

from reveil import policies
from reveil.files import read_npz
from reveil.gallery.study import GAIN, Block, Measure, Names, Study
from reveil.tables.labels import dataset_title, model_title, policy_label, policy_order

_ARRAYS = {"originals": "clean", "victims": "seen", "reconstructions": "guess"}
_CURVE = ("curve", "curve_iterations")


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


def read(path: str) -> Block:
    """Return the pictures and cost curves of a block of attacked images.

    Raises:
        ReveilError: an archive that cannot be read or lacks an array.
    """
    arrays = read_npz(path, ("images", *_ARRAYS), optional=_CURVE, what="attack pictures")
    pictures = {shown: arrays[stored] for stored, shown in _ARRAYS.items()}
    curve = tuple(arrays[name] for name in _CURVE) if _CURVE[0] in arrays else None
    return Block(arrays["images"], pictures, curve)


STUDY = Study(
    name="ats",
    title="Gradients",
    about="A victim trains on an image and shares the gradient; the attack sees that gradient "
    "alone, and looks for an image that has the same. Gain: PSNR less the best that a guess "
    "without any gradient reaches. Above 0, the gradient leaked something.",
    captions={"clean": "clean", "seen": "victim used", "guess": "reconstruction"},
    absent="",
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
        Measure("ssim", "SSIM", "", 3, "structural similarity, -1 to 1"),
    ),
    value="psnr_db",
    floor="floor_db",
    higher=True,
    tidy=tidy,
    keys=("protocol", "dataset", "model", "role", "recipe", "attack", "defence"),
    names=names,
    order=order,
    read=read,
)
