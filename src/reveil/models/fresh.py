"""First weights from named random streams."""

from collections.abc import Callable
from typing import TypeVar

import torch

from reveil.rng import generator

Made = TypeVar("Made")


def seeded(make: Callable[[], Made], seed: int | None, *ids: object) -> Made:
    """Return what ``make`` makes of weights drawn from the stream (seed, "init", ids).

    The global random state is left as it is.

    Args:
        make: builds a module from the global random state.
        seed: None for a draw that differs every time.
    """
    stream = torch.Generator() if seed is None else generator(seed, "init", *ids)
    if seed is None:
        stream.seed()
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(stream.get_state())
        return make()
