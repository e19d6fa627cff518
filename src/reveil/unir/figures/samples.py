"""Real images beside samples of generators that make images from noise."""

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reveil.errors import ReveilError
from reveil.figures.style import set_title, styled
from reveil.unir.figures.grid import as_bytes
from reveil.unir.labels import UNTRAINED, method_label, operator_label

SIDE = 8  # pictures along each side of a panel
_GAP = 2  # pixels of white between two pictures
_PANEL = 3.4  # inches


def sheet(pictures: NDArray[Any], side: int = SIDE) -> NDArray[np.uint8]:
    """Return the first ``side`` x ``side`` pictures as one, row by row, white where there is none.

    Args:
        pictures: (N, C, H, W), C 1 or 3; uint8, or float in [-1, 1].
        side: Pictures along each side.

    Returns:
        (side (H + gap) - gap, side (W + gap) - gap, 3) uint8.

    Raises:
        ReveilError: no picture, or no pictures at all, as vectors are none.
    """
    if pictures.ndim != 4 or not len(pictures):
        raise ReveilError(
            f"pictures: shape {pictures.shape} is not allowed; allowed: (N, C, H, W), N from 1"
        )
    shown = np.moveaxis(as_bytes(pictures[: side * side]), 1, -1)
    shown = np.broadcast_to(shown, (*shown.shape[:3], 3))
    height, width = shown.shape[1] + _GAP, shown.shape[2] + _GAP
    canvas = np.full((side * height - _GAP, side * width - _GAP, 3), 255, np.uint8)
    for place, picture in enumerate(shown):
        top, left = place // side * height, place % side * width
        canvas[top : top + height - _GAP, left : left + width - _GAP] = picture
    return canvas


@styled
def draw(
    real: NDArray[Any],
    samples: NDArray[Any],
    measured: NDArray[Any] | None = None,
    *,
    operator: str,
    recipe: str,
    seed: int,
    protocol: str,
    dataset: str,
    model: str,
) -> Figure:
    """Draw 8 x 8 real images, the same of their measurements if given, and 8 x 8 samples.

    (Guo et al. 2020, Figure 3, upper part, which is called reconstructions there; AmbientGAN's
    grids.)

    Args:
        real: (N, C, H, W), uint8 or float in [-1, 1].
        samples: (N', C, H, W), likewise; from fixed noise.
        measured: What the generator learned from, likewise; None, or vectors, which are not shown.
        operator: Name of the operator, ``none`` for clean images.
        recipe: Name of the recipe.
        seed: Of the generator.
        protocol: Name of the protocol.
        dataset: Name of the dataset.
        model: Name of the generator.
    """
    panels = {"Real images": real}
    if measured is not None and measured.ndim == 4:
        panels["Measurements, which it learns from"] = measured
    panels["Samples from noise"] = samples
    figure = Figure(figsize=(0.2 + _PANEL * len(panels), _PANEL + 0.75))
    places = figure.subplots(1, len(panels))
    for axes, (label, pictures) in zip(places, panels.items(), strict=True):
        axes.imshow(sheet(pictures), interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        counted = min(len(pictures), SIDE * SIDE)
        axes.set_title("\n".join(textwrap.wrap(f"{label} ({counted})", 44)))
    whose = method_label(recipe)
    if operator not in ("identity", UNTRAINED):
        whose = f"{whose}, {operator_label(operator)}"
    set_title(
        figure,
        f"{whose}: samples, which reconstruct no image",
        protocol=protocol,
        dataset=dataset,
        model=model,
        n=f"{min(len(samples), SIDE * SIDE)} samples of fixed noise, seed {seed}",
    )
    return figure
