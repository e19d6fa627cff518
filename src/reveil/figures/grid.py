"""Originals, what the victim used, and what the attacker made of its gradient."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reveil.errors import ReveilError
from reveil.figures.style import BLACK, GREY, VERMILLION, counted, set_title, styled
from reveil.files import read_npz
from reveil.tables.labels import policy_label, policy_order
from reveil.tables.policy import OK

Pictures = Mapping[str, NDArray[np.uint8]]
_ARRAYS = ("images", "originals", "victims", "reconstructions")


def read_pictures(
    paths: Iterable[str | os.PathLike[str]],
    names: Sequence[str] = _ARRAYS,
    optional: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Return the pictures of the blocks of one attack as one set.

    Args:
        paths: Archives with ``images`` (B,), the image numbers, and ``originals``, ``victims`` and
            ``reconstructions``, uint8 (B, C, H, W).
        names: Of other arrays in place of these.
        optional: Names of further arrays, each returned if the first archive has it.

    Raises:
        ReveilError: an archive that cannot be read or lacks an array.
    """
    blocks = []
    for path in paths:
        # What the first archive has, all must have.
        wanted, more = (blocks[0], ()) if blocks else (names, optional)
        blocks.append(read_npz(path, wanted, optional=more, what="attack pictures"))
    if not blocks:
        raise ReveilError("pictures: no archives were given")
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def read_rows(
    images: pd.DataFrame, attacks: Sequence[Mapping[str, Any]], *, dataset: str, model: str
) -> tuple[pd.DataFrame, dict[str, Pictures], dict[str, str]]:
    """Return what a grid of one row a policy and attack takes.

    Args:
        images: Attacked images of one protocol, dataset, model and seed.
        attacks: One a row: ``policy``, ``attack`` and ``arrays``, paths for :func:`read_pictures`.
        dataset: Name of the dataset.
        model: Name of the model.

    Returns:
        The images with the column ``row``, the pictures of each row, and its label, in the order
        of the papers' policies and of first appearance of the attacks.
    """
    names = list(dict.fromkeys(entry["attack"] for entry in attacks))
    ordered = sorted(
        attacks,
        key=lambda entry: (
            policy_order(entry["policy"], dataset, model),
            names.index(entry["attack"]),
        ),
    )
    pictures, labels = {}, {}
    for entry in ordered:
        row = f"{entry['policy']} {entry['attack']}"
        label = policy_label(entry["policy"], dataset, model)
        labels[row] = label if len(names) == 1 else f"{label}, {entry['attack']}"
        pictures[row] = read_pictures(entry["arrays"])
    return images.assign(row=images["policy"] + " " + images["attack"]), pictures, labels


