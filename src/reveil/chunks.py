"""Work through many items in pieces that fit the memory: a size in no name and no result."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")
log = logging.getLogger(__name__)


def run_in_chunks(
    work: Callable[[slice], Result], count: int, chunk: int, *, minimum: int = 1
) -> list[Result]:
    """Call ``work`` on consecutive slices of ``range(count)`` and return its results in order.

    When the device runs out of memory the chunk is halved, down to ``minimum`` items, and the
    slice is tried again.

    Raises:
        torch.cuda.OutOfMemoryError: even ``minimum`` items do not fit.
    """
    results: list[Result] = []
    start = 0
    while start < count:
        piece = slice(start, min(start + chunk, count))
        try:
            results.append(work(piece))
        except torch.cuda.OutOfMemoryError:
            if chunk <= minimum:
                raise
            chunk = max(minimum, chunk // 2)
            torch.cuda.empty_cache()
            log.warning("out of GPU memory: going on with %d items at a time", chunk)
            continue
        start = piece.stop
    return results
