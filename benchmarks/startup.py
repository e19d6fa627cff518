"""Time what passes between the start of a rule's script and its first useful work.

A script is run in a fresh interpreter up to there: the lines that Snakemake puts before it, its own
imports, and entering its job, with a look for the device where it computes on one. All are run
once, then the slowest in turns with `import torch` alone, which is the limit of those that
compute; those seconds are what is quoted. The packages that take longest to load are those of
`-X importtime`. The last line is 2.5 s, the aim, over the seconds of the slowest script.

    python benchmarks/startup.py
"""

import argparse
import ast
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

import paired
import source
from paired import Spread

ROOT = Path(source.__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"
AIM = 2.5
# What Snakemake 9 puts before a script, but for the values of the job.
PREAMBLE = "import pickle\nfrom snakemake.logging import logger\n"
PREAMBLE += "from snakemake.iocontainers import Snakemake\n"
JOB = "from reveil.ending import end_with_snakemake\nend_with_snakemake()\n"
DEVICE = "from reveil.job import choose_device\nchoose_device({device!r})\n"
# Taking down what was loaded is no part of the start, and a finished job leaves it out, too.
LEAVE = "import os\nos._exit(0)\n"
LIMIT = "import torch alone"
IMPORTED = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")


def prologue(script: Path, device: str) -> str:
    """Return what a script does before its first useful work, as a program of its own."""
    text = script.read_text(encoding="utf-8")
    imports = (n for n in ast.parse(text).body if isinstance(n, ast.Import | ast.ImportFrom))
    lines = "".join(f"{ast.unparse(node)}\n" for node in imports)
    looks = DEVICE.format(device=device) if "device=" in text else ""
    return PREAMBLE + lines + JOB + looks + LEAVE


def run(program: str, *flags: str) -> tuple[float, float, str]:
    """Return wall seconds, CPU seconds and error output of a program in a fresh interpreter."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *flags, "-c", program], stderr=subprocess.PIPE, text=True, env=environment
    )
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"a script cannot be started:\n{said}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, said


def slowest_imports(program: str, count: int = 10) -> dict[str, float]:
    """Return the packages that take longest to load, their own seconds added up."""
    own: Counter[str] = Counter()
    for spent, module in IMPORTED.findall(run(program, "-X", "importtime")[2]):
        parts = module.split(".")
        own[".".join(parts[: 2 if parts[0] in ("torch", "reveil") else 1])] += int(spent)
    return {name: spent / 1e6 for name, spent in own.most_common(count)}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return seconds of every script once, and of the slowest in turns."""
    chosen = options.scripts or sorted(path.stem for path in SCRIPTS.glob("*.py"))
    programs = {name: prologue(SCRIPTS / f"{name}.py", options.device) for name in chosen}
    # The drawing of most tables starts alike.
    alike: dict[str, list[str]] = {}
    for name, program in programs.items():
        alike.setdefault(program, []).append(name)
    run(next(iter(programs.values())))
    once = {names[0]: run(program)[:2] for program, names in alike.items()}
    slow = sorted(once, key=lambda name: once[name][1], reverse=True)[: options.slowest]
    ways: dict[str, Any] = {LIMIT: lambda: run("import torch\n" + LEAVE)}
    ways |= {name: lambda name=name: run(programs[name]) for name in slow}
    runs = paired.alternate(ways, options.repeats)
    wall, cpu = (
        {name: Spread.of([taken[i] for taken in found]) for name, found in runs.items()}
        for i in (0, 1)
    )
    return {
        "wall": wall,
        "cpu": cpu,
        "once": {n: once[names[0]] for names in alike.values() for n in names},
        "imports": slowest_imports(programs[max(slow, key=lambda name: wall[name].median)]),
    }


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__, repeats=5, threads=1)
    parser.add_argument("--scripts", nargs="*", help="names of scripts; all if left out")
    parser.add_argument("--slowest", type=int, default=10, help="scripts that are run in turns")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    found = measure(options)
    wall, cpu = found["wall"], found["cpu"]
    print(f"{'':24}{'s':>8}{'CPU s':>8}  range of s")
    for name, spread in wall.items():
        print(f"{name:24}{spread.median:8.2f}{cpu[name].median:8.2f}  {spread}")
    for name, spent in found["imports"].items():
        print(f"  {name:22}{spent:8.3f}")
    ratio = AIM / max(spread.median for spread in wall.values())
    own = {
        **{
            key: {name: spread.median for name, spread in found[key].items()}
            for key in ("wall", "cpu")
        },
        **{f"{key}_range": {n: s.range for n, s in found[key].items()} for key in ("wall", "cpu")},
        "once": found["once"],
        "imports": found["imports"],
        "aim": AIM,
        "ratio": ratio,
    }
    paired.write(options, torch.device("cpu"), own)
    print(f"ratio: {ratio:.1f}")


if __name__ == "__main__":
    main()
