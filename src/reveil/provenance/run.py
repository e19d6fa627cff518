"""One list of all results of a run: what each is, its digest, and what made it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reveil import __version__, seals
from reveil.digest import data_digest, file_digest
from reveil.provenance.jobs import JobRecord, read_jobs
from reveil.provenance.source import parse

# Made from the results and this list, or by hand.
LEFT_OUT = ("crate/", "provenance.json")
PACKED = ".crate.zip"
# Rules whose results are no part of what was found out.
AFTERWARDS = ("record_config",)
# A file in the folder of the run, or of a study, or a folder there -> what it, or all in it, is.
KINDS = {
    "policies": "policy",
    "models": "model",
    "attacks": "attack",
    "attackers": "attacker",
    "samples": "samples",
    "search": "search",
    "experiments": "tidy table",
    "tables": "table",
    "figures": "figure",
    "verdicts.csv": "verdicts",
    "verdicts.html": "verdicts",
    "verdicts.json": "verdicts",
    "verdicts.md": "verdicts",
    "verdict-tests.csv": "verdicts",
    "gallery.html": "gallery",
    "report.html": "report",
    "config.yaml": "configuration",
    "in-force.yaml": "configuration",
}
TIDY = ("images", "models", "histories", "attackers", "samples", "scores", "singles")
TIDY += ("interpolation",)


def collect(root: Path, run: str, *, commit: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of every file below ``results/{run}``, in the order of their paths.

    Args:
        root: of the repository.
        run: name of the run.
        commit: what collects, from :func:`reveil.provenance.source.find_commit`.
        config: facts of the configuration, taken over as they are.
    """
    paths = results(root, run)
    there = set(paths)
    noted = read_jobs(root, run)
    # A note outlives its rule: of two jobs that name a file, the later one made it.
    by_time = sorted(noted, key=lambda job: job.facts["started"] or "")
    makers = {output: job for job in by_time for output in job.outputs if output in there}
    made = {job.name for job in makers.values()}
    jobs = [job for job in noted if job.name in made]
    rows = [_result(root, run, path, makers.get(path)) for path in paths]
    environments = {data_digest(job.environment): dict(job.environment) for job in jobs}
    return {
        "run": run,
        "reveil": __version__,
        **parse(commit)._asdict(),
        "config": dict(config),
        **_span(jobs),
        "environments": environments,
        "jobs": {job.name: _told(job) for job in jobs},
        "results": rows,
        "without_provenance": [row["path"] for row in rows if row["job"] is None],
        "changed": [row["path"] for row in rows if row["unchanged"] is False],
    }


def made_by(root: Path, run: str) -> dict[str, dict[str, int]]:
    """Return the commits and the machines behind the results of a run that are there.

    Args:
        root: of the repository.
        run: name of the run.

    Returns:
        ``commits``: the first 12 digits, with ``, modified`` where code or configuration differed
        -> how many jobs. ``machines``: GPU, processor, cores, memory -> how many jobs.
    """
    jobs = [
        job for job in read_jobs(root, run) if any((root / path).exists() for path in job.outputs)
    ]
    return {
        "commits": dict(Counter(map(_commit, jobs))),
        "machines": dict(Counter(map(_machine, jobs))),
    }


def _commit(job: JobRecord) -> str:
    commit = job.facts["commit"]
    modified = ", modified" if job.facts["dirty"] else ""
    return f"{commit[:12]}{modified}" if commit else "unknown"


def _machine(job: JobRecord) -> str:
    said = job.environment
    cores, memory = said["cores"], said["memory_gib"]
    parts = [said["gpu"], said["cpu"] or said["machine"] or "unknown"]
    parts += [f"{cores} core{'s' * (cores != 1)}" if cores else None]
    parts += [f"{memory} GiB" if memory else None]
    return ", ".join(filter(None, parts))


def results(root: Path, run: str) -> list[str]:
    """Return the paths of all results of a run below the root, in order; hidden files are none."""
    folder = root / "results" / run
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [
        f"results/{run}/{path}"
        for path in sorted(found)
        if not path.startswith(LEFT_OUT)
        and not path.endswith(PACKED)
        and not any(part.startswith(".") for part in path.split("/"))
    ]


def kind_of(path: str) -> str:
    """Return what a result is, by its path below the root."""
    words = path.split("/")[2:]
    kind = next((KINDS[word] for word in words[:2] if word in KINDS), "other")
    tidy = kind == "table" and Path(path).suffix == ".csv" and Path(path).stem in TIDY
    return "tidy table" if tidy else kind


def _result(root: Path, run: str, path: str, job: JobRecord | None) -> dict[str, Any]:
    digest = file_digest(root / path)
    noted = job.outputs[path] if job else seals.noted(root / path)
    return {
        "path": path,
        "kind": kind_of(path),
        "bytes": (root / path).stat().st_size,
        "sha256": digest,
        "job": job.name if job else None,
        # Of what noted no digest nobody knows.
        "unchanged": digest == noted if noted else None,
    }


def _told(job: JobRecord) -> dict[str, Any]:
    seed = (job.facts["wildcards"] or {}).get("seed")
    return {
        **job.facts,
        "seed": int(seed) if seed else None,
        "environment": data_digest(job.environment),
        "outputs": sorted(job.outputs),
    }


def _span(jobs: Sequence[JobRecord]) -> dict[str, str | None]:
    """Return when the first job began and the last one ended, those after the run aside."""
    spans = [
        (start, start + timedelta(seconds=job.facts["wall_seconds"] or 0))
        for job in jobs
        if job.facts["rule"] not in AFTERWARDS
        and job.facts["started"]
        and (start := datetime.fromisoformat(job.facts["started"]))
    ]
    if not spans:
        return {"started": None, "ended": None}
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    return {
        "started": first.isoformat(timespec="seconds"),
        "ended": last.isoformat(timespec="seconds"),
    }


def named(files: Sequence[str], root: Path) -> list[str]:
    """Return how configuration files are called below ``root``; of others the name alone.

    Where somebody keeps them is nobody else's business.
    """
    paths = [Path(file) if Path(file).is_absolute() else root / file for file in files]
    found = [
        path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        for path in paths
    ]
    return list(dict.fromkeys(found))
