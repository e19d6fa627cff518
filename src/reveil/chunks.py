"""Work through many items in pieces that fit the memory: a size in no name and no result."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from reveil.progress import Progress
from reveil.threads import one_each, side_by_side

Result = TypeVar("Result")
log = logging.getLogger(__name__)


def run_in_chunks(
    work: Callable[[slice], Result], count: int, chunk: int, *, minimum: int = 1, what: str = ""
) -> list[Result]:
    """Call ``work`` on consecutive slices of ``range(count)`` and return its results in order.

    When the device runs out of memory the chunk is halved, down to ``minimum`` items, and the
    slice is tried again.

    Args:
        what: the items are, to tell of their progress; empty: nothing is told.

    Raises:
        torch.cuda.OutOfMemoryError: even ``minimum`` items do not fit.
    """
    results: list[Result] = []
    progress = Progress(what, count, ends=False) if what else None
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
        if progress:
            progress.step(piece.stop - piece.start)
    return results


def run_side_by_side(
    work: Callable[[slice], Result], count: int, chunk: int, *, what: str = ""
) -> list[Result]:
    """Do what :func:`run_in_chunks` does on a CPU, each slice on one core."""
    pieces = [slice(start, min(start + chunk, count)) for start in range(0, count, chunk)]
    results: dict[int, Result] = {}
    progress = Progress(what, count, ends=False) if what else None
    # Taking the next of a list is one step, which no other thread comes between.
    left = list(enumerate(pieces))[::-1]

    def some(_: int) -> None:
        while True:
            try:
                place, piece = left.pop()
            except IndexError:
                return
            results[place] = work(piece)
            if progress:
                progress.step(piece.stop - piece.start)

    with one_each() as threads:
        side_by_side(some, range(max(1, min(threads, len(pieces)))))
    return [results[place] for place in range(len(pieces))]
