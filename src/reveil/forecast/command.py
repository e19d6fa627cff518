"""``python -m reveil.forecast``: what a run would take, told before anything runs."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from reveil.errors import ReveilError
from reveil.forecast import by_hand, printing
from reveil.forecast.disk import Disk
from reveil.forecast.dryrun import dry_run
from reveil.forecast.estimate import Estimator
from reveil.forecast.forecast import Forecast, Machines
from reveil.forecast.records import Device, Record, read_records
from reveil.forecast.settings import Settings, read_config
from reveil.job import Job
from reveil.output import tell

UNNAMED = "a GPU"


def main(words: Sequence[str] | None = None) -> int:
    """Print the forecast that the command line asks for, and return the exit status."""
    options = parser().parse_args(words)
    return tell(lambda: told(options))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m reveil.forecast",
        description="Jobs, hours, wall time and disk of a run, before anything runs: from "
        "Snakemake's dry run and the benchmark files of earlier runs below logs/.",
    )
    made.add_argument("targets", nargs="*", help="rules or files; none: all of the configuration")
    made.add_argument(
        "--configfile", nargs="+", default=[], metavar="FILE", help="laid over config.yaml, in turn"
    )
    made.add_argument(
        "--gpus",
        type=_count(0),
        help="GPUs at work at once; 0: all jobs run on processors "
        "(default: by compute.device: those of this machine for auto, 1 for cuda, 0 for cpu)",
    )
    made.add_argument(
        "--cores",
        type=_count(1),
        default=os.cpu_count() or 1,
        help="cores for jobs without GPU (default: those of this machine)",
    )
    made.add_argument(
        "--gpu",
        default="",
        metavar="NAME",
        help="GPU model, or a part of its name, whose recorded times count "
        "(default: the one with the most)",
    )
    made.add_argument(
        "--cpu",
        default="",
        metavar="NAME",
        help="processor whose recorded times count (default: this machine's)",
    )
    made.add_argument(
        "--by", choices=("study", "rule"), default="study", help="what a row is (default: study)"
    )
    shape = made.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON")
    shape.add_argument("--csv", action="store_true", help="print CSV")
    made.add_argument("--root", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    return made


def told(options: argparse.Namespace) -> str:
    """Return what the command prints.

    Raises:
        ReveilError: the configuration is not valid, the dry run failed, or no recorded GPU has the
            name that was asked for while others are recorded.
    """
    root = options.root
    settings = Settings(read_config(root, options.configfile), root)
    jobs = dry_run(root, options.targets, options.configfile)
    if not jobs:
        return "Nothing to be done: all files of the target are there and up to date."
    records = read_records(root, settings)
    gpus = options.gpus
    if gpus is None:
        gpus = visible_gpus(settings.config["compute"]["device"])
    cpu = options.cpu or Job("plan", os.devnull).provenance()["cpu"]
    machines = Machines(gpus, options.cores, chosen_gpu(records, options.gpu), cpu)
    disk = Disk(root, settings, records)
    forecast = Forecast(jobs, settings, Estimator(records), disk, machines)
    rows = forecast.by_rule() if options.by == "rule" else forecast.by_study()
    absent = by_hand.missing(jobs, settings.config)
    if options.json or options.csv:
        for line in absent:
            print(line, file=sys.stderr)
        return printing.as_json(forecast, rows) if options.json else printing.as_csv(rows)
    parts = [_heading(options, settings, forecast, records), *absent]
    return "\n\n".join([*parts, printing.text(forecast, rows, options.by)])


def visible_gpus(device: str) -> int:
    """Return how many GPUs ``compute.device`` means on this machine."""
    if device == "auto":
        import torch

        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return 0 if device == "cpu" else 1


def chosen_gpu(records: Sequence[Record], name: str) -> Device:
    """Return the GPU model to plan for: the recorded one by that name, or the most recorded.

    Raises:
        ReveilError: the name is part of several recorded models' and equals none.
    """
    known = Counter(record.device for record in records if record.device.is_gpu)
    if not name:
        return known.most_common(1)[0][0] if known else Device(UNNAMED)
    found = [device for device in known if name.lower() in device.name.lower()]
    exact = [device for device in found if device.name == name]
    if len(found) > 1 and not exact:
        names = ", ".join(sorted(device.name for device in found))
        raise ReveilError(f"gpu: {name!r} is part of several names on record: {names}")
    return (exact or found or [Device(name)])[0]


def _heading(
    options: argparse.Namespace, settings: Settings, forecast: Forecast, records: Sequence[Record]
) -> str:
    machines, target = forecast.machines, " ".join(options.targets) or "everything"
    laid = f" under {' '.join(options.configfile)}" if options.configfile else ""
    on_gpu = sum(record.device == machines.gpu for record in records)
    on_cpu = sum(record.device.name == machines.cpu for record in records)
    lines = [
        f"Plan of {target}{laid}, run {settings.config['run']!r}: "
        f"{len(forecast.jobs):,} jobs are still to be done.",
        f"Recorded so far: {on_cpu:,} jobs on {machines.cpu}",
    ]
    if machines.gpus:
        lines[-1] += f", {on_gpu:,} on {machines.gpu.name}"
    lines[-1] += f"; {len(records) - on_cpu - (on_gpu if machines.gpus else 0):,} elsewhere."
    if not machines.gpus:
        lines.append("Planned without a GPU; --gpus 4 (make plan GPUS=4) plans for four.")
    return "\n".join(lines)


def _count(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: {least} or more")
        return number

    return whole
