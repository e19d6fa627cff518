"""The jobs of a run, as they noted themselves: beside their logs, or beside their results."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reveil.forecast import paths
from reveil.seals import OUTPUTS, PROVENANCE

# What is told of a job, where it noted it.
FACTS = ("rule", "job", "plugins", "wildcards", "inputs", "started", "wall_seconds", "cpu_seconds")
FACTS += ("peak_mb", "peak_gpu_mb", "preloaded", "device", "threads", "commit", "dirty")
ENVIRONMENT = ("python", "versions", "machine", "cpu", "cores", "memory_gib", "gpu")


@dataclass(frozen=True)
class JobRecord:
    """One finished job.

    Attributes:
        name: path of its log below ``logs/{run}``, without its ending; of a job without a note
            there, path of its provenance below the root.
        facts: what it noted, by the names in :data:`FACTS`; None for what it did not.
        environment: versions and hardware.
        outputs: path -> SHA-256 when it was written.
    """

    name: str
    facts: Mapping[str, Any]
    environment: Mapping[str, Any]
    outputs: Mapping[str, str]


def read_jobs(root: Path, run: str) -> list[JobRecord]:
    """Return the jobs of a run by name, each once; damaged notes count as none.

    Jobs of earlier versions noted only what lies beside their results.
    """
    logs = root / "logs" / run
    jobs = [
        _record(path.relative_to(logs).with_suffix("").as_posix(), said, path.with_suffix(".tsv"))
        for path, said in _noted(logs, "*.json")
    ]
    known = {output for job in jobs for output in job.outputs}
    measured = _benchmarks(root, run)
    for path, said in _noted(root / "results" / run, "*.json"):
        outputs = _outputs_beside(root, path, said)
        if outputs and not outputs.keys() <= known:
            name = path.relative_to(root).as_posix()
            jobs.append(_record(name, {**said, OUTPUTS: outputs}, measured.get(name)))
    return sorted(jobs, key=lambda job: job.name)


def _noted(folder: Path, pattern: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.rglob(pattern)):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(said, dict) and isinstance(said.get(OUTPUTS), dict) and "job" in said:
            yield path, said


def _outputs_beside(root: Path, path: Path, said: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs that a provenance names, which lie beside it."""
    folder = path.parent.relative_to(root)
    found = {(folder / name).as_posix(): digest for name, digest in said[OUTPUTS].items()}
    # It cannot have noted its own digest.
    own = path.relative_to(root).as_posix()
    return {**found, own: ""} if path.name == PROVENANCE or found else found


def _record(name: str, said: Mapping[str, Any], benchmark: Path | None) -> JobRecord:
    facts = {fact: said.get(fact) for fact in FACTS}
    facts["measured_seconds"] = _measured(benchmark)
    outputs = {path: digest or "" for path, digest in said[OUTPUTS].items()}
    return JobRecord(name, facts, {fact: said.get(fact) for fact in ENVIRONMENT}, outputs)


def _measured(benchmark: Path | None) -> float | None:
    """Return the seconds that Snakemake measured of a job, start of Python included."""
    if benchmark is None:
        return None
    try:
        with benchmark.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        seconds = float(rows[-1]["s"]) if rows else 0.0
    # Of a file that is cut off.
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seconds if seconds > 0 else None


def _benchmarks(root: Path, run: str) -> dict[str, Path]:
    """Return path of a provenance -> benchmark file of its job."""
    found: dict[str, Path] = {}
    for path in sorted((root / "logs" / run).rglob("*.tsv")):
        parsed = paths.parse(path.relative_to(root).as_posix())
        beside = paths.provenance(*parsed) if parsed else None
        if beside:
            found[beside] = path
    return found
