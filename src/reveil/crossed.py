"""Intervals of means over images and trainings, both of them samples.

With several seeds each image is measured under each training, y = mean + image + training + rest,
all of them random. An interval over images alone speaks of these trainings and no others; this one
speaks of other images and other trainings. The variance of the mean follows from the mean squares
of the two-way layout, its degrees of freedom from Satterthwaite (1946); see Searle, Casella and
McCulloch (1992), chapter 4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from reveil.statistics import RESAMPLES, Estimate, by_image, mean_interval

CROSSED = "crossed-t"
# More than anyone will run.
MOST_UNITS = 10**12


class Layout(NamedTuple):
    """What a mean over images and trainings varies with.

    Attributes:
        images: How many there are.
        seeds: How many trainings, each with every image.
        by_image: Mean square between images.
        by_seed: Mean square between trainings.
        rest: Mean square of what is left.
    """

    images: int
    seeds: int
    by_image: float
    by_seed: float
    rest: float

    def half_width(self, level: float) -> float:
        """Return half of the width of the interval of the mean at a level between 0 and 1.

        Where chance makes the rest larger than one of the other mean squares, the larger of the two
        alone is taken, so that no interval is narrower than that over images or over trainings.
        """
        count = self.images * self.seeds
        freedom = self.images - 1, self.seeds - 1
        parts = [(self.by_image, freedom[0]), (self.by_seed, freedom[1])]
        both = self.by_image + self.by_seed - self.rest
        spread, degrees = max(parts)
        if both > spread:
            parts.append((self.rest, freedom[0] * freedom[1]))
            spread, degrees = both, both**2 / sum(square**2 / own for square, own in parts)
        return float(special.stdtrit(degrees, (1 + level) / 2) * np.sqrt(spread / count))

    def with_more(self, images: int, seeds: int) -> "Layout":
        """Return the layout to be expected of other numbers of images and trainings."""
        own = max(0.0, (self.by_image - self.rest) / self.seeds)
        other = max(0.0, (self.by_seed - self.rest) / self.images)
        rest = self.rest
        return Layout(images, seeds, rest + seeds * own, rest + images * other, rest)


@dataclass(frozen=True)
class CrossedEstimate(Estimate):
    """A mean over images and trainings with its interval; n counts images."""

    layout: Layout


def crossed_interval(values: pd.DataFrame, *, level: float = 0.95) -> CrossedEstimate:
    """Estimate a mean over images and trainings.

    Args:
        values: A row per image and a column per seed, two of each or more; images that lack a value
            under one of the seeds are left out, so that no training is judged on easier images.
        level: Coverage, between 0 and 1.

    Raises:
        ValueError: fewer than two complete images, fewer than two seeds, or an infinite value.
    """
    table = values.dropna().to_numpy(dtype=np.float64)
    images, seeds = table.shape
    if images < 2 or seeds < 2:
        raise ValueError(f"two images under two seeds are needed, not {images} under {seeds}")
    if not np.isfinite(table).all():
        raise ValueError("values must be finite: cap infinite ones first")
    mean = float(table.mean())
    own, other = table.mean(axis=1) - mean, table.mean(axis=0) - mean
    rest = table - mean - own[:, None] - other
    layout = Layout(
        images,
        seeds,
        by_image=float(seeds * np.square(own).sum() / (images - 1)),
        by_seed=float(images * np.square(other).sum() / (seeds - 1)),
        rest=float(np.square(rest).sum() / ((images - 1) * (seeds - 1))),
    )
    half = layout.half_width(level)
    return CrossedEstimate(mean, mean - half, mean + half, images, CROSSED, layout)


def mean_over_images(
    values: pd.DataFrame, column: str, *, level: float = 0.95, resamples: int = RESAMPLES
) -> Estimate:
    """Estimate a mean over images; over images and trainings where there are several of both.

    Args:
        values: A row per image and seed, with columns ``image``, ``column`` and, if there are
            several, ``seed``; rows without a value are left out.
        column: The measure.
        level: Coverage, between 0 and 1.
        resamples: Of the bootstrap over images alone.

    Raises:
        ValueError: an infinite value.
    """
    kept = values.dropna(subset=[column])
    if "seed" in kept and kept["seed"].nunique() > 1:
        table = by_image_and_seed(kept["image"], kept["seed"], kept[column])
        if len(table.dropna()) > 1:
            return crossed_interval(table, level=level)
    return mean_interval(by_image(kept, column), level=level, resamples=resamples)


def of_all_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the images that have a row under every seed of the table.

    Args:
        table: With columns ``image`` and ``seed``.
    """
    seeds = table.groupby("image")["seed"].transform("nunique")
    return table[seeds == table["seed"].nunique()]


def smallest(is_enough: Callable[[int], bool], start: int) -> int | None:
    """Return the smallest count from ``start`` on that is enough; None if 10**12 are not.

    Args:
        is_enough: Of a count; more are enough where fewer are.
        start: The least that is asked for.
    """
    if not is_enough(MOST_UNITS):
        return None
    low, high = start - 1, max(start, 1)
    while not is_enough(high):
        low, high = high, min(2 * high, MOST_UNITS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def by_image_and_seed(images: ArrayLike, seeds: ArrayLike, values: ArrayLike) -> pd.DataFrame:
    """Return values as a row per image and a column per seed, NaN where there is none."""
    table = pd.DataFrame({"image": images, "seed": seeds, "value": values})
    return table.pivot_table(index="image", columns="seed", values="value")
