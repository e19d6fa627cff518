"""Compare what the block attack reconstructs with what the one-image reference does, as PSNR.

    python benchmarks/psnr.py --model resnet20-2 --images 20 --iterations 200

Both attack the same images of Fashion-MNIST from the same starts, with the same arithmetic in
another order. In float32 the sign of a small gradient may then differ, and two runs part; their
results should be equally good all the same. The table says how they are distributed, and how far
the block is ahead of the reference, with a 95 % interval over the images (t).
"""

import argparse
import statistics

import torch
from attack import ROOT
from scipy import stats
from training import FOLDER, made_up, read

import paired
import reference
import source  # noqa: F401
from reveil import models
from reveil.attacks import reconstruct
from reveil.attacks.priors import start
from reveil.config import resolve_attack
from reveil.convolutions import serving
from reveil.gradients import per_image_gradients
from reveil.precision import precision
from reveil.scene import Shared
from reveil.similarity import psnr

CLASSES, SIZE, SHAPE = 10, 32, (3, 32, 32)
SCALE = 0.25  # of the normalised images: pixels are MEAN + SCALE x
MEAN = 0.5


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__, repeats=1)
    parser.add_argument("--model", default="resnet20-2", help="name of the network")
    parser.add_argument("--images", type=int, default=20, help="attacked images")
    parser.add_argument("--iterations", type=int, default=200, help="of the attack")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "tf32"), help="of both")
    return parser.parse_args()


def pictures(count: int) -> torch.Tensor:
    """Return (N, 3, 32, 32) images in [0, 1]: of Fashion-MNIST where it is, else made up."""
    grey, _ = read("test", count) if FOLDER.exists() else made_up(count)
    images = torch.tensor(grey[:count]).reshape(count, 1, 28, 28) / 255
    return torch.nn.functional.pad(images, (2, 2, 2, 2)).expand(-1, 3, -1, -1)


def main() -> None:
    """Run the comparison."""
    options = parse()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    rows = range(options.images)
    model = models.build(options.model, *SHAPE[:2], CLASSES, seed=0).eval().to(device)
    seen = pictures(options.images).to(device)
    victims = (seen - MEAN) / SCALE
    labels = torch.arange(options.images, device=device) % CLASSES
    box = tuple(torch.full((1, 3, 1, 1), (end - MEAN) / SCALE, device=device) for end in (0, 1))
    shared = Shared(per_image_gradients(model, victims, labels), labels, SHAPE, box)
    parameters = resolve_attack({}, ROOT, "inversed") | {"iterations": options.iterations}
    starts = start("randn", rows, SHAPE, 0, 0).to(device)
    serving.LOADING_PAYS = 0
    with precision(options.precision, device):
        block = reconstruct(model, shared, parameters, rows, 0, device=device).x.to(device)
        single = []
        for i in rows:
            target = [g[i].contiguous() for g in shared.gradients]
            one = labels[i : i + 1], starts[i : i + 1], box, options.iterations
            single.append(reference.attack_image(model, target, *one)[0])
    ways = {"reference": torch.cat(single), "block": block}
    values = {way: psnr(MEAN + SCALE * x, seen).tolist() for way, x in ways.items()}
    report(options, device, values)


def report(
    options: argparse.Namespace, device: torch.device, values: dict[str, list[float]]
) -> None:
    """Print the table and write the JSON file."""
    print(
        f"{options.model}, {options.images} images, {options.iterations} iterations, "
        f"{options.precision}, {paired.described(paired.machine(device))}"
    )
    print(f"{'PSNR in dB':<12}{'mean':>8}{'sd':>8}{'min':>8}{'median':>8}{'max':>8}")
    found: dict[str, object] = {}
    for way, numbers in values.items():
        spread = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
        low, middle, high = min(numbers), statistics.median(numbers), max(numbers)
        found[way] = [statistics.mean(numbers), spread, low, middle, high]
        print(f"{way:<12}" + "".join(f"{number:>8.2f}" for number in found[way]))
    ahead = [b - r for b, r in zip(values["block"], values["reference"], strict=True)]
    mean, half = statistics.mean(ahead), 0.0
    if len(ahead) > 1:
        error = statistics.stdev(ahead) / len(ahead) ** 0.5
        half = float(stats.t.ppf(0.975, len(ahead) - 1)) * error
    found |= {"ahead": [mean - half, mean, mean + half], "psnr": values}
    found["ratio"] = found["block"][0] / found["reference"][0]
    paired.write(options, device, found)
    print(f"block ahead by {mean:.2f} dB [{mean - half:.2f}, {mean + half:.2f}]")
    print(f"ratio: {found['ratio']:.1f}")


if __name__ == "__main__":
    main()
