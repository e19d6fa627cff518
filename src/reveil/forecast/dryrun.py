"""The jobs that Snakemake would run, from its dry run."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reveil.errors import ReveilError

# The folder that Snakemake finds the logger in, and what the logger is called there.
PLUGINS = "workflow/plan"
LOGGER = "reveil-plan"
# The last line before Snakemake says what is wrong, or begins to list jobs.
BEGINS = "Building DAG of jobs..."


@dataclass(frozen=True)
class Planned:
    """One job that is still to be done.

    Attributes:
        rule: that makes it.
        wildcards: values of the rule's wildcards.
        inputs, outputs: paths below the root of the repository.
        benchmark: path of the file that will say how long it took; empty for a rule without one.
        threads: CPU threads that it asks for.
        gpu: GPUs that it asks for.
    """

    rule: str
    wildcards: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    benchmark: str = ""
    threads: int = 1
    gpu: int = 0


def read(lines: Iterable[str]) -> list[Planned]:
    """Return the jobs of a dry run, one a line of JSON, each once.

    Rules that make no file only gather others (``all``, the studies) and are left out.

    Raises:
        ReveilError: a line is not what the logger writes.
    """
    jobs: dict[tuple[str, ...], Planned] = {}
    for number, line in enumerate(lines, start=1):
        try:
            said = json.loads(line)
            job = Planned(
                rule=said["rule"],
                wildcards=said["wildcards"],
                inputs=tuple(said["inputs"]),
                outputs=tuple(said["outputs"]),
                benchmark=said["benchmark"],
                threads=int(said["threads"]),
                gpu=int(said["gpu"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ReveilError(f"dry run, line {number}: is not a planned job ({error})") from error
        if job.outputs:
            jobs.setdefault(job.outputs, job)
    return list(jobs.values())


def dry_run(root: Path, targets: Sequence[str], configs: Sequence[str]) -> list[Planned]:
    """Return what Snakemake would run for some targets.

    Args:
        root: of the repository.
        targets: rules or files; none for all that the configuration asks for.
        configs: files that are laid over ``config.yaml``, later ones win.

    Raises:
        ReveilError: the dry run failed; the message is Snakemake's own.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "jobs.jsonl"
        command = [sys.executable, "-m", "snakemake", *targets, "--dry-run", "--quiet", "rules"]
        command += ["--logger", LOGGER, f"--logger-{LOGGER}-file", str(written)]
        if configs:
            command += ["--configfile", *configs]
        path = os.pathsep.join(filter(None, [str(root / PLUGINS), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, "PYTHONPATH": path},
            # A dry run says on its output what other runs say on their error stream.
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode:
            raise ReveilError(f"the dry run failed; Snakemake says:\n{complaint(done.stdout)}")
        try:
            return read(written.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise ReveilError(f"the dry run left no list of jobs: {error}") from error


def complaint(said: str) -> str:
    """Return what Snakemake has to say of its failure, without what it says of itself before."""
    before, marker, after = said.partition(BEGINS)
    return (after if marker else before).strip()
