"""Clean images, their measurements, and what each method made of these."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reveil.errors import ReveilError
from reveil.figures import grid
from reveil.figures.style import BLACK, GREY, counted, set_title, styled
from reveil.tables.measures import OK
from reveil.unir.figures.shown import measured
from reveil.unir.labels import (
    method_label,
    method_of,
    method_order,
    operator_label,
    plain_recipe,
)

# Array of an archive -> its name here. Only networks have something to measure again.
ARRAYS = {
    "index": "images",
    "clean": "originals",
    "measured": "measured",
    "reconstruction": "guesses",
}
OPTIONAL = {"remeasured": "remeasured"}
KEEP = "keep"
_WIDTH, _HEIGHT = 1.05, 1.17  # inches, of a picture with its note


def read_pictures(paths: Iterable[str | os.PathLike[str]]) -> dict[str, np.ndarray]:
    """Return the pictures of the blocks of one method as one set, under the names used here.

    Args:
        paths: Archives with ``index`` (N,), the image numbers; ``clean``, ``measured`` and
            ``reconstruction``, (N, C, H, W) each; and, for a network, ``remeasured``: its
            reconstruction measured again. uint8, or float in [-1, 1] as noise leaves it.

    Raises:
        ReveilError: an archive that cannot be read or lacks an array.
    """
    arrays = grid.read_pictures(paths, tuple(ARRAYS), tuple(OPTIONAL))
    return {(ARRAYS | OPTIONAL)[stored]: values for stored, values in arrays.items()}


def read_rows(
    images: pd.DataFrame, attacks: Sequence[Mapping[str, Any]]
) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]]]:
    """Return what a grid of one row a method takes.

    Args:
        images: Reconstructed images of one protocol, dataset, operator and seed.
        attacks: One a row: ``recipe``, ``attack`` and ``arrays``, paths for :func:`read_pictures`.

    Returns:
        The images with the column ``row``, and the pictures of each row, in the order of the
        study; without the method that keeps the measurement, which the grid shows anyway.
    """
    found = {
        method_of(plain_recipe(entry["recipe"]), entry["attack"]): read_pictures(entry["arrays"])
        for entry in attacks
        if entry["attack"] != KEEP
    }
    rows = measured(images, ["psnr_db"])
    ordered = {name: found[name] for name in sorted(found, key=method_order)}
    return rows.assign(row=rows["method"]), ordered


def data(images: pd.DataFrame, chosen: Sequence[int], rows: Sequence[str]) -> pd.DataFrame:
    """Return what is written under the reconstructions: one row a method and image.

    Args:
        images: Reconstructed images with the column ``row``.
        chosen: Numbers of the images, in the order of the columns.
        rows: Methods, from the top.

    Returns:
        Columns row, image, psnr_db, status, and ``best``: no other method has a higher PSNR.
        Missing reconstructions have the status ``not attacked``.
    """
    table = grid.cells(images, rows, chosen, ["psnr_db"])
    highest = table.groupby("image")["psnr_db"].transform("max")
    return table.assign(best=table["psnr_db"].eq(highest))


def as_bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a picture as it is shown: uint8 as it is, floats of [-1, 1] mapped to 0..255."""
    if picture.dtype == np.uint8:
        return picture
    return np.rint(np.clip((picture + 1) * 127.5, 0, 255)).astype(np.uint8)


def psnr(picture: NDArray[Any], clean: NDArray[Any]) -> float:
    """Return 10 log10(4 / MSE) on [-1, 1] in dB; infinite for equal pictures (section 5.2)."""
    first, second = (_unbounded(values) for values in (picture, clean))
    error = float(np.square(first - second).mean())
    return 10 * np.log10(4 / error) if error else np.inf


def _unbounded(picture: NDArray[Any]) -> NDArray[np.float64]:
    values = picture.astype(np.float64)
    return values / 127.5 - 1 if picture.dtype == np.uint8 else values


