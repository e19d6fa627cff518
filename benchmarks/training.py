"""Time an epoch of training against a DataLoader with Pillow transforms, and compare accuracies.

The reference is written as the papers' code is: a dataset object crops, mirrors and transforms
every image with Pillow, `--workers` processes make the batches, and the step is in single
precision with the channels first and `torch.optim`. Ours is what the rule `train_model` runs.
Both train the same network from the same weights on the same images with the same batch size,
schedule and seed of draws, in turns, so that other load on the machine falls on both; the last
line is the median of the repeats' ratios. The epoch is a slice of the training images, from whose
seconds those of all follow, or with `--images all` all of them. With `--accuracy` both are trained
for `--epochs` and tested, and their accuracies are compared seed by seed, or image by image where
there is one seed; so are our own in bf16 and in fp32.

    python benchmarks/training.py --model resnet20-4 --images 2048 --threads 2 --workers 2
    python benchmarks/training.py --accuracy --model convnet-w4 --images 3000 --policy 28 --seeds 5
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pillow_training import PillowImages, Trained, reference
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

import paired
import source  # noqa: F401
from paired import Comparison
from reveil import datasets
from reveil.datasets import LABELS
from reveil.job import choose_device
from reveil.models import build
from reveil.policies import parse
from reveil.readers.idx import blocks
from reveil.rng import generator
from reveil.statistics import mean_interval
from reveil.training import TrainingData, train
from reveil.views import view_for

DATASET = datasets.get("fashion-mnist")
FOLDER = Path("/usr/share/datasets/fashion-mnist")
PRECISIONS = ("fp32", "bf16")
RECIPE: dict[str, Any] = {
    "drop_last": False,
    "optimizer": "sgd",
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 5e-4,
    "milestones": [2.667, 1.6, 1.142],
    "gamma": 0.1,
    "loss_factor": 1.0,
    "augment": "crop_flip",
    "normalisation": "dataset",
    "fmnist_pipeline": "pad32",
    "policy_channels": 3,
    "defence": "none",
    "stop_after": None,
}


def read(split: str, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 1, 28, 28) and labels of Fashion-MNIST, the first ``count`` of them."""
    (block,) = blocks(DATASET, FOLDER, split)
    return block.images[:count], block.arrays[LABELS][:count].astype(np.int64)


