"""Ways to do the same work, timed in turns, so that other load on the machine falls on all.

A round runs every way once. Ratios are taken within a round; what is reported is the median of the
rounds, with the lowest and the highest.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

# The package is imported where it is used, as it is not on the path yet when this is imported.

Name = TypeVar("Name", bound=Hashable)
Found = TypeVar("Found")


class Spread(NamedTuple):
    """Lowest, median and highest of some numbers."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of one number or more."""
        return cls(min(values), statistics.median(values), max(values))

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest."""
        return self.low, self.high

    def __str__(self) -> str:
        return f"{self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True)
class Comparison:
    """How long each way took, beside one that the others are measured against.

    Attributes:
        runs: seconds of each way, one number a round.
        reference: the way that ratios have in the numerator.
    """

    runs: Mapping[str, Sequence[float]]
    reference: str = "reference"

    @property
    def seconds(self) -> dict[str, Spread]:
        """Seconds of each way."""
        return {name: Spread.of(values) for name, values in self.runs.items()}

    @property
    def ratios(self) -> dict[str, Spread]:
        """How many times as fast as the reference each way is, by the rounds' ratios."""
        base = self.runs[self.reference]
        return {
            name: Spread.of([theirs / own for theirs, own in zip(base, values, strict=True)])
            for name, values in self.runs.items()
        }

    def facts(self) -> dict[str, Any]:
        """Return medians and ranges by way: seconds and ratios."""
        found: dict[str, Any] = {}
        for key, spreads in (("seconds", self.seconds), ("ratios", self.ratios)):
            found[key] = {name: spread.median for name, spread in spreads.items()}
            found[f"{key}_range"] = {name: spread.range for name, spread in spreads.items()}
        return found


def parser(
    doc: str, *, repeats: int = 3, threads: int = 2, device: str | None = "cpu"
) -> argparse.ArgumentParser:
    """Return a parser of the options that all benchmarks have.

    Args:
        doc: of the script, whose first line describes it.
        repeats: the default, as are threads and device.
        device: None for a script that knows no other than the CPU.
    """
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--repeats", type=int, default=repeats, help="rounds of timings")
    made.add_argument("--threads", type=int, default=threads, help="CPU threads")
    if device is not None:
        made.add_argument("--device", default=device, help="cpu, cuda or cuda:N")
    made.add_argument("--json", type=Path, help="write the results here as well")
    return made


def alternate(
    ways: Mapping[Name, Callable[[], Found]],
    repeats: int,
    warm_up: Mapping[Name, Callable[[], Any]] | None = None,
) -> dict[Name, list[Found]]:
    """Return what each way gave in each of ``repeats`` rounds, for example its seconds.

    Args:
        ways: called one after the other in every round.
        repeats: number of rounds.
        warm_up: called once before, what they give is dropped; the ways themselves if None.
    """
    for way in (ways if warm_up is None else warm_up).values():
        way()
    found: dict[Name, list[Found]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            found[name].append(way())
    return found


def timed(
    work: Callable[[], Any],
    device: torch.device | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Callable[[], float]:
    """Return a function that does the work and returns its seconds, those of a GPU included."""

    def way() -> float:
        began = clock()
        work()
        if device is not None and device.type == "cuda":
            torch.cuda.synchronize(device)
        return clock() - began

    return way


def machine(device: torch.device) -> dict[str, Any]:
    """Return what a job's provenance names of the machine."""
    from reveil.job import Job

    job = Job("benchmark", os.devnull, threads=torch.get_num_threads())
    job.device = device
    return job.provenance()


def described(facts: Mapping[str, Any]) -> str:
    """Return the machine in one line: GPU if one is used, CPU, cores, threads and versions."""
    parts = [
        *([facts["gpu"]] if facts["gpu"] else []),
        facts["cpu"] or facts["machine"],
        f"{facts['cores']} cores",
        f"{facts['threads']} threads",
        f"Python {facts['python']}",
        f"torch {facts['versions']['torch']}",
    ]
    return ", ".join(parts)


def write(options: argparse.Namespace, device: torch.device, found: Mapping[str, Any]) -> None:
    """Write what was found to ``options.json``, if one is asked for, with options and machine."""
    from reveil.files import write_json

    if options.json is None:
        return
    facts = {
        **{key: value for key, value in vars(options).items() if key != "json"},
        "machine": described(machine(device)),
        "torch": torch.__version__,
        **found,
    }
    write_json(options.json, facts)
