"""The forecast: every job with its time and files, and their sums by study or rule."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reveil.forecast import graph
from reveil.forecast.disk import Disk
from reveil.forecast.dryrun import Planned
from reveil.forecast.estimate import BASES, GUESSED, Estimate, Estimator
from reveil.forecast.records import Device
from reveil.forecast.schedule import Timed, wall_seconds
from reveil.forecast.settings import Settings
from reveil.forecast.work import Work, work_of

ALL = "all"
ROWS = (*graph.STUDIES, graph.SHARED, graph.OTHER)
HOUR = 3600.0
# A job with less than this part of the work of another tells little about it.
TELLING = 30


@dataclass(frozen=True)
class Machines:
    """What the jobs will run on.

    Attributes:
        gpus: how many there are; without any, all jobs run on processors.
        cores: of the processors, for jobs without GPU.
        gpu: the GPU model.
        cpu: name of the processor.
    """

    gpus: int
    cores: int
    gpu: Device
    cpu: str


@dataclass(frozen=True)
class Told:
    """What is expected of one job.

    Attributes:
        job: planned.
        work: of the job; None for a light one.
        group: row that it is counted in.
        estimate: of its time.
        gpu: whether it takes a GPU.
        cores: that it takes without one.
        bytes: of its files.
        bytes_basis: how these are known, one of ``BASES``.
    """

    job: Planned
    work: Work | None
    group: str
    estimate: Estimate
    gpu: bool
    cores: int
    bytes: float
    bytes_basis: str


@dataclass(frozen=True)
class Span:
    """A number and what it is expected to lie between."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """The sums of some jobs.

    Attributes:
        name: a study, ``shared``, ``other`` or ``all``, or a rule.
        jobs: still to be done.
        gpu_hours: of jobs with a GPU.
        cpu_hours: of one core each, of jobs without.
        wall_hours: from the first start to the last end, what the jobs wait for included; None for
            rows of rules, which do not run by themselves.
        bytes: of new files.
        shares: of the hours of all jobs, by basis; 0 to 1.
        bytes_shares: of the bytes, likewise.
    """

    name: str
    jobs: int
    gpu_hours: Span
    cpu_hours: Span
    wall_hours: Span | None
    bytes: float
    shares: dict[str, float]
    bytes_shares: dict[str, float]


class Forecast:
    """What planned jobs would take.

    Args:
        jobs: of a dry run.
        settings: of the configuration that they are planned under.
        estimator: of their times.
        disk: of their files.
        machines: that they will run on.

    Raises:
        ReveilError: a job names what the configuration does not know, or no machine can run it.
    """

    def __init__(
        self,
        jobs: Sequence[Planned],
        settings: Settings,
        estimator: Estimator,
        disk: Disk,
        machines: Machines,
    ) -> None:
        self.machines = machines
        self.needs = graph.dependencies(jobs)
        groups = map(graph.group_of, graph.studies(jobs, self.needs))
        self.jobs = [
            _told(job, group, settings, estimator, disk, machines)
            for job, group in zip(jobs, groups, strict=True)
        ]

    def by_study(self) -> list[Row]:
        """Return a row per study that has jobs, one of shared jobs, and one of all."""
        rows = [(name, self._where(lambda told, name=name: told.group == name)) for name in ROWS]
        found = [self._row(name, places, walls=True) for name, places in rows if places]
        return [*found, self._row(ALL, list(range(len(self.jobs))), walls=True)]

    def by_rule(self) -> list[Row]:
        """Return a row per rule, the one with the most hours first."""
        rules = dict.fromkeys(told.job.rule for told in self.jobs)
        rows = [
            self._row(rule, self._where(lambda told, rule=rule: told.job.rule == rule))
            for rule in rules
        ]
        return sorted(rows, key=lambda r: -(r.gpu_hours.value + r.cpu_hours.value))

    def worth_measuring(self, count: int = 5) -> list[tuple[str, float, Told]]:
        """Return the guessed kinds that the forecast hangs on most, with what to run for them.

        Returns:
            Up to ``count`` of (rule and model, guessed hours, the shortest such job that has enough
            to do to tell of the others), the kind whose range is widest first.
        """
        kinds: dict[str, list[Told]] = {}
        for told in self.jobs:
            model = told.job.wildcards.get("model")
            if told.estimate.basis == GUESSED and model and told.work:
                kinds.setdefault(f"{told.job.rule} {model}", []).append(told)
        ranked = sorted(kinds.items(), key=lambda kind: -sum(_width(t) for t in kind[1]))
        return [
            (name, sum(t.estimate.seconds for t in kind) / HOUR, _telling(kind))
            for name, kind in ranked[:count]
        ]

    def _where(self, chosen: Callable[[Told], bool]) -> list[int]:
        return [index for index, told in enumerate(self.jobs) if chosen(told)]

    def _row(self, name: str, places: list[int], walls: bool = False) -> Row:
        told = [self.jobs[index] for index in places]
        seconds = {basis: 0.0 for basis in BASES}
        size = dict(seconds)
        for each in told:
            seconds[each.estimate.basis] += each.estimate.seconds
            size[each.bytes_basis] += each.bytes
        return Row(
            name=name,
            jobs=len(told),
            gpu_hours=_hours((t, 1) for t in told if t.gpu),
            cpu_hours=_hours((t, t.cores) for t in told if not t.gpu),
            wall_hours=self._wall(places) if walls else None,
            bytes=sum(size.values()),
            shares=_shares(seconds),
            bytes_shares=_shares(size),
        )

    def _wall(self, places: list[int]) -> Span:
        chosen = graph.behind(places, self.needs)
        position = {index: place for place, index in enumerate(chosen)}
        needs = [[position[other] for other in self.needs[index]] for index in chosen]

        def hours(part: str) -> float:
            timed = [
                Timed(getattr(told.estimate, part), told.gpu, told.cores)
                for told in (self.jobs[index] for index in chosen)
            ]
            return wall_seconds(timed, needs, self.machines.gpus, self.machines.cores) / HOUR

        return Span(hours("seconds"), hours("low"), hours("high"))


def _told(
    job: Planned,
    group: str,
    settings: Settings,
    estimator: Estimator,
    disk: Disk,
    machines: Machines,
) -> Told:
    gpu = job.gpu > 0 and machines.gpus > 0
    cores = max(1, min(job.threads, machines.cores))
    device = machines.gpu if gpu else Device(machines.cpu, cores)
    work = work_of(job.rule, job.wildcards, settings)
    size, basis = disk(job, work)
    return Told(job, work, group, estimator(job.rule, work, device), gpu, cores, size, basis)


def _hours(jobs: Iterable[tuple[Told, int]]) -> Span:
    told = list(jobs)
    return Span(
        *(
            sum(getattr(each.estimate, part) * taken for each, taken in told) / HOUR
            for part in ("seconds", "low", "high")
        )
    )


def _shares(amounts: dict[str, float]) -> dict[str, float]:
    total = sum(amounts.values())
    return {basis: amount / total if total else 0.0 for basis, amount in amounts.items()}


def _telling(kind: Sequence[Told]) -> Told:
    most = max(told.work.amount for told in kind if told.work)
    enough = [told for told in kind if told.work and told.work.amount * TELLING >= most]
    return min(enough, key=lambda told: (told.estimate.seconds, told.job.outputs))


def _width(told: Told) -> float:
    return told.estimate.high - told.estimate.low
