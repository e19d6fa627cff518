"""What depends on what, and for whom a job is done."""

from collections.abc import Iterable, Sequence

from reveil.forecast.dryrun import Planned

STUDIES = ("ats", "cvnn", "unir")
# Rows of jobs that are for several studies, and for none: of a model that is asked for by its file.
SHARED, OTHER = "shared", "other"


def dependencies(jobs: Sequence[Planned]) -> list[list[int]]:
    """Return the positions of the jobs that each job waits for; files that exist wait for none."""
    makers = {file: index for index, job in enumerate(jobs) for file in job.outputs}
    return [
        sorted({makers[file] for file in job.inputs if file in makers} - {index})
        for index, job in enumerate(jobs)
    ]


def in_order(needs: Sequence[Sequence[int]]) -> list[int]:
    """Return all positions such that a job comes after those that it waits for."""
    left = [len(needed) for needed in needs]
    wanted: list[list[int]] = [[] for _ in needs]
    for index, needed in enumerate(needs):
        for other in needed:
            wanted[other].append(index)
    order = [index for index, count in enumerate(left) if not count]
    for index in order:
        for after in wanted[index]:
            left[after] -= 1
            if not left[after]:
                order.append(after)
    return order


def studies(jobs: Sequence[Planned], needs: Sequence[Sequence[int]]) -> list[frozenset[str]]:
    """Return the studies that each job is done for: its own, or those of the jobs it is for."""
    found = [{study} if (study := own_study(job)) else set() for job in jobs]
    for index in reversed(in_order(needs)):
        for other in needs[index]:
            if own_study(jobs[other]) is None:
                found[other] |= found[index]
    return [frozenset(names) for names in found]


def own_study(job: Planned) -> str | None:
    """Return the study that a job belongs to by what it is, if to any."""
    for name in (job.wildcards.get("study"), job.rule.partition("_")[0]):
        if name in STUDIES:
            return name
    # The search, the samples: no wildcard says whose they are, but their folder does.
    folders = job.outputs[0].split("/")
    if folders[0] == "results" and len(folders) > 2 and folders[2] in STUDIES:
        return folders[2]
    return None


def group_of(names: Iterable[str]) -> str:
    """Return the row that a job is counted in, once: a study if it is for one only."""
    names = tuple(names)
    if not names:
        return OTHER
    return names[0] if len(names) == 1 else SHARED


def behind(wanted: Iterable[int], needs: Sequence[Sequence[int]]) -> list[int]:
    """Return the positions of some jobs and of all that these wait for, directly or not."""
    seen = set(wanted)
    waiting = list(seen)
    while waiting:
        for other in needs[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return sorted(seen)
