"""Threads of Python for compiled work that holds no lock.

They need no threading layer of the compiler, which may bear neither forks nor calls from several
threads. As many work as PyTorch has threads.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

import torch

Item = TypeVar("Item")


def share(work: Callable[[int, int], None], count: int) -> None:
    """Call ``work(first, last)`` for equal ranges that make up 0 to ``count``, side by side."""
    parts = max(1, min(torch.get_num_threads(), count))
    bounds = [count * i // parts for i in range(parts + 1)]
    waiting = [
        pool(parts - 1).submit(work, first, last)
        for first, last in zip(bounds[1:-1], bounds[2:], strict=True)
    ]
    work(bounds[0], bounds[1])
    for helper in waiting:
        helper.result()


@contextmanager
def one_each() -> Iterator[int]:
    """Let PyTorch use one thread inside, and give how many it used before.

    Its own threads wait for the next operation without giving their core away, so that whatever
    else has threads must not run beside them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def side_by_side(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Call ``work`` for every item, each in a thread, with one thread of PyTorch's.

    Every call sees the context variables of the caller. The first error is raised when all are
    done.
    """

    def alone(item: Item) -> None:
        # PyTorch keeps this number by thread.
        torch.set_num_threads(1)
        work(item)

    helpers = len(items) - 1
    waiting = [pool(helpers).submit(copy_context().run, alone, item) for item in items[1:]]
    try:
        work(items[0])
    finally:
        errors = [helper.exception() for helper in waiting]
    for error in errors:
        if error is not None:
            raise error


def pool(workers: int) -> ThreadPoolExecutor:
    """Return threads of this process; those of a parent do not live on in a fork."""
    return _pool(os.getpid(), workers)


@lru_cache(maxsize=4)
def _pool(process: int, workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="reveil")
