"""How long jobs take on so many GPUs and CPU cores."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from reveil.errors import ReveilError
from reveil.forecast.graph import in_order


@dataclass(frozen=True)
class Timed:
    """A job with its time.

    Attributes:
        seconds: that it runs.
        gpu: whether it takes a GPU for itself; then its cores are the GPU's own.
        cores: CPU cores that it takes otherwise, at most those that there are.
    """

    seconds: float
    gpu: bool = False
    cores: int = 1


def wall_seconds(
    jobs: Sequence[Timed], needs: Sequence[Sequence[int]], gpus: int, cores: int
) -> float:
    """Return the seconds from the first start to the last end, by list scheduling.

    Whenever something is free, the ready job with the longest chain of jobs after it starts, if
    what it takes is free; none waits for a job that it does not need.

    Args:
        jobs: with times.
        needs: positions of the jobs that each waits for.
        gpus: at least 1 where any job takes one.
        cores: for jobs without GPU, at least 1.

    Raises:
        ReveilError: no GPU for jobs that take one, or no core.
    """
    if cores < 1 or (gpus < 1 and any(job.gpu for job in jobs)):
        raise ReveilError(f"gpus {gpus}, cores {cores}: jobs need one of each that they take")
    wanted: list[list[int]] = [[] for _ in jobs]
    for index, needed in enumerate(needs):
        for other in needed:
            wanted[other].append(index)
    chain = [0.0] * len(jobs)
    for index in reversed(in_order(needs)):
        after = max((chain[other] for other in wanted[index]), default=0.0)
        chain[index] = jobs[index].seconds + after

    left = [len(needed) for needed in needs]
    ready: dict[bool, list[tuple[float, int]]] = {False: [], True: []}
    for index, count in enumerate(left):
        if not count:
            heapq.heappush(ready[jobs[index].gpu], (-chain[index], index))
    free = {True: gpus, False: cores}
    running: list[tuple[float, int]] = []
    now = 0.0
    while running or any(ready.values()):
        for kind, queue in ready.items():
            while queue and free[kind] >= _taken(jobs[queue[0][1]], cores):
                _, index = heapq.heappop(queue)
                free[kind] -= _taken(jobs[index], cores)
                heapq.heappush(running, (now + jobs[index].seconds, index))
        now, index = heapq.heappop(running)
        free[jobs[index].gpu] += _taken(jobs[index], cores)
        for other in wanted[index]:
            left[other] -= 1
            if not left[other]:
                heapq.heappush(ready[jobs[other].gpu], (-chain[other], other))
    return now


def _taken(job: Timed, cores: int) -> int:
    return 1 if job.gpu else min(job.cores, cores)
