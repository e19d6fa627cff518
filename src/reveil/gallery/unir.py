"""Measurements: a clean image, what is left of it, and what each method makes of that."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reveil.files import read_npz
from reveil.gallery.archives import PLACE
from reveil.gallery.study import GAIN, SSIM, Measure, Names, Study
from reveil.tables.labels import dataset_title, model_title
from reveil.unir.figures.grid import KEEP, psnr
from reveil.unir.labels import (
    UNTRAINED,
    method_label,
    method_of,
    method_order,
    operator_label,
    operator_order,
)

# What all methods share a measurement of.
_MEASURED = ["protocol", "dataset", "policy", "seed", "image"]


def tidy(images: pd.DataFrame, archives: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return the rows with the PSNR of the measurement as it is.

    It stands in the rows of the method that keeps the measurement; without that method it is
    computed from the pictures, which a measurement with noise is rounded in.
    """
    kept = images[images["attack"] == KEEP].drop_duplicates(_MEASURED)
    known = kept.set_index(_MEASURED)["psnr_db"]
    places = pd.MultiIndex.from_frame(images[_MEASURED])
    found = known.reindex(places).to_numpy(dtype=float)
    if np.isnan(found).any() and len(kept) < len(images[_MEASURED].drop_duplicates()):
        computed = _measured(archives)
        found = np.where(np.isnan(found), [computed.get(place, np.nan) for place in places], found)
    rows = images.assign(measured_db=found)
    return rows.assign(gain=rows["psnr_db"] - rows["measured_db"])


def _measured(archives: Mapping[str, tuple[str, ...]]) -> dict[tuple, float]:
    """Return the PSNR in dB of every measurement in the archives, by the values of _MEASURED."""
    found: dict[tuple, float] = {}
    for path, place in archives.items():
        named = dict(zip(PLACE, place, strict=False))
        page = named["protocol"], named["dataset"], named["policy"], int(named["seed"])
        arrays = read_npz(path, ("index", "clean", "measured"), what="reconstructed pictures")
        for image, clean, seen in zip(*arrays.values(), strict=True):
            if (*page, int(image)) not in found:
                found[*page, int(image)] = psnr(seen, clean)
    return found


def names(cell: Names) -> dict[str, str]:
    """Return the labels of a cell, as the study's tables have them."""
    model = str(cell["model"])
    method = method_of(str(cell["recipe"]), str(cell["attack"]))
    return {
        "dataset": dataset_title(str(cell["dataset"])),
        "model": "No network" if model == UNTRAINED else model_title(model),
        "policy": operator_label(str(cell["policy"])),
        "attack": method_label(method),
        "protocol": str(cell["protocol"]),
    }


def order(cell: Names) -> tuple:
    """Return a sort key: operators, then methods, in the order of the study."""
    method = method_of(str(cell["recipe"]), str(cell["attack"]))
    return operator_order(str(cell["policy"])), method_order(method)


STUDY = Study(
    name="unir",
    title="Measurements",
    about="Most of an image is removed, or it is blurred; a method sees the measurement, and says "
    "what was there. Gain: PSNR less that of the measurement as it is. Above 0, the method found "
    "out something that the measurement does not show.",
    captions={"clean": "clean", "seen": "measurement", "guess": "reconstruction"},
    facets={
        "dataset": "Dataset",
        "model": "Model",
        "policy": "Operator",
        "attack": "Method",
        "protocol": "Protocol",
    },
    measures=(
        Measure(GAIN, "Gain", "dB", 2, "PSNR less that of the measurement"),
        Measure("psnr_db", "PSNR", "dB", 2, "of the reconstruction; higher is more alike"),
        Measure("measured_db", "Measurement", "dB", 2, "PSNR of the measurement as it is"),
        Measure("mse_pm1", "MSE", "", 4, "with pixels in -1 to 1; lower is more alike"),
        SSIM,
    ),
    value="psnr_db",
    floor="measured_db",
    higher=True,
    tidy=tidy,
    keys=("protocol", "dataset", "model", "policy", "recipe", "attack"),
    names=names,
    order=order,
    numbers="index",
    arrays={"clean": "clean", "measured": "seen", "reconstruction": "guess"},
)