@styled
def draw(
    images: pd.DataFrame,
    pictures: Mapping[str, Mapping[str, NDArray[Any]]],
    chosen: Sequence[int],
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw clean images and measurements over one row a method, and what is measured again.

    Missing values are shown as they are: with the value that the operator gives them. Under each
    picture stands its PSNR, bold where it is the highest of its column. The last row is what a
    critic sees: the reconstruction of the first network, measured again with another theta.
    (Guo et al. 2020, Figure 3, shows samples in its place.)

    Args:
        images: Reconstructed images of one protocol, dataset, operator and seed, with ``row``.
        pictures: Per method, the arrays of :func:`read_pictures`.
        chosen: Numbers of the images to show.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the network.

    Raises:
        ReveilError: no image chosen, one that no method has pictures of, or several operators.
    """
    if not len(chosen):
        raise ReveilError("images: none was chosen for the grid")
    operators = images["policy"].unique()
    if len(operators) != 1:
        raise ReveilError(f"policy: {', '.join(operators)} are not allowed; allowed: one a grid")
    notes = data(images, chosen, list(pictures))
    kept = {image: _kept(pictures, image) for image in chosen}
    notes["best"] &= notes["psnr_db"] > notes["image"].map(kept)
    again = next((name for name, arrays in pictures.items() if "remeasured" in arrays), None)
    rows = [("Clean", None, "originals"), ("Measured", None, "measured")]
    rows += [(method_label(name), name, "guesses") for name in pictures]
    if again:
        rows.append((f"{method_label(again)},\nmeasured again", again, "remeasured"))
    figure = Figure(figsize=(max(3.9, 1.5 + _WIDTH * len(chosen)), 0.7 + _HEIGHT * len(rows)))
    figure.get_layout_engine().set(
        w_pad=0.01, h_pad=0.02, wspace=0, hspace=0, rect=(0.012, 0, 0.988, 1)
    )
    places = figure.subplots(len(rows), len(chosen), squeeze=False)
    for line, (label, name, kind) in zip(places, rows, strict=True):
        grid.row_label(line[0], _wrapped(label))
        for axes, image in zip(line, chosen, strict=True):
            picture = _picture(pictures, name, kind, image)
            grid.show(axes, [None if picture is None else as_bytes(picture)], left=0.0)
            axes.set_xlim(-0.06, 1.06)
            if kind == "measured" and picture is not None:
                _write(axes, f"{kept[image]:.1f} dB")
            elif kind == "guesses":
                here = notes[(notes["row"] == name) & (notes["image"] == image)]
                _note(axes, here.iloc[0])
    for axes, image in zip(places[0], chosen, strict=True):
        axes.set_title(f"image {image}", fontsize=7.5, fontweight="normal", loc="center", pad=2)
    seed = ", ".join(str(seed) for seed in sorted(images["seed"].unique()))
    set_title(
        figure,
        f"What each method makes of measurements by {operator_label(operators[0])}",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(len(chosen), 'image')}, seed {seed}; PSNR, higher: better",
    )
    return figure


def _wrapped(label: str) -> str:
    return label if len(label) < 18 or "\n" in label else label.replace(" ", "\n", 1)


def _picture(
    pictures: Mapping[str, Mapping[str, NDArray[Any]]], name: str | None, kind: str, image: int
) -> NDArray[Any] | None:
    """Return one (C, H, W) picture, None where there is none.

    Raises:
        ReveilError: no method has the image itself.
    """
    if kind == "originals":
        return grid.original(pictures, image)
    for arrays in [pictures[name]] if name else pictures.values():
        place = np.flatnonzero(arrays["images"] == image)
        if len(place) and kind in arrays:
            return arrays[kind][place[0]]
    return None


def _kept(pictures: Mapping[str, Mapping[str, NDArray[Any]]], image: int) -> float:
    """Return the PSNR of the measurement as it is, below all others where there is none."""
    picture = _picture(pictures, None, "measured", image)
    return -np.inf if picture is None else psnr(picture, grid.original(pictures, image))


def _note(axes: Axes, note: pd.Series) -> None:
    """Write the PSNR of a reconstruction below it, or why there is none."""
    if note["status"] != OK:
        _write(axes, str(note["status"]).replace("attacked", "made"), colour=GREY)
    else:
        _write(axes, f"{note['psnr_db']:.1f} dB", weight="bold" if note["best"] else "normal")


def _write(axes: Axes, text: str, *, colour: str = BLACK, weight: str = "normal") -> None:
    axes.text(0.5, 1.04, text, ha="center", va="top", fontsize=7, color=colour, fontweight=weight)
