"""What a job of the workflow notes of itself, in a file beside its log."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reveil.digest import file_digest

# Downloads and arrays have digests of their own, and gigabytes.
RESULTS = "results/"
STATUS = Path("/proc/self/status")


def record_path(log_file: str) -> Path:
    """Return where a job with this log notes what it made."""
    return Path(log_file).with_suffix(".json")


def rule_facts() -> dict[str, Any] | None:
    """Return rule, wildcards, inputs and outputs of the job that this process runs.

    They are those of the object that Snakemake hands to its scripts; None in any other process.
    ``outputs`` maps paths to SHA-256 digests, or to None for what is no result.
    """
    given = getattr(sys.modules["__main__"], "snakemake", None)
    if given is None:
        return None
    return {
        "rule": given.rule,
        "wildcards": dict(sorted(given.wildcards.items())),
        "inputs": sorted({str(path) for path in given.input}),
        "outputs": _digests([str(path) for path in given.output]),
    }


def peak_mb() -> float | None:
    """Return the most memory that this process has held so far, in MiB."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        import resource

        # Kilobytes on Linux; bytes elsewhere, where there is no /proc.
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1)
    kilobytes = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return next((round(int(size) / 1024, 1) for size in kilobytes), None)


def _digests(paths: list[str]) -> Mapping[str, str | None]:
    return {
        path: file_digest(path) if path.startswith(RESULTS) and Path(path).is_file() else None
        for path in sorted(paths)
    }
