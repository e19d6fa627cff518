"""From a picture's bytes to the square of pixels that is kept of it.

How a picture of another shape becomes a square is the dataset's ``geometry``, a name of
``GEOMETRIES``, of the part in its ``box`` where it has one. All resampling is Pillow's bilinear,
which averages where it shrinks.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from PIL import Image, UnidentifiedImageError

from reveil.datasets import Dataset
from reveil.errors import ReveilError

# Of the datasets here none has pictures as large; a few bytes can claim any size.
LONGEST_SIDE = 8192

JPEG = ("JPEG",)
# Pillow's modes of whole numbers beyond 8 bits and of fractions, of which it would keep the ends.
DEEP = ("I", "F")

Geometry = Callable[[Image.Image, int], Image.Image]


def exact(image: Image.Image, size: int) -> Image.Image:
    """Return the image as it is: archives that hold squares of the right size."""
    return image


def stretch(image: Image.Image, size: int) -> Image.Image:
    """Return the whole image at (size, size), its proportions given up."""
    return image.resize((size, size), Image.Resampling.BILINEAR)


def cover(image: Image.Image, size: int) -> Image.Image:
    """Return the centre of the image once its shorter side has ``size`` pixels.

    As torchvision's ``Resize(size)`` and ``CenterCrop(size)`` do: the longer side is rounded down,
    half a pixel of the margin to even.
    """
    width, height = image.size
    short = min(width, height)
    width, height = (size * side // short for side in (width, height))
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + size, top + size))


GEOMETRIES: Mapping[str, Geometry] = MappingProxyType(
    {"exact": exact, "stretch": stretch, "cover": cover}
)


def decode(content: bytes, where: str, dataset: Dataset, kinds: Sequence[str] = JPEG) -> np.ndarray:
    """Return an image as the dataset keeps it, (3, size, size) uint8.

    Args:
        content: of the file.
        where: archive and member, for messages.
        dataset: its box, geometry and size; grey and CMYK pictures become RGB, and what says how
            transparent a pixel is gets lost.
        kinds: formats that are allowed, as Pillow calls them.

    Raises:
        ReveilError: the content is no whole image of these kinds, has more than 8 bits a value,
            or cannot become such a square.
    """
    square = (dataset.size, dataset.size)
    try:
        with Image.open(io.BytesIO(content), formats=kinds) as image:
            if max(image.size) > LONGEST_SIDE:
                raise ReveilError(f"{where} is {image.size} pixels; allowed: up to {LONGEST_SIDE}")
            if image.mode.startswith(DEEP):
                raise ReveilError(f"{where} has more than 8 bits a value ({image.mode})")
            used = _inside(image, where, dataset.box).convert("RGB")
            kept = GEOMETRIES[dataset.geometry](used, dataset.size)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise ReveilError(f"{where} is not a whole {' or '.join(kinds)} image: {error}") from error
    if kept.size != square:
        raise ReveilError(f"{where} is {kept.size} pixels, not {square}")
    return np.asarray(kept).transpose(2, 0, 1)


def _inside(image: Image.Image, where: str, box: tuple[int, ...]) -> Image.Image:
    """Return the part of the image in the box, which must lie in it; all of it without one."""
    if not box:
        return image
    _, _, right, bottom = box
    if right > image.width or bottom > image.height:
        raise ReveilError(f"{where} is {image.size} pixels; the box reaches to {(right, bottom)}")
    return image.crop(box)