def made_up(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random images and labels, where the real ones are not at hand."""
    stream = generator(0, "benchmark-training")
    shape = (count, DATASET.channels, DATASET.size, DATASET.size)
    images = torch.randint(0, 256, shape, generator=stream, dtype=torch.uint8).numpy()
    return images, torch.randint(0, DATASET.classes, (count,), generator=stream).numpy()


class Setting:
    """The same training in two ways.

    Args:
        options: of the command line.
        images: to train on; None for all.
        epochs: of a training.
        tests: images to test on.
    """

    def __init__(
        self, options: argparse.Namespace, images: int | None, epochs: int, tests: int | None
    ) -> None:
        self.options, self.device = options, choose_device(options.device)
        real = FOLDER.is_dir()
        train_set = read("train", images) if real else made_up(images or 60_000)
        test_set = read("test", tests) if real else made_up(tests or 10_000)
        everything = np.arange(len(train_set[0]))
        self.data = TrainingData(*train_set, everything, *test_set)
        self.recipe = {**RECIPE, "epochs": epochs, "batch_size": options.batch}
        self.recipe["learning_rate"] = options.learning_rate
        self.view = view_for(DATASET, self.recipe)
        self.policy = parse(options.policy)
        self.source = "Fashion-MNIST" if real else "made-up images"

    def network(self, seed: int) -> nn.Module:
        """Return the network before training."""
        return build(self.options.model, *self.view.shape[:2], DATASET.classes, seed)

    def theirs(self, seed: int = 0) -> Trained:
        """Train as the papers do."""
        images = PillowImages(
            self.data.images,
            self.data.labels,
            self.policy.members,
            (DATASET.mean[0], DATASET.std[0]),
        )
        how = {"seed": seed, "workers": self.options.workers, "device": self.device}
        return reference(self.network(seed), images, self.recipe, **how)

    def ours(self, precision: str, seed: int = 0) -> Trained:
        """Train as the rule does; its seconds hold a test on the test images an epoch."""
        made = train(
            self.data,
            self.view,
            self.policy,
            {**self.recipe, "precision": precision},
            self.options.model,
            classes=DATASET.classes,
            seed=seed,
            device=self.device,
        )
        return Trained(made.model, made.seconds)

    def correct(self, model: nn.Module) -> np.ndarray:
        """Return which test images a network classifies rightly, in fp32."""
        images = self.view.evaluate(torch.from_numpy(np.array(self.data.test_images)))
        model.eval()
        with torch.inference_mode():
            guesses = [
                model(self.view.normalise(piece, "test").to(self.device)).argmax(1).cpu()
                for piece in images.split(500)
            ]
        return torch.cat(guesses).numpy() == self.data.test_labels

    def step_flops(self) -> int:
        """Return the floating-point operations of one step, forward and backward."""
        with FlopCounterMode(display=False) as counter:
            x = torch.zeros(self.options.batch, *self.view.shape)
            labels = torch.zeros(self.options.batch, dtype=torch.int64)
            cross_entropy(self.network(0)(x), labels).backward()
        return counter.get_total_flops()


def measure_speed(options: argparse.Namespace) -> tuple[Comparison, dict[str, Any]]:
    """Return the seconds of an epoch for each way, and what follows from them."""
    count = None if options.images == "all" else int(options.images)
    whole, few = (Setting(options, images, 1, 1) for images in (count, options.batch))
    ways, warm = (
        {
            "reference": lambda made=made: made.theirs().seconds,
            **{f"reveil {p}": lambda made=made, p=p: made.ours(p).seconds for p in PRECISIONS},
        }
        for made in (whole, few)
    )
    compared = Comparison(paired.alternate(ways, options.repeats, warm_up=warm))
    images = len(whole.data.images)
    flops = few.step_flops() / options.batch * images
    seconds = {name: spread.median for name, spread in compared.seconds.items()}
    return compared, {
        "data": whole.source,
        "images_in_epoch": images,
        "epoch_of_all_seconds": {name: 60_000 / images * spent for name, spent in seconds.items()},
        "flops_per_image": flops / images,
        "gflops_per_second": {name: flops / spent / 1e9 for name, spent in seconds.items()},
    }


def measure_accuracy(options: argparse.Namespace) -> dict[str, Any]:
    """Return the accuracies of both ways on the test images, and their differences."""
    count = None if options.images == "all" else int(options.images)
    made = Setting(options, count, options.epochs, options.tests)
    ways = {"reference": made.theirs}
    ways |= {f"reveil {p}": partial(made.ours, p) for p in PRECISIONS}
    right: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for seed in range(options.seeds):
        for name, way in ways.items():
            right[name].append(made.correct(way(seed=seed).model))
            # Of a run that is stopped its seeds are known all the same.
            print(f"seed {seed}, {name}: {100 * right[name][-1].mean():.2f} %", flush=True)
    # An image counts once, with its mean over the seeds.
    shares = {name: 100 * np.mean(found, axis=0) for name, found in right.items()}
    found: dict[str, Any] = {"accuracy_pct": {}, "difference_pct": {}, "accuracy_pct_by_seed": {}}
    for name, share in shares.items():
        found["accuracy_pct"][name] = float(share.mean())
        found["accuracy_pct_by_seed"][name] = [100 * float(f.mean()) for f in right[name]]
        if name != "reference":
            found["difference_pct"][name] = _gap(right[name], right["reference"])
    found["bf16_to_fp32_pct"] = _gap(right["reveil bf16"], right["reveil fp32"])
    return {**found, "data": made.source, "n_test": len(made.data.test_labels)}


def _gap(ours: list[np.ndarray], theirs: list[np.ndarray]) -> list[float]:
    """Return the difference of accuracies in points with its interval, from right answers by seed.

    Over seeds, as trainings differ by more than test images do; with one seed over images alone.
    """
    differences = 100 * (np.array(ours, float) - np.array(theirs, float))
    gap = mean_interval(differences.mean(axis=1) if len(ours) > 1 else differences[0])
    return [gap.value, gap.low, gap.high]


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = paired.parser(__doc__)
    parser.add_argument("--model", default="resnet20-4", help="name of the network")
    parser.add_argument("--policy", default="3-1-7", help="policy of the training images")
    parser.add_argument("--images", default="1024", help="images in the epoch, or all")
    parser.add_argument("--batch", type=int, default=128, help="images in a step")
    parser.add_argument("--workers", type=int, default=2, help="of the reference's DataLoader")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="bf16",
        help="the one whose ratio is printed last",
    )
    parser.add_argument("--accuracy", action="store_true", help="compare accuracies, not seconds")
    parser.add_argument("--epochs", type=int, default=3, help="of a training, with --accuracy")
    parser.add_argument("--seeds", type=int, default=1, help="trainings a way, with --accuracy")
    parser.add_argument("--tests", type=int, help="test images, with --accuracy; all if left out")
    parser.add_argument("--learning-rate", type=float, default=0.1, help="of the first epochs")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    if options.accuracy:
        found = measure_accuracy(options)
        for name, share in found["accuracy_pct"].items():
            gap = found["difference_pct"].get(name)
            beside = "" if gap is None else "{:+.2f} ({:+.2f} to {:+.2f})".format(*gap)
            print(f"{name:16}{share:8.2f} %  {beside}")
        print("bf16 to fp32    {:+8.2f}    ({:+.2f} to {:+.2f})".format(*found["bf16_to_fp32_pct"]))
        paired.write(options, device, found)
        return
    compared, own = measure_speed(options)
    ratios = compared.ratios
    print(f"{'':16}{'s per epoch':>12}{'images/s':>12}{'Gflop/s':>10}{'ratio':>8}  range")
    for name, (_, spent, _) in compared.seconds.items():
        speed = f"{spent:12.3f}{own['images_in_epoch'] / spent:12.1f}"
        speed += f"{own['gflops_per_second'][name]:10.1f}"
        print(f"{name:16}{speed}{ratios[name].median:8.2f}  {ratios[name]}")
    ratio = ratios[f"reveil {options.precision}"]
    own |= {"ratio": ratio.median, "ratio_range": ratio.range}
    paired.write(options, device, compared.facts() | own)
    print(f"ratio: {ratio.median:.1f}")


if __name__ == "__main__":
    main()
