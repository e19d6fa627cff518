"""Time a plan of thousands of jobs against Snakemake's own part of it.

The reference is a plan of as many jobs by three rules without any Python: as many outputs a job, a
log, a benchmark file and a message, but no configuration and no function. What Snakemake takes for
that is the limit of what a plan can be. Both are dry runs in processes of their own, in turns; the
last line is the median of the rounds' ratios of processor time, reference / ours: 1 is the limit.

    python benchmarks/planning.py                # config.yaml
    python benchmarks/planning.py --seeds 4      # about 20,000 jobs
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
import yaml

import paired
import source
from paired import Comparison

ROOT = Path(source.__file__).resolve().parents[1]
# A run of which nothing is there yet.
RUN = "planning-benchmark"
TOTAL = re.compile(r"^total\s+(\d+)$", re.MULTILINE)
# Of every three jobs one trains and two attack.
BARE = """
PLACE = "{{d}}/{{m}}/{{p}}/{{r}}/seed{{s}}"
TRAINED, ATTACKED = f"models/{{PLACE}}", f"attacks/{{PLACE}}/{{{{a}}}}/{{{{b}}}}"

rule all:
    input:
        [
            f"attacks/d{{n % 10}}/m{{n % 7}}/p{{n}}/full/seed{{n % 3}}/{{a}}/00000-00099/rows.csv"
            for n in range({networks})
            for a in ("one", "two")
        ],

rule prepare:
    output: "data/{{d}}.npy"
    script: "work.py"

rule train:
    input: data="data/{{d}}.npy"
    output: [f"{{TRAINED}}/{{name}}" for name in ("weights", "history.csv", "run.json")]
    log: f"logs/train/{{PLACE}}.log"
    benchmark: f"logs/train/{{PLACE}}.tsv"
    resources: gpu=0, mem_mb=8000, runtime=720
    message: "Train {{wildcards.m}} on {{wildcards.d}} under {{wildcards.p}}"
    script: "work.py"

rule attack:
    input: data="data/{{d}}.npy", weights=f"{{TRAINED}}/weights"
    output: [f"{{ATTACKED}}/{{name}}" for name in ("rows.csv", "arrays.npz", "run.json")]
    log: f"logs/attack/{{PLACE}}/{{{{a}}}}/{{{{b}}}}.log"
    benchmark: f"logs/attack/{{PLACE}}/{{{{a}}}}/{{{{b}}}}.tsv"
    resources: gpu=0, mem_mb=8000, runtime=480
    message: "Attack {{wildcards.b}} of {{wildcards.d}} on {{wildcards.m}} under {{wildcards.p}}"
    script: "work.py"
"""


def plan(folder: Path, arguments: Sequence[str] = ()) -> int:
    """Return how many jobs a dry run in a folder comes to."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found = TOTAL.search(done.stdout)
    if done.returncode or not found:
        raise SystemExit(f"the dry run in {folder} failed:\n{done.stdout[-2000:]}{done.stderr}")
    return int(found[1])


def write_bare(folder: Path, jobs: int) -> None:
    """Write a workflow of about as many jobs into a folder."""
    (folder / "Snakefile").write_text(BARE.format(networks=max(1, jobs // 3)), encoding="utf-8")
    (folder / "work.py").write_text("", encoding="utf-8")


def write_changes(path: Path, seeds: int) -> None:
    """Write the last of the files that are laid over ``config.yaml``."""
    path.write_text(yaml.safe_dump({"run": RUN, "seeds": list(range(seeds))}), encoding="utf-8")


def spent(work: Callable[[], int]) -> tuple[float, float]:
    """Return the seconds that a child process took, and those of processors."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def measure(options: argparse.Namespace) -> tuple[Comparison, Comparison, dict[str, int]]:
    """Return the seconds of both plans, on the clock and of processors, and how many jobs each."""
    with tempfile.TemporaryDirectory() as name:
        bare, changes = Path(name), Path(name) / "changes.yaml"
        write_changes(changes, options.seeds)
        files = [str(path.resolve()) for path in options.configfile]
        ours = partial(plan, ROOT, ["--configfile", *files, str(changes)])
        jobs = {"reveil": ours()}
        write_bare(bare, jobs["reveil"])
        theirs = partial(plan, bare, ["--cores", "1"])
        jobs["bare"] = theirs()
        ways = {"bare": partial(spent, theirs), "reveil": partial(spent, ours)}
        runs = paired.alternate(ways, options.repeats, warm_up={})
    clock, used = (
        Comparison({way: [each[part] for each in found] for way, found in runs.items()}, "bare")
        for part in (0, 1)
    )
    return clock, used, jobs


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__, threads=1, device=None)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the configuration")
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="laid over config.yaml, in turn"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    clock, used, jobs = measure(options)
    print(f"{'':8}{'jobs':>8}{'seconds':>9}{'of CPU':>8}{'ms a job':>10}{'ratio':>7}  range")
    for name, ratio in used.ratios.items():
        seconds, cpu = clock.seconds[name].median, used.seconds[name].median
        row = f"{name:8}{jobs[name]:8,}{seconds:9.1f}{cpu:8.1f}{1000 * cpu / jobs[name]:10.2f}"
        print(f"{row}{ratio.median:7.2f}  {ratio}")
    ratio = used.ratios["reveil"]
    found = {"jobs": jobs, "cpu": used.facts(), **clock.facts()}
    found |= {"ratio": ratio.median, "ratio_range": ratio.range}
    options.configfile = [str(path) for path in options.configfile]
    paired.write(options, torch.device("cpu"), found)
    print(f"ratio: {ratio.median:.1f}")


if __name__ == "__main__":
    main()