def data(
    images: pd.DataFrame,
    chosen: Sequence[int],
    *,
    dataset: str,
    model: str,
    labels: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return what is written under each reconstruction: one row per policy, one column per image.

    Args:
        images: Attacked images of one protocol, dataset, model and seed.
        chosen: Numbers of the images, in the order of the columns.
        dataset: Name of the dataset.
        model: Name of the model.
        labels: Of the values of the column ``row``, which then are the rows and not the policies.

    Returns:
        Columns row, image, psnr_db, floor_db, gain_db, status; missing attacks have the status
        ``not attacked``.
    """
    if labels is None:
        labels, images = policy_rows(images, dataset, model)
    table = cells(images, list(labels), chosen, ["psnr_db", "floor_db"])
    return table.assign(gain_db=table["psnr_db"] - table["floor_db"])


def cells(
    images: pd.DataFrame, rows: Sequence[str], chosen: Sequence[int], measures: Sequence[str]
) -> pd.DataFrame:
    """Return the measures of every row and image of a grid: columns row, image, these, status.

    Args:
        images: Attacked images with the column ``row``.
        rows: From the top.
        chosen: Numbers of the images, in the order of the columns.
        measures: Columns of ``images``; missing attacks have the status ``not attacked``.
    """
    wanted = pd.MultiIndex.from_product([rows, chosen], names=["row", "image"])
    table = images.drop_duplicates(["row", "image"]).set_index(["row", "image"])
    table = table[[*measures, "status"]].reindex(wanted).reset_index()
    table["status"] = table["status"].astype(object).where(table["status"].notna(), "not attacked")
    return table


def policy_rows(
    images: pd.DataFrame, dataset: str, model: str
) -> tuple[dict[str, str], pd.DataFrame]:
    """Return the label of every policy, in the papers' order, and the images by policy."""
    names = sorted(images["policy"].unique(), key=lambda name: policy_order(name, dataset, model))
    labels = {name: policy_label(name, dataset, model) for name in names}
    return labels, images.assign(row=images["policy"])


@styled
def draw(
    images: pd.DataFrame,
    pictures: Mapping[str, Pictures],
    chosen: Sequence[int],
    labels: Mapping[str, str] | None = None,
    *,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw the originals over one row a policy: for each image the victim's, then the guess.

    Under each pair stands the PSNR and the best floor of that image, in bold colour where the
    attack beats the floor. (Drabent et al. 2022, Figure 3; Warmerdam et al. 2022, Figures 8-11.)

    Args:
        images: Attacked images of one protocol, dataset, model and seed.
        pictures: Per policy, or row, the arrays of :func:`read_pictures`.
        chosen: Numbers of the images to show.
        labels: As in :func:`data`.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.

    Raises:
        ReveilError: no image chosen, or one that no policy has pictures of.
    """
    if not len(chosen):
        raise ReveilError("images: none was chosen for the grid")
    if labels is None:
        labels, images = policy_rows(images, dataset, model)
    notes = data(images, chosen, dataset=dataset, model=model, labels=labels)
    originals = [original(pictures, image) for image in chosen]
    heights = [0.88, *[1.0] * len(labels)]
    figure = Figure(figsize=(max(3.6, 1.35 + 1.45 * len(chosen)), 0.8 + 0.88 * sum(heights)))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    pairs = figure.subplots(
        len(labels) + 1, len(chosen), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axes, image, picture in zip(pairs[0], chosen, originals, strict=True):
        show(axes, [picture])
        axes.set_title(f"image {image}", fontsize=7.5, fontweight="normal", loc="center", pad=2)
    row_label(pairs[0, 0], "Original")
    for row, (name, label) in zip(pairs[1:], labels.items(), strict=True):
        row_label(row[0], label)
        for axes, image in zip(row, chosen, strict=True):
            note = notes[(notes["row"] == name) & (notes["image"] == image)].iloc[0]
            show(axes, pair(pictures.get(name), image))
            write_note(axes, note)
    seed = ", ".join(str(seed) for seed in sorted(images["seed"].unique()))
    set_title(
        figure,
        "What the victim used (left) and what the attack made of it (right)",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{counted(len(chosen), 'image')}, seed {seed}",
    )
    return figure


def original(pictures: Mapping[str, Pictures], image: int) -> NDArray[np.uint8]:
    """Return the (C, H, W) untouched picture of an image, whoever attacked it.

    Raises:
        ReveilError: it is in no archive.
    """
    for arrays in pictures.values():
        place = np.flatnonzero(arrays["images"] == image)
        if len(place):
            return arrays["originals"][place[0]]
    raise ReveilError(f"image: {image} is in no archive of attack pictures")


def pair(arrays: Pictures | None, image: int) -> list[NDArray[np.uint8] | None]:
    """Return what the victim used and the reconstruction, None where there is no picture."""
    place = np.flatnonzero(arrays["images"] == image) if arrays is not None else []
    if not len(place):
        return [None, None]
    return [arrays[name][place[0]] for name in ("victims", "reconstructions")]


def show(
    axes: Axes, pictures: Sequence[NDArray[np.uint8] | None], left: float | None = None
) -> None:
    """Show one or two (C, H, W) pictures, each one unit wide, side by side.

    Args:
        axes: Where; their frame is taken away.
        pictures: None for one that is missing.
        left: Left edge of a single one, which by default is in the middle of two.
    """
    axes.axis("off")
    middle = 0.52 if left is None else left
    lefts = [middle] if len(pictures) == 1 else [0.0, 1.04]
    for left, picture in zip(lefts, pictures, strict=True):
        if picture is None:
            axes.text(
                left + 0.5, 0.5, "no picture", ha="center", va="center", color=GREY, fontsize=7
            )
            continue
        pixels = np.moveaxis(picture, 0, -1)
        grey = pixels.shape[-1] == 1
        axes.imshow(
            pixels[..., 0] if grey else pixels,
            cmap="gray",
            vmin=0,
            vmax=255,
            extent=(left, left + 1, 1, 0),
            interpolation="nearest",
        )
    axes.set(xlim=(-0.08, 2.12), ylim=(1, 0), aspect="equal")


def row_label(axes: Axes, text: str) -> None:
    """Write what a row shows to the left of its first picture."""
    words = text.replace(" (", "\n(").replace(", ", ",\n")
    axes.text(-0.14, 0.5, words, ha="right", va="center", fontsize=7.5, clip_on=False)


def write_note(axes: Axes, note: pd.Series, x: float = 1.02) -> None:
    """Write PSNR and floor below a picture, in bold colour where the attack beats the floor."""
    if note["status"] != OK:
        text, weight, colour = str(note["status"]), "normal", GREY
    else:
        text = f"{note['psnr_db']:.1f} dB, floor {note['floor_db']:.1f}"
        leaks = note["gain_db"] > 0
        weight, colour = ("bold", VERMILLION) if leaks else ("normal", BLACK)
    axes.text(x, 1.05, text, ha="center", va="top", fontsize=7, fontweight=weight, color=colour)


def numbers(pictures: Mapping[str, Pictures], positions: Sequence[int]) -> list[int]:
    """Return the numbers of the images at ``positions`` among the attacked ones, counted from 0.

    The order is that in which the images were attacked, the same for every policy; positions
    beyond the last one, which the check of the config refuses, are left out.
    """
    attacked = next(iter(pictures.values()))["images"]
    return [int(attacked[position]) for position in positions if position < len(attacked)]
