"""Originals, what the victim used, and what the attacker made of its gradient."""

import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reveil.errors import ReveilError
from reveil.figures.style import BLACK, GREY, VERMILLION, counted, set_title, styled
from reveil.tables.labels import policy_label, policy_order
from reveil.tables.policy import OK

Pictures = Mapping[str, NDArray[np.uint8]]
_ARRAYS = ("images", "originals", "victims", "reconstructions")


def read_pictures(paths: Iterable[str | os.PathLike[str]]) -> dict[str, np.ndarray]:
    """Return the pictures of the blocks of one attack as one set.

    Args:
        paths: Archives with ``images`` (B,), the image numbers, and ``originals``, ``victims`` and
            ``reconstructions``, uint8 (B, C, H, W).

    Raises:
        ReveilError: an archive that cannot be read or lacks an array.
    """
    blocks = []
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as archive:
                blocks.append({name: archive[name] for name in _ARRAYS})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ReveilError(
                f"{os.fspath(path)}: not an archive of attack pictures: {error}"
            ) from error
    if not blocks:
        raise ReveilError("pictures: no archives were given")
    return {name: np.concatenate([block[name] for block in blocks]) for name in _ARRAYS}


def data(images: pd.DataFrame, chosen: Sequence[int], *, dataset: str, model: str) -> pd.DataFrame:
    """Return what is written under each reconstruction: one row per policy, one column per image.

    Args:
        images: Attacked images of one protocol, dataset, model and seed.
        chosen: Numbers of the images, in the order of the columns.
        dataset: Name of the dataset.
        model: Name of the model.

    Returns:
        Columns policy, image, psnr_db, floor_db, gain_db, status; missing attacks have the status
        ``not attacked``.
    """
    names = sorted(images["policy"].unique(), key=lambda name: policy_order(name, dataset, model))
    wanted = pd.MultiIndex.from_product([names, chosen], names=["policy", "image"])
    measures = ["psnr_db", "floor_db", "status"]
    table = images.drop_duplicates(["policy", "image"]).set_index(["policy", "image"])[measures]
    table = table.reindex(wanted).reset_index()
    table["status"] = table["status"].astype(object).where(table["status"].notna(), "not attacked")
    return table.assign(gain_db=table["psnr_db"] - table["floor_db"])


@styled
def draw(
    images: pd.DataFrame,
    pictures: Mapping[str, Pictures],
    chosen: Sequence[int],
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
        pictures: Per policy the arrays of :func:`read_pictures`.
        chosen: Numbers of the images to show.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the model.

    Raises:
        ReveilError: no image chosen, or one that no policy has pictures of.
    """
    if not len(chosen):
        raise ReveilError("images: none was chosen for the grid")
    notes = data(images, chosen, dataset=dataset, model=model)
    names = list(dict.fromkeys(notes["policy"]))
    originals = [_original(pictures, image) for image in chosen]
    heights = [0.88, *[1.0] * len(names)]
    figure = Figure(figsize=(max(3.6, 1.35 + 1.45 * len(chosen)), 0.8 + 0.88 * sum(heights)))
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    pairs = figure.subplots(
        len(names) + 1, len(chosen), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axes, image, original in zip(pairs[0], chosen, originals, strict=True):
        _show(axes, [original])
        axes.set_title(f"image {image}", fontsize=7.5, fontweight="normal", loc="center", pad=2)
    _row_label(pairs[0, 0], "Original")
    for row, policy in zip(pairs[1:], names, strict=True):
        _row_label(row[0], policy_label(policy, dataset, model))
        for axes, image in zip(row, chosen, strict=True):
            note = notes[(notes["policy"] == policy) & (notes["image"] == image)].iloc[0]
            _show(axes, _pair(pictures.get(policy), image, originals[0].shape))
            _write_note(axes, note)
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


def _original(pictures: Mapping[str, Pictures], image: int) -> NDArray[np.uint8]:
    for arrays in pictures.values():
        place = np.flatnonzero(arrays["images"] == image)
        if len(place):
            return arrays["originals"][place[0]]
    raise ReveilError(f"image: {image} is in no archive of attack pictures")


def _pair(
    arrays: Pictures | None, image: int, shape: tuple[int, ...]
) -> list[NDArray[np.uint8] | None]:
    place = np.flatnonzero(arrays["images"] == image) if arrays is not None else []
    if not len(place):
        return [None, None]
    return [arrays[name][place[0]] for name in ("victims", "reconstructions")]


def _show(axes: Axes, pictures: Sequence[NDArray[np.uint8] | None]) -> None:
    """Show one or two (C, H, W) pictures, each one unit wide, side by side."""
    axes.axis("off")
    lefts = [0.52] if len(pictures) == 1 else [0.0, 1.04]
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


def _row_label(axes: Axes, text: str) -> None:
    words = text.replace(" (", "\n(").replace(", ", ",\n")
    axes.text(-0.14, 0.5, words, ha="right", va="center", fontsize=7.5, clip_on=False)


def _write_note(axes: Axes, note: pd.Series) -> None:
    if note["status"] != OK:
        text, weight, colour = str(note["status"]), "normal", GREY
    else:
        text = f"{note['psnr_db']:.1f} dB, floor {note['floor_db']:.1f}"
        leaks = note["gain_db"] > 0
        weight, colour = ("bold", VERMILLION) if leaks else ("normal", BLACK)
    axes.text(1.02, 1.05, text, ha="center", va="top", fontsize=7, fontweight=weight, color=colour)


def numbers(pictures: Mapping[str, Pictures], positions: Sequence[int]) -> list[int]:
    """Return the numbers of the images at ``positions`` among the attacked ones, counted from 0.

    The order is that in which the images were attacked, the same for every policy; positions
    beyond the last one, which the check of the config refuses, are left out.
    """
    attacked = next(iter(pictures.values()))["images"]
    return [int(attacked[position]) for position in positions if position < len(attacked)]
