"""The measurements of a split: every image corrupted once, or anew in each epoch (section 4.2)."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from reveil.errors import ReveilError, not_allowed
from reveil.rng import generator
from reveil.unir.operators.base import Operator

CORRUPTIONS = ("fixed", "fresh")

# Thetas of fixed measurements are kept up to here, and drawn again at every reading beyond it:
# 60,000 masks of sites of 32 x 32 are 61 MB, 162,770 of values of 64 x 64 in colour 2 GB.
STORE_BYTES = 256 * 2**20

Rows = Sequence[int] | np.ndarray | Tensor


class Measurements:
    """Measurements of images of a split; row i is the image ``pixels[indices[i]]``.

    The theta of an image comes from the stream (seed, split, its index), and of its epoch too if
    the corruption is fresh: whatever else is in the batch or in ``indices``, it is the same to the
    bit at every reading.

    Attributes:
        operator: how images are measured.
        indices: of the images in the split.
        corruption: ``fixed``, one theta an image for all epochs; ``fresh``, another in each.
    """

    def __init__(
        self,
        operator: Operator,
        pixels: np.ndarray,
        indices: Sequence[int] | np.ndarray,
        seed: int,
        split: str,
        corruption: str = "fixed",
    ) -> None:
        """Draw nothing yet.

        Args:
            operator: how images are measured.
            pixels: the whole split, (N, C, H, W) uint8, may be memory-mapped.
            indices: of the images of the split that are used.
            seed: of the corruption.
            split: whose indices these are: the same index of another split has another theta.
            corruption: one of ``CORRUPTIONS``.

        Raises:
            ReveilError: an unknown corruption, images that are not uint8 of the operator's shape,
                or an index outside of the split.
        """
        if corruption not in CORRUPTIONS:
            raise ReveilError(not_allowed("corruption", corruption, CORRUPTIONS))
        if pixels.dtype != np.uint8 or tuple(pixels.shape[1:]) != operator.shape:
            raise ReveilError(
                f"images: {pixels.dtype} of shape {tuple(pixels.shape[1:])} are not allowed; "
                f"allowed: uint8 of {operator.shape}, which the operator was made for"
            )
        self.operator = operator
        self.indices = np.asarray(indices, dtype=np.int64)
        if not ((self.indices >= 0) & (self.indices < len(pixels))).all():
            raise ReveilError(f"indices: allowed: 0 to {len(pixels) - 1}, rows of the split")
        self.corruption = corruption
        self._pixels, self._seed, self._split = pixels, seed, split
        self._store = self._empty_store()
        self._stored = np.zeros(len(self.indices), dtype=bool)

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.indices)

    def clean(self, rows: Rows) -> Tensor:
        """Return the hidden images (n, C, H, W) float32 in [-1, 1], for judges and supervisors."""
        return self._images(_whole(rows))

    def theta(self, rows: Rows, epoch: int = 0) -> Tensor:
        """Return (n, ...), what measured the images; an unsupervised learner never reads it.

        Args:
            rows: 0 to ``len(self)`` - 1.
            epoch: makes no difference where the corruption is fixed.
        """
        rows = _whole(rows)
        if self._store is None:
            return self._drawn(rows, epoch)
        new = np.unique(rows[~self._stored[rows]])
        if len(new):
            self._store[torch.from_numpy(new)] = self._drawn(new, epoch)
            self._stored[new] = True
        return self._store[torch.from_numpy(rows)]

    def y(self, rows: Rows, epoch: int = 0) -> Tensor:
        """Return the measurements (n, *output_shape) float32 on the CPU.

        Args:
            rows: 0 to ``len(self)`` - 1.
            epoch: makes no difference where the corruption is fixed.
        """
        rows = _whole(rows)
        return self.operator.apply(self._images(rows), self.theta(rows, epoch))

    def _images(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(self._pixels[self.indices[rows]]).float() / 127.5 - 1

    def _drawn(self, rows: np.ndarray, epoch: int) -> Tensor:
        ids = () if self.corruption == "fixed" else (epoch,)
        streams = (
            generator(self._seed, "corruption", self._split, index, *ids)
            for index in self.indices[rows].tolist()
        )
        drawn = [self.operator.sample_theta(1, stream) for stream in streams]
        return torch.cat(drawn) if drawn else self.operator.sample_theta(0, torch.Generator())

    def _empty_store(self) -> Tensor | None:
        one = self.operator.sample_theta(1, torch.Generator().manual_seed(0))
        size = len(self) * math.prod(one.shape[1:]) * one.element_size()
        if self.corruption == "fresh" or size > STORE_BYTES:
            return None
        return torch.empty(len(self), *one.shape[1:], dtype=one.dtype)


def _whole(rows: Rows) -> np.ndarray:
    return np.asarray(rows, dtype=np.int64)


def measured_again(images: Tensor, operator: Operator, seed: int, index: Sequence[int]) -> Tensor:
    """Return measurements of reconstructions or samples, to be compared with those of images.

    Args:
        images: (N, C, H, W) in [-1, 1].
        seed: of theta, which is independent of the one that a reconstruction was made from.
        index: (N,) what the stream of each image is named by.
    """
    streams = (generator(seed, "score", int(i)) for i in index)
    theta = torch.cat([operator.sample_theta(1, stream) for stream in streams])
    return operator.apply(images, theta.to(images.device))
