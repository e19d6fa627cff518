"""Time a whole run in a fresh copy of the repository, set-up left out.

`demo` is what `make demo` does, its report included; `tiny` is every target of
`config/tiny.yaml`, its archives served from this machine as the tests do. Each repeat starts from
a copy in which nothing has run. The last line is the aim over the median of the seconds.

    python benchmarks/pipeline.py demo
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

import paired
import source
from paired import Spread

ROOT = Path(source.__file__).resolve().parents[1]
# The copy and the server are those of the tests.
sys.path.insert(0, str(ROOT))

from tests.archives import served  # noqa: E402
from tests.workflow import Clone, clone_repository, environment  # noqa: E402

AIMS = {"demo": 300.0, "tiny": 720.0}
JOBS = re.compile(r"^total\s+(\d+)$", re.MULTILINE)


@contextmanager
def copy(run: str) -> Iterator[Clone]:
    """Yield a copy in which nothing has run, with what its data come from."""
    with tempfile.TemporaryDirectory() as folder:
        clone = clone_repository(Path(folder, "clone"))
        if run == "tiny":
            with served(clone) as (clone, _):
                yield clone
        else:
            yield Clone(clone.path, (f"config/{run}.yaml",))


def seconds_of(clone: Clone, commands: list[list[str]]) -> tuple[float, int]:
    """Return wall seconds of commands that must succeed, and how many jobs the first one ran."""
    began, jobs = time.perf_counter(), 0
    for words in commands:
        done = subprocess.run(
            words, cwd=clone.path, env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        found = JOBS.search(done.stdout + done.stderr)
        jobs = jobs or (int(found[1]) if found else 0)
    return time.perf_counter() - began, jobs


def measure(options: argparse.Namespace) -> tuple[list[float], int]:
    """Return the seconds of every repeat, and the number of jobs."""
    seconds, jobs = [], 0
    for _ in range(options.repeats):
        with copy(options.run) as clone:
            commands = [clone.command(*options.targets, cores=options.threads)]
            if options.run == "demo" and not options.targets:
                report = "results/demo/report.html"
                commands.append(clone.command("--report", report, cores=options.threads))
            spent, jobs = seconds_of(clone, commands)
        print(f"{options.run}: {jobs} jobs in {spent:.0f} s", flush=True)
        seconds.append(spent)
    return seconds, jobs


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__, repeats=2, device=None)
    parser.add_argument("run", choices=AIMS, help="what is run")
    parser.add_argument("--targets", nargs="*", default=[], help="rules; all if left out")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    seconds, jobs = measure(options)
    spread = Spread.of(seconds)
    ratio = AIMS[options.run] / spread.median
    found = {"seconds": spread.median, "seconds_range": spread.range, "jobs": jobs}
    paired.write(options, torch.device("cpu"), {**found, "aim": AIMS[options.run], "ratio": ratio})
    print(f"ratio: {ratio:.1f}")


if __name__ == "__main__":
    main()
