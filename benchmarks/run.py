"""Run every benchmark with the sizes for a device, and keep what each found as JSON.

A result is called after its benchmark and the device, `attack-convnet-cpu2.json` (two threads) or
`attack-convnet-nvidia-h100-pcie.json`. With `--minutes` the call ends after that time and keeps
what is whole: the next call goes on with what is not there yet. Neither Snakemake nor a network is
needed.

    python benchmarks/run.py                            # on the CPU, again what is there already
    python benchmarks/run.py --device cuda --minutes 9  # on a GPU, in calls of nine minutes

It ends with status 0 if every result is there, 75 if some are left for the next call, and 1 if a
benchmark failed.
"""

import argparse
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
UNFINISHED = 75


class Benchmark(NamedTuple):
    """A script with its sizes.

    Attributes:
        script: name of the file without its ending.
        cpu: options on CPU cores; None where it says nothing there.
        cuda: options on a data-centre GPU; None where it says nothing there.
        minutes: that it takes at most on a GPU, or where it runs on none, on two cores; a call
            that has less time left does not begin it.
        names_device: whether the script takes ``--device``.
    """

    script: str
    cpu: str | None = ""
    cuda: str | None = ""
    minutes: float = 3.0
    names_device: bool = True


# One line each, in the order in which they run: the limits first.
BENCHMARKS: dict[str, Benchmark] = {
    "peak": Benchmark("peak", minutes=1),
    "transforms": Benchmark("transforms", minutes=2),
    "scores": Benchmark("scores", "--policies 3-1-7", "--images 16"),
    "attack-resnet20-4": Benchmark(
        "attack", "--model resnet20-4", "--model resnet20-4 --images 64", 5
    ),
    "attack-convnet": Benchmark(
        "attack",
        "--model convnet --images 8 --iterations 10 --repeats 3",
        "--model convnet --images 64",
        4,
    ),
    "attack-lbfgs": Benchmark(
        "attack",
        "--attack real-lbfgs-sim --images 8 --iterations 1 --repeats 3",
        "--attack real-lbfgs-sim --images 64 --iterations 2",
        4,
    ),
    "attack-lenetzhu": Benchmark(
        "attack", "--model lenetzhu --images 16", "--model lenetzhu --images 64", 1
    ),
    "psnr": Benchmark("psnr", "--iterations 150", "--model resnet20-4 --images 100", 5),
    "training": Benchmark("training", "--images 256", "--images 8192 --workers 8", 5),
    "training-accuracy": Benchmark(
        "training",
        "--accuracy --model convnet-w4 --policy 28 --images 3000 --batch 32 --epochs 6 --seeds 16 "
        "--learning-rate 0.02 --tests 4000 --workers 0 --threads 1",
        "--accuracy --images 6000 --epochs 6 --seeds 3 --workers 8",
        8,
    ),
    "complex": Benchmark("complex", "--repeats 7", "--batch 512", 2),
    "complex-resnet56": Benchmark(
        "complex",
        "--model resnet56-alpha --batch 32 --repeats 5",
        "--model resnet56-alpha --batch 512",
        3,
    ),
    "complex-resnet56-whole": Benchmark(
        "complex",
        "--model resnet56-alpha --batch 32 --repeats 5 --whole",
        "--model resnet56-alpha --batch 512 --whole",
        3,
    ),
    "reconstruction": Benchmark("reconstruction", "", "--batch 256 --images 2048 --steps 64"),
    "startup": Benchmark("startup", "--threads 1", None),
    "preload": Benchmark("preload", "--threads 1", None, 2),
    "demo": Benchmark("pipeline", "demo --repeats 2", None, 20, names_device=False),
    "tiny": Benchmark("pipeline", "tiny --repeats 1", None, 25, names_device=False),
    "planning": Benchmark("planning", "--repeats 2", None, 5, names_device=False),
    "planning-20000": Benchmark("planning", "--seeds 4 --repeats 1", None, 6, names_device=False),
}


def device_name(device: str, threads: int) -> str:
    """Return what the results of a device are called by: ``cpu2``, or the GPU's name in a path."""
    if not device.startswith("cuda"):
        return f"cpu{threads}"
    import torch

    return re.sub(r"[^a-z0-9]+", "-", torch.cuda.get_device_name(device).lower()).strip("-")


def command(benchmark: Benchmark, options: argparse.Namespace, result: Path) -> list[str]:
    """Return the command line of a benchmark; what it sets itself, it keeps."""
    gpu = options.device.startswith("cuda")
    words = (benchmark.cuda if gpu else benchmark.cpu) or ""
    line = [sys.executable, str(HERE / f"{benchmark.script}.py"), *words.split()]
    line += options.extra.split()
    if "--threads" not in words:
        line += ["--threads", str(options.threads)]
    if benchmark.names_device:
        line += ["--device", options.device]
    return [*line, "--json", str(result)]


def run(line: Sequence[str], seconds: float | None) -> int | None:
    """Run a command and return its status; None where the time was over before its end."""
    process = subprocess.Popen(line)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wanted(
    options: argparse.Namespace, benchmarks: Mapping[str, Benchmark]
) -> dict[str, Benchmark]:
    """Return the benchmarks to run, by name.

    Raises:
        SystemExit: a name is none of them.
    """
    if odd := set(options.only or ()) - set(benchmarks):
        raise SystemExit(f"--only {' '.join(sorted(odd))}: allowed: {' '.join(benchmarks)}")
    kind = "cuda" if options.device.startswith("cuda") else "cpu"
    return {
        name: benchmark
        for name, benchmark in benchmarks.items()
        if (not options.only or name in options.only) and getattr(benchmark, kind) is not None
    }


def run_all(options: argparse.Namespace, benchmarks: Mapping[str, Benchmark]) -> int:
    """Run what is wanted and not there yet, and return the status to end with."""
    began = time.monotonic()
    place = device_name(options.device, options.threads)
    left, failed, begun = [], [], False
    for name, benchmark in wanted(options, benchmarks).items():
        result = options.out / f"{name}-{place}.json"
        if result.exists() and options.minutes is not None and not options.again:
            print(f"== {name}: {result} is there", flush=True)
            continue
        rest = None
        if options.minutes is not None:
            rest = 60 * options.minutes - (time.monotonic() - began)
            # The first of a call is always begun, or a short call would never do anything.
            if begun and rest < 60 * benchmark.minutes:
                left.append(name)
                continue
        print(f"== {name}", flush=True)
        begun = True
        status = run(command(benchmark, options, result), rest)
        if status is None:
            left.append(name)
        elif status:
            failed.append(name)
            if options.minutes is None:
                break
    if failed:
        print(f"failed: {' '.join(failed)}", file=sys.stderr)
        return 1
    if left:
        print(f"left for the next call: {' '.join(left)}")
        return UNFINISHED
    return 0


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--minutes", type=float, help="that this call may take; no end if left out")
    parser.add_argument("--again", action="store_true", help="with --minutes: also what is there")
    parser.add_argument("--only", nargs="+", help="names of benchmarks; all if left out")
    parser.add_argument("--extra", default="", help="options for each, such as '--repeats 1'")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the results")
    return parser.parse_args()


def main() -> None:
    """Run the benchmarks and end with their status."""
    options = parse_options()
    # SIGTERM ends the benchmark that runs, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(UNFINISHED))
    options.out.mkdir(parents=True, exist_ok=True)
    sys.exit(run_all(options, BENCHMARKS))


if __name__ == "__main__":
    main()
