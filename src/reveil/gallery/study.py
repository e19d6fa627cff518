"""What the page has to know of a study: its pictures, its measures, what its cells are called."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reveil.files import read_npz
from reveil.unir.figures.grid import as_bytes

GAIN = "gain"
# The pictures of an image, in the order in which they are shown; the last is of two-image attacks.
PICTURES = ("clean", "seen", "guess", "second")

_CURVE = ("curve", "curve_iterations")

Names = Mapping[str, Hashable]


@dataclass(frozen=True)
class Measure:
    """A column of the images and its mean in the summary.

    Attributes:
        key: Column of the tidy table, or ``gain``.
        label: What stands over it.
        unit: Behind the numbers; empty without one.
        digits: After the point.
        meaning: A sentence for readers.
    """

    key: str
    label: str
    unit: str
    digits: int
    meaning: str


SSIM = Measure("ssim", "SSIM", "", 3, "structural similarity, -1 to 1")


@dataclass(frozen=True)
class Block:
    """The pictures of one archive.

    Attributes:
        images: (B,) numbers of the images in their split.
        pictures: One of ``PICTURES`` -> (B, C, H, W) uint8; without those that there are not.
        curve: (B, T) costs, and the (T,) iterations they belong to; None without a curve.
    """

    images: NDArray[np.int64]
    pictures: Mapping[str, NDArray[np.uint8]]
    curve: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None


@dataclass(frozen=True)
class Study:
    """How the rows of images.csv of one study become cells, names and pictures.

    Attributes:
        name: ``ats``, ``cvnn`` or ``unir``.
        title: For readers.
        about: One sentence on what is shown.
        captions: One of ``PICTURES`` -> what stands under it.
        facets: What cells differ in, and its label; keys of what ``names`` returns.
        measures: Of an image, the gain among them.
        value, floor: Columns; the gain is how far the first is on the better side of the second.
        higher: Whether a higher value is the better guess.
        tidy: Takes images.csv and the places of the archives; returns the rows with pictures,
            with the columns of ``keys`` and ``measures``.
        keys: Columns that make a cell; the seed is none of them.
        names: Takes the values of ``keys``; returns the label of every facet.
        order: Takes them, too; returns a sort key of the cells of one page.
        numbers: Array of an archive that numbers its images.
        arrays: Array of an archive -> the one of ``PICTURES`` that it is.
        optional: Likewise, of arrays that not every archive has.
        absent: What stands in the place of the second picture where there is none.
    """

    name: str
    title: str
    about: str
    captions: Mapping[str, str]
    facets: Mapping[str, str]
    measures: Sequence[Measure]
    value: str
    floor: str
    higher: bool
    tidy: Callable[[pd.DataFrame, Mapping[str, tuple[str, ...]]], pd.DataFrame]
    keys: Sequence[str]
    names: Callable[[Names], dict[str, str]]
    order: Callable[[Names], tuple]
    numbers: str
    arrays: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    absent: str = ""

    def read(self, path: str) -> Block:
        """Return the pictures of an archive, and its cost curves if it has any.

        Raises:
            ReveilError: an archive that cannot be read or lacks an array.
        """
        optional = (*self.optional, *_CURVE)
        found = read_npz(
            path, (self.numbers, *self.arrays), optional=optional, what="attack pictures"
        )
        stored = {**self.arrays, **self.optional}
        pictures = {shown: as_bytes(found[name]) for name, shown in stored.items() if name in found}
        curve = tuple(found[name] for name in _CURVE) if _CURVE[0] in found else None
        return Block(found[self.numbers], pictures, curve)

    def gain(self, rows: pd.DataFrame) -> pd.Series:
        """Return how much better than the floor each guess is, in the measure's unit."""
        difference = rows[self.value] - rows[self.floor]
        return difference if self.higher else -difference
