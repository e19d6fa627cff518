"""Where the compiled transformations serve, and how a batch is handed to them.

numba is imported once a process has transformed so many images that loading it pays: jobs on a few
images end before. Which form served shows in no result, as both give the same bytes.
"""

import logging
from functools import cache

import torch
from torch import Tensor

from reveil.threads import pool

NONE = -1

# What a core takes at a time: many times the work that handing it over is.
_BLOCK_BYTES = 1 << 18
# Loading takes half a second, in which PyTorch's operations do some ten thousand small images.
_LOADING_PAYS = 20_000


class _Work:
    """How many images this process has transformed without numba."""

    images = 0


def serves(images: Tensor) -> bool:
    """Return whether ``transform`` is to be called with these images: on a CPU, with numba."""
    if images.device.type != "cpu":
        return False
    if _Work.images < _LOADING_PAYS:
        _Work.images += len(images)
        return False
    return _has_numba()


def prefer() -> None:
    """Let the compiled form serve from the next image on, where it can."""
    _Work.images = _LOADING_PAYS


def steps(indices: Tensor, signs: Tensor) -> Tensor:
    """Return what each image goes through, (N, S) int64 of 0..99 or ``NONE``.

    Args:
        indices: (N, S) int64, positions in the library or ``NONE``, in order of application.
        signs: (N, S) of +1 and -1.
    """
    return torch.where(indices == NONE, NONE, 2 * indices + (signs < 0))


def transform(images: Tensor, steps: Tensor) -> Tensor:
    """Take every image through its steps, on as many cores as PyTorch has threads.

    Args:
        images: uint8 (N, C, H, W) with 1 or 3 channels, on the CPU.
        steps: (N, S) or (1, S) int64.

    Returns:
        New uint8 images of the same shape.
    """
    from reveil.transforms import kernels, tables

    height, width = images.shape[2:]
    out = torch.empty(images.shape, dtype=torch.uint8)
    source, target = (tensor.flatten(2).numpy() for tensor in (images.contiguous(), out))
    chosen = steps.expand(len(images), -1).contiguous().numpy()
    run, looked_up = kernels.run, tables.build(height, width)
    # Blocks are handed out one after the other, so that a core that is busy elsewhere gets fewer.
    block = max(1, _BLOCK_BYTES // max(1, source[:1].size))
    blocks = iter([slice(start, start + block) for start in range(0, len(images), block)])

    def work() -> None:
        for rows in blocks:
            run(source[rows], chosen[rows], looked_up, width, target[rows])

    threads = torch.get_num_threads()
    helpers = min(threads, -(-len(images) // block)) - 1
    waiting = [pool(threads - 1).submit(work) for _ in range(helpers)]
    work()
    for helper in waiting:
        if not helper.cancel():
            helper.result()
    return out


@cache
def _has_numba() -> bool:
    try:
        import numba  # noqa: F401
    except ImportError as error:
        logging.getLogger(__name__).info("transforming with PyTorch alone: %s", error)
        return False
    return True
