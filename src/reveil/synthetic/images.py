"""Images of garments in colours, in whole numbers only."""

import colorsys
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from reveil.datasets import Dataset

GARMENTS = 10
# Shares no factor with any number of classes: a step that visits every class before it repeats one.
STRIDE = 37
JPEG_SETTINGS = {"quality": 90, "subsampling": 0, "optimize": False, "progressive": False}


def labels_of(dataset: Dataset, split: str) -> np.ndarray:
    """Return (N,) int64 labels: every class once, in a mixed order, then again."""
    return np.arange(dataset.counts[split]) * STRIDE % dataset.classes


@dataclass(frozen=True)
class Shapes:
    """Grey images of garments.

    Attributes:
        images: (M, 28, 28) uint8.
        garments: (M,) what they show, 0..9, each of them present.
    """

    images: np.ndarray
    garments: np.ndarray


def coloured(shapes: Shapes, labels: np.ndarray, size: int, classes: int) -> np.ndarray:
    """Return (N, 3, size, size) uint8 images of the classes ``labels``.

    Class c is garment c mod 10 in colour c div 10; where there are only ten classes, colours come
    in turn. Each channel shows another grey image of the garment, so that channels differ by more
    than a factor.
    """
    pools = [np.flatnonzero(shapes.garments == garment) for garment in range(GARMENTS)]
    colours = max(classes // GARMENTS, GARMENTS)
    images = np.empty((len(labels), 3, size, size), dtype=np.uint8)
    shown = [0] * GARMENTS
    for row, label in enumerate(labels.tolist()):
        garment = label % GARMENTS
        colour = label // GARMENTS if classes > GARMENTS else shown[garment] % colours
        pool = pools[garment]
        chosen = shapes.images[pool[(3 * shown[garment] + np.arange(3)) % len(pool)]]
        images[row] = _tinted(resized(chosen, size), colour / colours)
        shown[garment] += 1
    return images


def _tinted(grey: np.ndarray, hue: float) -> np.ndarray:
    """Return (3, h, w) uint8 channels from the darkened opposite colour to the colour itself."""
    bright, dark = colorsys.hsv_to_rgb(hue, 0.6, 1.0), colorsys.hsv_to_rgb(hue + 0.5, 0.6, 0.3)
    high, low = (
        np.array([round(255 * c) for c in rgb], dtype=np.int64)[:, None, None]
        for rgb in (bright, dark)
    )
    mixed = grey.astype(np.int64) * high + (255 - grey.astype(np.int64)) * low
    return ((mixed + 127) // 255).astype(np.uint8)


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """Return (N, size, size) uint8 images, enlarged bilinearly in whole numbers.

    Pixel centres are aligned, and the border repeats, as in ``torch.nn.functional.interpolate``.

    Args:
        images: (N, h, h) uint8.
    """
    length = images.shape[1]
    # Positions, and distances between pixels, in units of 1 / (2 size) of a source pixel.
    place = np.clip((2 * np.arange(size) + 1) * length - size, 0, (length - 1) * 2 * size)
    low, share = np.divmod(place, 2 * size)
    high = np.minimum(low + 1, length - 1)
    values = images.astype(np.int64)
    values = values[:, low] * (2 * size - share)[:, None] + values[:, high] * share[:, None]
    values = values[:, :, low] * (2 * size - share) + values[:, :, high] * share
    return ((values + 2 * size**2) // (4 * size**2)).astype(np.uint8)


def jpeg(image: np.ndarray) -> bytes:
    """Return (3, h, w) or (h, w) uint8 as a JPEG file, in colour or grey."""
    stream = io.BytesIO()
    pixels = image.transpose(1, 2, 0) if image.ndim == 3 else image
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "JPEG", **JPEG_SETTINGS)
    return stream.getvalue()


def lines(texts: Iterable[str]) -> bytes:
    """Return a text file of these lines."""
    return "".join(f"{text}\n" for text in texts).encode()
