"""Time the block attack against the one-image reference, per image and iteration, in one run.

    python benchmarks/attack.py --model resnet20-4 --images 4 --iterations 10
    python benchmarks/attack.py --attack inversed-lbfgs-sim --iterations 1

Each repeat times the reference and then the block on the same images, so that the load of the
machine is shared; the ratio is the median of the repeats' ratios.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

import paired
import reference
import source  # noqa: F401
from paired import Comparison
from reveil import models
from reveil.attacks import reconstruct
from reveil.attacks.priors import start
from reveil.config import resolve_attack
from reveil.convolutions import serving
from reveil.gradients import per_image_gradients
from reveil.precision import precision
from reveil.scene import Shared

ROOT = Path(__file__).resolve().parents[1]
CLASSES, SHAPE = 100, (3, 32, 32)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__)
    parser.add_argument("--model", default="resnet20-4", help="name of the network")
    parser.add_argument("--attack", default="inversed", help="preset, of Adam or of L-BFGS")
    parser.add_argument("--images", type=int, default=16, help="images in the block")
    parser.add_argument("--chunk", default="auto", help="images per tensor, or auto")
    parser.add_argument("--iterations", type=int, default=20, help="iterations per repeat")
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
    few = {"iterations": options.iterations, "restarts": 1, "label": "known"}
    parameters = resolve_attack({}, ROOT, options.attack) | few
    chunk = options.chunk if options.chunk == "auto" else int(options.chunk)

    def one_by_one() -> None:
        limits = tuple(b.to(device) for b in box)
        starts = start("randn", images, SHAPE, 0, 0).to(device)
        for i in images:
            target = [g[i].contiguous() for g in shared.gradients]
            first = starts[i : i + 1]
            published(parameters, model, target, labels[i : i + 1], first, limits)

    def block() -> None:
        reconstruct(model, shared, parameters, images, 0, device=device, chunk=chunk)

    work = options.images * options.iterations
    ways = {"reference": paired.timed(one_by_one, device), "block": paired.timed(block, device)}
    # Runs as short as these would not load what is compiled; those that they stand for do.
    serving.LOADING_PAYS = 0
    with precision("fp32", device):
        runs = paired.alternate(ways, options.repeats)
    per_work = {name: [value / work for value in values] for name, values in runs.items()}
    report(options, device, Comparison(per_work))


def published(
    parameters: dict[str, Any],
    model: torch.nn.Module,
    target: list[torch.Tensor],
    label: torch.Tensor,
    start_at: torch.Tensor,
    box: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Attack one image in the published way."""
    settings = {"signed": parameters["signed"] == "hard", "weight": parameters["total_variation"]}
    settings["rate"] = parameters["learning_rate"]
    count = parameters["iterations"]
    if parameters["method"] == "lbfgs":
        costs = {"cosine": reference.cosine_cost, "l2": reference.squared_cost}
        settings["cost"] = costs[parameters["objective"]]
        settings["box"] = box if parameters["boxed"] else None
        reference.attack_image_lbfgs(model, target, label, start_at, count, **settings)
    else:
        reference.attack_image(model, target, label, start_at, box, count, **settings)


def report(options: argparse.Namespace, device: torch.device, compared: Comparison) -> None:
    """Print the table and write the JSON file."""
    print(
        f"{options.attack} on {options.model}, {options.images} images, "
        f"{options.iterations} iterations, "
        f"{options.repeats} pairs, {paired.described(paired.machine(device))}"
    )
    print(f"{'s/image/iteration':<20}{'min':>10}{'median':>10}{'max':>10}")
    ratio = compared.ratios["block"]
    for name, spread in (compared.seconds | {"ratio": ratio}).items():
        print(f"{name:<20}" + "".join(f"{value:>10.4f}" for value in spread))
    own = {"ratio": ratio.median, "ratio_range": ratio.range}
    paired.write(options, device, compared.seconds | own)
    print(f"ratio: {ratio.median:.1f}")


if __name__ == "__main__":
    main()
