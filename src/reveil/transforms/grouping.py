"""Work on the images of each group at once, and put the results back in order."""

from collections.abc import Callable

import torch
from torch import Tensor


def map_groups(
    groups: Tensor, images: Tensor, work: Callable[[int, Tensor, Tensor], Tensor]
) -> Tensor:
    """Apply ``work`` to the images of each group.

    Args:
        groups: (N,) int64 from 0, the group of each image, on the device of the images.
        images: (N, ...).
        work: called with a group, its images and their rows in the batch; returns as many images.

    Returns:
        The results in the order of ``images``.
    """
    sizes = groups.bincount().tolist()
    if sum(size > 0 for size in sizes) <= 1:
        every = torch.arange(len(images), device=images.device)
        return work(max(len(sizes) - 1, 0), images, every)
    # Sorted, a group is a slice: two passes over the bytes, where a masked copy into place costs
    # several times that.
    order = groups.argsort(stable=True)
    parts = images.index_select(0, order).split(sizes)
    done = [
        work(group, part, rows)
        for group, (part, rows) in enumerate(zip(parts, order.split(sizes), strict=True))
        if len(part)
    ]
    return torch.cat(done).index_select(0, order.argsort())
