"""Images, the images mixed with them, and what attackers made of their hidden features."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reveil.cvnn.figures.shown import TRIVIAL
from reveil.cvnn.tables.labels import attack_label, attack_order, policy_label, policy_order
from reveil.errors import ReveilError
from reveil.figures import grid
from reveil.figures.style import BLACK, GREY, VERMILLION, counted, set_title, styled
from reveil.tables.measures import OK

# Array of reveil.cvnn.pictures -> its name here. There are no partners where nothing is mixed, no
# guesses of attackers that infer a property, and no second ones of attackers that make one.
ARRAYS = {"index": "images", "original": "originals"}
OPTIONAL = {"partner": "partners", "guess": "guesses", "second": "seconds"}
_MEASURES = ["rmse", "rmse_second", *TRIVIAL]


def read_pictures(paths: Iterable[str | os.PathLike[str]]) -> dict[str, np.ndarray]:
    """Return the pictures of the blocks of one attack as one set, under the names used here.

    Args:
        paths: Archives with ``index`` (N,), the image numbers, and ``original``, uint8
            (N, C, H, W); and, where there are any, ``partner``, ``guess`` and ``second``.

    Raises:
        ReveilError: an archive that cannot be read or lacks an array.
    """
    arrays = grid.read_pictures(paths, tuple(ARRAYS), tuple(OPTIONAL))
    return {(ARRAYS | OPTIONAL)[stored]: values for stored, values in arrays.items()}


def read_rows(
    images: pd.DataFrame, attacks: Sequence[Mapping[str, Any]]
) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]], dict[str, str]]:
    """Return what a grid of one row a policy and attack takes.

    Args:
        images: Attacked images of one protocol, dataset, model and seed.
        attacks: One a row: ``policy``, ``attack`` and ``arrays``, paths for :func:`read_pictures`.

    Returns:
        The images with the column ``row``, the pictures of each row, and its label, policies and
        attacks in the order of the study; without attacks that guess no image.
    """
    ordered = sorted(
        attacks, key=lambda entry: (policy_order(entry["policy"]), attack_order(entry["attack"]))
    )
    pictures, labels = {}, {}
    for entry in ordered:
        row = f"{entry['policy']} {entry['attack']}"
        arrays = read_pictures(entry["arrays"])
        if "guesses" not in arrays:
            continue
        labels[row] = f"{policy_label(entry['policy'])}\n{attack_label(entry['attack'])}"
        pictures[row] = arrays
    return images.assign(row=images["policy"] + " " + images["attack"]), pictures, labels


def data(images: pd.DataFrame, chosen: Sequence[int], labels: Mapping[str, str]) -> pd.DataFrame:
    """Return what is written under the pictures: one row a row of the grid and image.

    Args:
        images: Attacked images of one protocol, dataset, model and seed, with the column ``row``.
        chosen: Numbers of the images, in the order of the columns.
        labels: Of the rows.

    Returns:
        Columns row, image, rmse, rmse_second, the trivial predictors', ``trivial``, the lower of
        these, and status; missing attacks have the status ``not attacked``.
    """
    table = grid.cells(images, list(labels), chosen, _MEASURES)
    return table.assign(trivial=table[list(TRIVIAL)].astype(float).min(axis=1))


@styled
def draw(
    images: pd.DataFrame,
    pictures: Mapping[str, grid.Pictures],
    chosen: Sequence[int],
    labels: Mapping[str, str],
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw the images and their partners over one row a policy and attack, with its RMSE.

    A row more shows the second guess of an attacker that makes two. An error is bold and in colour
    where the guess is nearer to the image than both trivial predictors, whose errors stand under
    the first two rows. (Knijff et al. 2021, Figures 1 and 2.)

    Args:
        images: Attacked images of one protocol, dataset, model and seed, with the column ``row``.
        pictures: Per row, the arrays of :func:`read_pictures`.
        chosen: Numbers of the images to show.
        labels: Of the rows, in their order.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.

    Raises:
        ReveilError: no image chosen, or one that no attack has pictures of.
    """
    if not len(chosen):
        raise ReveilError("images: none was chosen for the grid")
    notes = data(images, chosen, labels)
    rows = [("", "originals", "Image"), *_partner_row(pictures)]
    for name, label in labels.items():
        rows.append((name, "guesses", label))
        if "seconds" in pictures[name]:
            rows.append((name, "seconds", f"{label},\nsecond guess"))
    width, height = 1.05, 1.17
    figure = Figure(figsize=(max(3.9, 1.75 + width * len(chosen)), 0.7 + height * len(rows)))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    places = figure.subplots(len(rows), len(chosen), squeeze=False)
    for line, (name, kind, label) in zip(places, rows, strict=True):
        grid.row_label(line[0], label)
        for axes, image in zip(line, chosen, strict=True):
            _show(axes, _picture(pictures, name, kind, image))
            here = notes[notes["image"] == image]
            if name:
                _error(axes, here[here["row"] == name].iloc[0], kind)
            else:
                _trivial(axes, here, kind)
    for axes, image in zip(places[0], chosen, strict=True):
        axes.set_title(f"image {image}", fontsize=7.5, fontweight="normal", loc="center", pad=2)
    seed = ", ".join(str(seed) for seed in sorted(images["seed"].unique()))
    set_title(
        figure,
        "Images, and what attackers made of their features",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(len(chosen), 'image')}, seed {seed}, RMSE",
    )
    return figure


def _partner_row(pictures: Mapping[str, grid.Pictures]) -> list[tuple[str, str, str]]:
    mixed = any("partners" in arrays for arrays in pictures.values())
    return [("", "partners", "Mixed with it")] if mixed else []


def _picture(
    pictures: Mapping[str, grid.Pictures], row: str, kind: str, image: int
) -> NDArray[np.uint8] | None:
    """Return one (C, H, W) picture, None where there is none.

    Raises:
        ReveilError: no attack has the image itself.
    """
    if kind == "originals":
        return grid.original(pictures, image)
    for arrays in [pictures[row]] if row else pictures.values():
        place = np.flatnonzero(arrays["images"] == image)
        if len(place) and kind in arrays:
            return arrays[kind][place[0]]
    return None


def _show(axes: Axes, picture: NDArray[np.uint8] | None) -> None:
    grid.show(axes, [picture], left=0.0)
    axes.set_xlim(-0.06, 1.06)


def _error(axes: Axes, note: pd.Series, kind: str) -> None:
    """Write the error of a guess below it, or why there is none."""
    if note["status"] != OK:
        _write(axes, str(note["status"]), GREY)
        return
    error = note["rmse" if kind == "guesses" else "rmse_second"]
    nearer = error < note["trivial"]
    _write(axes, f"{error:.3f}", VERMILLION if nearer else BLACK, "bold" if nearer else "normal")


def _trivial(axes: Axes, notes: pd.DataFrame, kind: str) -> None:
    """Write the error of the trivial predictor that a row of images is about below it."""
    column = "rmse_mean_colour" if kind == "originals" else "rmse_blend"
    errors = notes[column].astype(float).dropna()
    if len(errors):
        _write(axes, f"{TRIVIAL[column].removesuffix(' images')}: {errors.iloc[0]:.3f}", BLACK)


def _write(axes: Axes, text: str, colour: str, weight: str = "normal") -> None:
    axes.text(0.5, 1.04, text, ha="center", va="top", fontsize=7, color=colour, fontweight=weight)
