"""Training images where there is room for them: on the device, or where they were read from."""

import numpy as np
import torch
from torch import Tensor

# Of a CPU's memory, for images that lie in a file already.
CPU_BYTES = 4 * 2**30
# Of a GPU's free memory: networks, gradients and activations need the rest.
GPU_SHARE = 0.5


class Resident:
    """Some images of a split: on the device as a whole, or moved there as they are asked for.

    Args:
        images: (N, C, H, W) uint8, may be memory-mapped.
        rows: (M,) int64, which of them.
        device: where they are wanted.
        limit: bytes that may be held as a whole; None for what the device has room for.
    """

    def __init__(
        self,
        images: np.ndarray,
        rows: np.ndarray,
        device: torch.device,
        limit: int | None = None,
    ) -> None:
        self.device = device
        size = len(rows) * int(np.prod(images.shape[1:])) * images.itemsize
        self.held: Tensor | None = None
        if size <= (room(device) if limit is None else limit):
            self.held = torch.from_numpy(images[rows]).to(device)
        else:
            self.images, self.rows = images, np.asarray(rows)

    def take(self, positions: Tensor) -> Tensor:
        """Return images by their positions among ``rows``, (P, C, H, W) uint8 on the device."""
        if self.held is not None:
            return self.held[positions.to(self.device)]
        return torch.from_numpy(self.images[self.rows[positions.numpy()]]).to(self.device)


def room(device: torch.device) -> int:
    """Return how many bytes of images a device may hold."""
    if device.type == "cuda":
        return int(GPU_SHARE * torch.cuda.mem_get_info(device)[0])
    return CPU_BYTES
