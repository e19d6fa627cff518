"""Time the start of a rule's script in a fork of a process that has loaded its libraries.

As in `startup.py`, a script is run up to its first useful work: by an interpreter of its own, and
through the client of `reveil.preload`, in turns, on the same file. The seconds hold the start of
the client. The last line is the lowest ratio of the scripts.

    python benchmarks/preload.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import startup
import torch

import paired
import source
from paired import Comparison
from reveil.preload import starting

PATIENCE = 60.0


def seconds_of(words: list[str]) -> float:
    """Return the wall seconds of a command that must succeed."""
    began = time.perf_counter()
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


def serving() -> list[str]:
    """Start a server as a run does, and return what stands before a command."""
    words = starting.start().removeprefix("set -euo pipefail; ").split()
    address, end = Path(words[-1]), time.monotonic() + PATIENCE
    while not address.exists():
        if time.monotonic() > end:
            raise SystemExit("the server does not start")
        time.sleep(0.05)
    return words


def measure(options: argparse.Namespace) -> dict[str, Comparison]:
    """Return by script how long its start took alone and in a fork."""
    found = {}
    client = serving()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.scripts:
            text = startup.prologue(startup.SCRIPTS / f"{name}.py", options.device)
            file = Path(folder, f"tmp.{name}.py")
            file.write_text(text, encoding="utf-8")
            alone = [sys.executable, str(file)]
            ways = {
                "reference": lambda words=alone: seconds_of(words),
                "forked": lambda words=alone: seconds_of([*client, *words]),
            }
            found[name] = Comparison(paired.alternate(ways, options.repeats))
    return found


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__, repeats=5, threads=1)
    parser.add_argument(
        "--scripts",
        nargs="*",
        default=["attack_images", "train_model", "ats_figure_psnr", "ats_table_policies"],
        help="names of scripts",
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    os.environ |= starting.ONE_THREAD
    os.environ["PYTHONPATH"] = str(Path(source.__file__).resolve().parents[1] / "src")
    found = measure(options)
    print(f"{'':24}{'alone, s':>10}{'forked, s':>10}{'ratio':>8}  range")
    for name, compared in found.items():
        alone, forked = (compared.seconds[way].median for way in ("reference", "forked"))
        ratio = compared.ratios["forked"]
        print(f"{name:24}{alone:10.2f}{forked:10.2f}{ratio.median:8.2f}  {ratio}")
    own: dict[str, Any] = {"scripts": {name: compared.facts() for name, compared in found.items()}}
    lowest = min(compared.ratios["forked"] for compared in found.values())
    own |= {"ratio": lowest.median, "ratio_range": lowest.range}
    paired.write(options, torch.device("cpu"), own)
    print(f"ratio: {lowest.median:.1f}")


if __name__ == "__main__":
    main()
