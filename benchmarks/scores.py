"""Time to score one candidate policy, against one image and one gradient at a time.

The reference does what the papers' code does: for every image the gradient at the transformed
image and at each of the 21 points by itself, with a cosine per parameter tensor; and for every
image of the accuracy score a backward pass of its own. Both sides are given the same drawn images
and must come to the same scores. Times are scaled to the papers' 100 images and 10 batches of 100.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

import paired
import source  # noqa: F401
from paired import Comparison
from reveil.convolutions.serving import serving
from reveil.datasets import get
from reveil.job import choose_device
from reveil.models import build
from reveil.policies import parse
from reveil.scores import AccuracyScore, PrivacyScore, Sample, victim_images
from reveil.views import View, view_for

POINTS = 20
SIDES = ("reference_seconds", "seconds")
PAPER_IMAGES = 100
PAPER_BATCHES = 10
RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}


def main() -> None:
    options = parse_options()
    torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    dataset = get("cifar100")
    view = view_for(dataset, RECIPE)
    model = network(options.model, view, dataset.classes, seed=0).to(device).eval()
    private, accurate = made_up(options.images, dataset), made_up(options.batch, dataset)
    privacy = PrivacyScore(model, private, view, 0, points=POINTS, device=device)
    accuracy = AccuracyScore(
        lambda seed: network(options.model, view, dataset.classes, seed),
        accurate,
        view,
        0,
        batches=1,
        device=device,
    )
    policies = [parse(name) for name in options.policies]

    def reference_privacy() -> Tensor:
        return torch.stack([plain_privacy(privacy, policy) for policy in policies])

    # A search of many candidates loads compiled convolutions, and keeps the gradients at the start
    # points.
    def ours_privacy() -> Tensor:
        with serving(True):
            return torch.stack([privacy(policy)[0] for policy in policies])

    def reference_accuracy() -> Tensor:
        return torch.stack([plain_accuracy(accuracy, policy) for policy in policies])

    def ours_accuracy() -> Tensor:
        with serving(True):
            return torch.stack([accuracy(policy) for policy in policies])[:, 0]

    count = len(policies)
    rows = {
        "s_pri": compare(
            reference_privacy,
            ours_privacy,
            options.repeats,
            PAPER_IMAGES / (count * options.images),
            device,
        ),
        "s_acc": compare(
            reference_accuracy,
            ours_accuracy,
            options.repeats,
            PAPER_BATCHES * 100 / (count * options.batch),
            device,
        ),
    }
    rows["candidate"] = total(rows["s_pri"], rows["s_acc"])
    report(rows, options, device)


def parse_options() -> argparse.Namespace:
    parser = paired.parser(__doc__, device="auto")
    parser.add_argument("--model", default="resnet20-4")
    parser.add_argument("--images", type=int, default=8, help="images of the privacy score")
    parser.add_argument("--batch", type=int, default=100, help="images of the accuracy score")
    parser.add_argument("--policies", nargs="+", default=["3-1-7", "43-18-18"])
    return parser.parse_args()


def network(name: str, view: View, classes: int, seed: int) -> nn.Module:
    channels, size, _ = view.shape
    return build(name, channels=channels, size=size, classes=classes, seed=seed)


def made_up(count: int, dataset: Any) -> Sample:
    """Return smooth random images, because noise would survive no resampling."""
    stream = torch.Generator().manual_seed(count)
    coarse = torch.rand(count, dataset.channels, 8, 8, generator=stream)
    fine = nn.functional.interpolate(coarse, dataset.size, mode="bilinear")
    labels = torch.randint(dataset.classes, (count,), generator=stream)
    return Sample((fine * 255).to(torch.uint8), labels, range(count))


def plain_privacy(score: PrivacyScore, policy: Any) -> Tensor:
    """Return S_pri of every image, one gradient at a time."""
    parameters = list(score.model.parameters())

    def gradient(x: Tensor, label: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(cross_entropy(score.model(x), label), parameters)

    scores = []
    for row in range(len(score.labels)):
        one = score.sample.pick(torch.tensor([row]))
        target = victim_images(score.view, policy, one, score.seed, "score", score.device)
        start = score.starts[0][row][None].to(score.device)
        label = score.labels[row][None]
        end = gradient(target, label)
        values = []
        for i in range(POINTS + 1):
            here = gradient(i / POINTS * target + (1 - i / POINTS) * start, label)
            values.append(
                np.mean(
                    [
                        cosine_similarity(a.flatten(), b.flatten(), 0, 1e-8).item()
                        for a, b in zip(here, end, strict=True)
                    ]
                )
            )
        scores.append(np.trapezoid(values, dx=1 / POINTS))
    return torch.tensor(scores)


def plain_accuracy(score: AccuracyScore, policy: Any) -> Tensor:
    """Return S_acc of one batch, one image at a time."""
    model = score.models[0]
    rows = []
    for number in range(len(score.sample.labels)):
        one = score.sample.pick(torch.tensor([number]))
        x = victim_images(score.view, policy, one, score.seed, "score", score.device)
        x.requires_grad_()
        rows.append(torch.autograd.grad(model(x).sum(), x)[0].flatten().cpu().numpy())
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(np.stack(rows).astype(float))).clip(min=0)
    return torch.tensor(-np.sum(np.log(eigenvalues + 1e-5) + 1 / (eigenvalues + 1e-5)))


def compare(
    reference: Callable[[], Tensor],
    ours: Callable[[], Tensor],
    repeats: int,
    scale: float,
    device: torch.device,
) -> dict[str, Any]:
    """Time both sides in pairs, after one run of each that also compares their results."""
    expected, found = reference(), ours()
    relative = ((found - expected).abs() / expected.abs().clamp(min=1e-6)).max().item()
    if relative > 1e-2:
        raise SystemExit(f"the two sides disagree by {relative:.1e}")
    works = zip(SIDES, (reference, ours), strict=True)
    ways = {side: paired.timed(work, device) for side, work in works}
    runs = paired.alternate(ways, repeats, warm_up={})
    scaled = {side: [value * scale for value in values] for side, values in runs.items()}
    return scaled | {"difference": relative}


def total(*parts: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [sum(pair) for pair in zip(*(part[key] for part in parts), strict=True)]
        for key in SIDES
    } | {"difference": max(part["difference"] for part in parts)}


def report(
    rows: dict[str, dict[str, Any]], options: argparse.Namespace, device: torch.device
) -> None:
    machine = paired.machine(device)
    print(f"{options.model}, {paired.described(machine)}")
    print("seconds per candidate of 100 images and 10 batches of 100, median of the repeats")
    print(f"{'score':<10}{'reference':>12}{'reveil':>12}{'ratio':>8}{'range':>16}{'differ':>10}")
    for name, row in rows.items():
        compared = Comparison({side: row[side] for side in SIDES}, reference="reference_seconds")
        ratio = compared.ratios["seconds"]
        row |= {"ratio": ratio.median, "ratio_range": ratio.range}
        both = "".join(f"{spread.median:>12.2f}" for spread in compared.seconds.values())
        print(f"{name:<10}{both}{ratio.median:>8.2f}{ratio!s:>16}{row['difference']:>10.1e}")
    hardware = machine["gpu"] or machine["cpu"]
    found = {"device": str(device), "hardware": hardware, "rows": rows}
    paired.write(options, device, found)
    print(f"ratio: {rows['candidate']['ratio']:.1f}")


if __name__ == "__main__":
    main()
