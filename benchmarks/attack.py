"""Time the block attack against the one-image reference, per image and iteration, in one run.

    python benchmarks/attack.py --model resnet20-4 --images 4 --iterations 10

Each repeat times the reference and then the block on the same images, so that the load of the
machine is shared; the ratio is the median of the repeats' ratios.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch

import reference
import source  # noqa: F401
from reveil import models
from reveil.attacks import reconstruct
from reveil.attacks.priors import start
from reveil.config import resolve_attack
from reveil.gradients import per_image_gradients
from reveil.precision import precision
from reveil.scene import Shared

ROOT = Path(__file__).resolve().parents[1]
CLASSES, SHAPE = 100, (3, 32, 32)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet20-4", help="name of the network")
    parser.add_argument("--images", type=int, default=4, help="images in the block")
    parser.add_argument("--chunk", default="auto", help="images per tensor, or auto")
    parser.add_argument("--iterations", type=int, default=10, help="iterations per repeat")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of timings")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    return parser.parse_args()


def main() -> None:
    """Run the benchmark."""
    options = parse()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    model = models.build(options.model, *SHAPE[:2], CLASSES, seed=0).eval().to(device)
    images = range(options.images)
    victims = start("rand", images, SHAPE, 0, 0, purpose="benchmark").to(device)
    labels = torch.arange(options.images, device=device) % CLASSES
    box = (torch.full((1, 3, 1, 1), -2.0), torch.full((1, 3, 1, 1), 2.0))
    shared = Shared(per_image_gradients(model, victims, labels), labels, SHAPE, box)
    parameters = resolve_attack({}, ROOT, "inversed") | {"iterations": options.iterations}
    chunk = options.chunk if options.chunk == "auto" else int(options.chunk)

    def one_by_one() -> None:
        limits = tuple(b.to(device) for b in box)
        starts = start("randn", images, SHAPE, 0, 0).to(device)
        for i in images:
            target = [g[i].contiguous() for g in shared.gradients]
            first = starts[i : i + 1]
            reference.attack_image(
                model, target, labels[i : i + 1], first, limits, options.iterations
            )

    def block() -> None:
        reconstruct(model, shared, parameters, images, 0, device=device, chunk=chunk)

    work = options.images * options.iterations
    pairs = []
    with precision("fp32", device):
        for repeat in range(options.repeats + 1):
            pair = seconds(one_by_one, device) / work, seconds(block, device) / work
            if repeat:  # the first pair warms up
                pairs.append(pair)
    report(options, pairs)


def seconds(function, device: torch.device) -> float:
    """Return the wall time of one call."""
    began = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def report(options: argparse.Namespace, pairs: list[tuple[float, float]]) -> None:
    """Print the table and write the JSON file."""
    columns = {
        "reference": [p[0] for p in pairs],
        "block": [p[1] for p in pairs],
        "ratio": [p[0] / p[1] for p in pairs],
    }
    print(
        f"{options.model}, {options.images} images, {options.iterations} iterations, "
        f"{options.repeats} pairs, {options.threads} threads, {options.device}, "
        f"torch {torch.__version__}, {platform.machine()}"
    )
    print(f"{'s/image/iteration':<20}{'min':>10}{'median':>10}{'max':>10}")
    summary = {}
    for name, values in columns.items():
        summary[name] = [min(values), statistics.median(values), max(values)]
        print(f"{name:<20}" + "".join(f"{v:>10.4f}" for v in summary[name]))
    ratio = summary["ratio"][1]
    if options.json:
        facts = {k: v for k, v in vars(options).items() if k != "json"}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(facts | summary | {"ratio": ratio}, indent=2) + "\n")
    print(f"ratio: {ratio:.1f}")


if __name__ == "__main__":
    main()
