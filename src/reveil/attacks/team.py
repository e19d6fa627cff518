"""The problems of a chunk in parts, one for each core."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from reveil.attacks.run import Live, Problem
from reveil.scene import Shared
from reveil.threads import one_each, side_by_side


class Team(Problem):
    """Several problems that each work on their rows in a thread of their own.

    On a CPU this keeps what a core works on in its own cache, and spares the waiting of all cores
    for each other after every operation.

    Args:
        make: returns the problem of a part of ``shared``.
        shared: of all P problems.
        members: how many parts; at most P.
    """

    def __init__(self, make: Callable[[Shared], Problem], shared: Shared, members: int) -> None:
        bounds = [len(shared) * i // members for i in range(members + 1)]
        self.rows = [slice(first, last) for first, last in pairwise(bounds)]
        self.members = [make(shared[rows]) for rows in self.rows]

    def start(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the tensors of all members at the beginning of a restart."""
        each = len(images) // self.rows[-1].stop
        parts = [images[rows.start * each : rows.stop * each] for rows in self.rows]
        return _joined(
            [m.start(part, seed, restart) for m, part in zip(self.members, parts, strict=True)]
        )

    def iterate(self, live: Live, iteration: int) -> None:
        """Do one iteration, all members side by side."""
        parts = self._parts(live)
        views = [dict(part) for part in parts]

        def work(i: int) -> None:
            self.members[i].iterate(parts[i], iteration)

        self._together(work)
        for part, view in zip(parts, views, strict=True):
            for name, tensor in part.items():
                if tensor is not view[name]:
                    view[name].copy_(tensor)

    def finish(self, live: Live) -> Tensor:
        """Return the (P,) final costs."""
        parts = self._parts(live)
        costs: dict[int, Tensor] = {}

        def work(i: int) -> None:
            costs[i] = self.members[i].finish(parts[i])

        self._together(work)
        return torch.cat([costs[i] for i in range(len(parts))])

    def guess(self, live: Live) -> Tensor:
        """Return the guesses of all members."""
        return torch.cat(self._each("guess", live))

    def extras(self, live: Live) -> Live:
        """Return the further results of all members."""
        return _joined(self._each("extras", live))

    def _parts(self, live: Live) -> list[Live]:
        return [{name: tensor[rows] for name, tensor in live.items()} for rows in self.rows]

    def _each(self, method: str, live: Live) -> list[Any]:
        pairs = zip(self.members, self._parts(live), strict=True)
        return [getattr(member, method)(part) for member, part in pairs]

    def _together(self, work: Callable[[int], None]) -> None:
        with one_each():
            side_by_side(work, range(len(self.members)))


def _joined(parts: Sequence[Live]) -> Live:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
