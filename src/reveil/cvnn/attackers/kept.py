"""Own images and what is computed of them, where they are more than the memory should hold."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from reveil import disk
from reveil.cvnn import keeping
from reveil.cvnn.scene import AUTO_CHUNK

if TYPE_CHECKING:
    from reveil.views import View


class PreparedImages:
    """Images of a prepared split as a network sees them, read and fitted when they are asked for.

    Args:
        images: uint8 (N, c, h, w), memory-mapped.
        rows: (n,) int64, which of them.
        view: how they reach the network, as uint8 (B, C, H, W).
    """

    device = torch.device("cpu")

    def __init__(self, images: np.ndarray, rows: np.ndarray, view: "View") -> None:
        self.images, self.rows, self.view = images, rows, view

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Tensor) -> Tensor:
        raw = np.ascontiguousarray(self.images[self.rows[index.numpy()]])
        return self.view.evaluate(torch.from_numpy(raw))

    @property
    def nbytes(self) -> int:
        """Bytes of all images as the network sees them."""
        return len(self) * int(np.prod(self.view.shape))

    def to(self, device: torch.device) -> Tensor:
        """Return all of them on a device, uint8 (n, C, H, W), a piece at a time."""
        held = torch.empty(len(self), *self.view.shape, dtype=torch.uint8, device=device)
        for piece in torch.arange(len(self)).split(AUTO_CHUNK):
            held[piece[0] : piece[-1] + 1] = self[piece].to(device)
        return held


def hold(shape: Sequence[int], dtype: torch.dtype, folder: Path | None = None) -> Tensor:
    """Return a tensor on the CPU to be filled; above ``KEPT_BYTES`` it lies in a file.

    The file has no name and ends with the tensor, so that an interrupted job leaves none behind.

    Args:
        folder: where there is room for it, made if it is missing; None for that of the system's
            temporary files.

    Raises:
        ReveilError: there is not enough room.
    """
    size = int(np.prod(shape)) * dtype.itemsize
    if size <= keeping.KEPT_BYTES:
        return torch.empty(*shape, dtype=dtype)
    place = Path(tempfile.gettempdir()) if folder is None else folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            disk.reserve(file, size)
            mapped = np.memmap(file, dtype=np.uint8, mode="w+", shape=(size,))
    except OSError as error:
        raise disk.explain(place / f"features of {size} bytes", error) from error
    return torch.from_numpy(mapped).view(dtype).view(*shape)


def collect(pieces: Iterable[Tensor], count: int, folder: Path | None = None) -> Tensor:
    """Return pieces as one tensor on the CPU, never more than one of them beside it.

    Args:
        pieces: (B, ...) each, one or more, of the same shape but for B; where one is of a wider
            type, all are.
        count: of their rows, at most.
        folder: as for :func:`hold`.
    """
    held = torch.empty(0)
    start = 0
    for piece in pieces:
        if start == 0:
            held = hold((count, *piece.shape[1:]), piece.dtype, folder)
        if (wide := torch.promote_types(held.dtype, piece.dtype)) != held.dtype:
            wider = hold(held.shape, wide, folder)
            wider[:start] = held[:start]
            held = wider
        held[start : start + len(piece)] = piece
        start += len(piece)
    return held[:start]
