"""What earlier jobs took: benchmark files, beside the provenances that say what they were."""

import csv
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reveil.errors import ReveilError
from reveil.forecast import paths, rates
from reveil.forecast.rates import ALIKE
from reveil.forecast.settings import Settings
from reveil.forecast.work import Work, work_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Device:
    """What a job ran on, or is to run on.

    Attributes:
        name: of the GPU, or of the processor.
        threads: of a processor; 0 for a GPU.
    """

    name: str
    threads: int = 0

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.threads == 0

    def __str__(self) -> str:
        return self.name if self.is_gpu else f"{self.name}, {self.threads} thread(s)"


@dataclass(frozen=True)
class Record:
    """One finished job.

    Attributes:
        rule: that made it.
        work: what it had to do.
        seconds: from Snakemake's start of the job to its end, with the loading of libraries where
            the plan's jobs load them.
        startup: of these, before the job's own clock; None where it left no provenance.
        device: that it ran on.
        bytes: of the pictures and curves that it left; 0 where there are none.
    """

    rule: str
    work: Work
    seconds: float
    startup: float | None
    device: Device
    bytes: int = 0


def read_records(root: Path, settings: Settings) -> list[Record]:
    """Return the finished jobs whose benchmark files lie below ``logs/``.

    A job that left no provenance (scores, and the preparation of datasets) is taken to have run
    where all of its run that did leave one ran, and its scores to be those of the configuration,
    so that scores of other runs do not count. What cannot be read or told is passed over.

    Args:
        root: of the repository.
        settings: of the configuration that is planned.
    """
    found = [(path, *parsed) for path in _benchmarks(root) if (parsed := _parsed(root, path))]
    kept = {path: _provenance(root, rule, named) for path, rule, named in found}
    places = _places((named.get("run"), kept[path]) for path, _, named in found)
    records = []
    for path, rule, named in found:
        seconds, said = _seconds(path), kept[path]
        preparing = ALIKE.get(rule) == "prepare"
        device = _device(said) if said else _only(places, named.get("run"), preparing)
        own = said is not None or preparing or named.get("run") == settings.config["run"]
        if seconds is None or device is None or not own:
            continue
        if _preloaded(path) and not settings.config["compute"]["preload"]:
            seconds += rates.STARTUP[rates.CPU]
        try:
            rule = said["job"] if said else rule
            work = work_of(rule, named, settings, said)
        # Of an experiment, a dataset or a preset that there is no more.
        except (ReveilError, KeyError, TypeError, ValueError) as error:
            log.info("%s: passed over (%s)", path, error)
            continue
        if work is not None:
            startup = max(0.0, seconds - said["wall_seconds"]) if said else None
            records.append(
                Record(rule, work, seconds, startup, device, _bytes(root, path, rule, named))
            )
    return records


def _benchmarks(root: Path) -> list[Path]:
    return sorted((root / "logs").rglob("*.tsv"))


def _parsed(root: Path, path: Path) -> tuple[str, dict[str, str]] | None:
    return paths.parse(path.relative_to(root).as_posix())


def _seconds(path: Path) -> float | None:
    """Return the mean of a benchmark's repeats, or None of a file that is not whole."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            times = [float(row["s"]) for row in csv.DictReader(stream, delimiter="\t")]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return sum(times) / len(times) if times else None


def _provenance(root: Path, rule: str, named: Mapping[str, str]) -> dict[str, Any] | None:
    path = paths.provenance(rule, named)
    if path is None:
        return None
    try:
        said = json.loads((root / path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(said, dict) and {"job", "device", "wall_seconds", "threads"} <= said.keys()
    return said if whole else None


def _preloaded(benchmark: Path) -> bool:
    """Return whether the job's libraries had been loaded for it, by the note beside its log."""
    try:
        said = json.loads(benchmark.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and bool(said.get("preloaded"))


def _device(said: Mapping[str, Any]) -> Device:
    return Device(said["gpu"]) if said.get("gpu") else Device(said["cpu"], said["threads"])


def _places(
    found: Iterable[tuple[str | None, Mapping[str, Any] | None]],
) -> dict[str | None, set[tuple[Device, str]]]:
    """Return run -> what its jobs ran on: the device, and the processor of the machine."""
    places: dict[str | None, set[tuple[Device, str]]] = {}
    for run, said in found:
        if said:
            places.setdefault(run, set()).add((_device(said), said["cpu"]))
    return places


def _only(
    places: Mapping[str | None, set[tuple[Device, str]]], run: str | None, preparing: bool
) -> Device | None:
    """Return the one device that a job without provenance can have run on, if there is one."""
    if preparing:
        processors = {cpu for devices in places.values() for _, cpu in devices}
        return Device(processors.pop(), 1) if len(processors) == 1 else None
    devices = {device for device, _ in places.get(run, ())}
    return devices.pop() if len(devices) == 1 else None


def _bytes(root: Path, path: Path, rule: str, named: Mapping[str, str]) -> int:
    said = paths.provenance(rule, named)
    pictures = (root / said).with_suffix(".npz") if said else path
    return pictures.stat().st_size if pictures.suffix == ".npz" and pictures.exists() else 0
