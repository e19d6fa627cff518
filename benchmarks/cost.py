"""Draw what runs cost: against images, against candidates of a search, and against GPUs.

    python benchmarks/cost.py            # from the results that are kept
    python benchmarks/cost.py --plan     # asks `make plan` for the GPUs again, before it draws

Hours of the reference and of reveil are measured seconds, times how many there are. The published
ones are those that Drabent et al. and Warmerdam et al. state for their whole runs. Hours by number
of GPUs are what `make plan` says of `config/fashion-core.yaml`: where no GPU has been on record, a
guess, whose range is drawn as well.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import source
from reveil.figures import style

ROOT = Path(source.__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PICTURE = ROOT / "docs" / "images" / "cost.png"
CONFIG = "config/fashion-core.yaml"
GPUS = (1, 2, 4, 8, 16)
# Iterations of `inversed`, and images of the published attack.
ITERATIONS, IMAGES = 4800, 100
REFERENCE, OURS, PUBLISHED = style.VERMILLION, style.BLUE, style.GREY


mpl.rcParams.update(style.RC)


def main() -> None:
    """Read the command line, ask for plans if they are wanted, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan", action="store_true", help="ask `make plan` for the GPUs again")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where the picture goes")
    options = parser.parse_args()
    plans = options.results / "gpus.json"
    if options.plan:
        plans.write_text(json.dumps(planned(), indent=1) + "\n")
    draw(options.results, json.loads(plans.read_text()), options.picture)
    print(f"drawn: {options.picture}")


def planned() -> dict[str, list[float]]:
    """Return wall hours by number of GPUs: the middle, the low and the high end."""
    found: dict[str, list[float]] = {}
    for gpus in GPUS:
        words = ["--configfile", CONFIG, "--gpus", str(gpus), "--cores", "16", "--json"]
        line = [sys.executable, "-m", "reveil.forecast", *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        made = subprocess.run(
            line, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        (total,) = (row for row in json.loads(made.stdout)["rows"] if row["name"] == "all")
        found[str(gpus)] = [total[f"wall_hours{end}"] for end in ("", "_low", "_high")]
    return found


def published(quantity: str) -> float:
    """Return what a report states for a quantity of cost."""
    with (ROOT / "config" / "published.csv").open(newline="") as file:
        (value,) = (row["value"] for row in csv.DictReader(file) if row["metric"] == quantity)
    return float(value)


def draw(results: Path, plans: dict[str, list[float]], picture: Path) -> None:
    """Draw the three panels."""
    attack = json.loads((results / "attack-resnet20-4-cpu2.json").read_text())
    rows = json.loads((results / "scores-cpu2.json").read_text())["rows"]
    scores = {side: median(rows["candidate"][side]) for side in ("reference_seconds", "seconds")}
    figure, (images, candidates, gpus) = plt.subplots(
        1, 3, figsize=(style.PAGE_WIDTH, 2.6), layout="constrained"
    )
    per_image = {side: median(attack[side]) * ITERATIONS for side in ("reference", "block")}
    for axes in (images, candidates, gpus):
        axes.grid(alpha=0.25)
    lines(
        images,
        [1, 10, IMAGES, 1000, 10_000],
        {"reference": per_image["reference"], "reveil": per_image["block"]},
        (IMAGES, published("cost_attack_100_images_hours"), "Warmerdam et al.,\nGTX 1080 Ti"),
        "attacked images, ResNet20-4",
    )
    lines(
        candidates,
        [1, 10, 100, 1000, 10_000],
        {"reference": scores["reference_seconds"], "reveil": scores["seconds"]},
        (1, published("cost_search_minutes_per_policy") / 60, "Warmerdam et al.,\nGTX 1080 Ti"),
        "candidates of a search",
    )
    counts = [int(number) for number in plans]
    middle, low, high = zip(*plans.values(), strict=True)
    gpus.fill_between(counts, low, high, color=OURS, alpha=0.15, lw=0, label="range of the guess")
    gpus.plot(counts, middle, "o-", color=OURS, label="make plan")
    gpus.plot(counts, [middle[0] / n for n in counts], ":", color=PUBLISHED, label="evenly divided")
    gpus.set(xscale="log", yscale="log", xlabel="GPUs, fashion-core", xticks=counts)
    gpus.set_xticklabels(counts)
    gpus.minorticks_off()
    gpus.legend()
    images.set_ylabel("hours")
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=200)


def lines(
    axes: Axes,
    counts: list[int],
    seconds: dict[str, float],
    stated: tuple[int, float, str],
    label: str,
) -> None:
    """Draw hours against a count, on two cores, beside what a report states."""
    for (name, each), color in zip(seconds.items(), (REFERENCE, OURS), strict=True):
        hours = [each * count / 3600 for count in counts]
        axes.plot(counts, hours, "-", color=color, label=f"{name}, 2 CPU cores")
    count, hours, who = stated
    axes.plot(count, hours, "s", color=PUBLISHED, label=who)
    axes.set(xscale="log", yscale="log", xlabel=label)
    axes.legend()


if __name__ == "__main__":
    main()
