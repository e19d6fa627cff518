"""Time an epoch of training against one written as the papers do: one image at a time.

The reference loads every image through a dataset object, crops, mirrors and transforms it with
Pillow, stacks a batch, and steps in single precision with the channels first. Ours is what the
rule `train_model` runs. Both train the same network on the same made-up images, in turns, so that
other load on the machine falls on both; the last line is the median of the repeats' ratios.

    python benchmarks/training.py --model resnet20-4 --images 256 --threads 2
"""

import argparse
import random
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

import paired
import source  # noqa: F401
from paired import Comparison
from reveil import datasets
from reveil.job import choose_device
from reveil.library import LIBRARY
from reveil.models import build
from reveil.policies import Policy, parse
from reveil.rng import generator
from reveil.training import TrainingData, train
from reveil.views import view_for
from transforms import PILLOW

DATASET = datasets.get("cifar100")
PRECISIONS = ("fp32", "bf16")
RECIPE: dict[str, Any] = {
    "epochs": 1,
    "drop_last": False,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 5e-4,
    "milestones": [],
    "gamma": 0.1,
    "loss_factor": 1.0,
    "augment": "crop_flip",
    "normalisation": "dataset",
    "fmnist_pipeline": "orig",
    "policy_channels": 3,
    "defence": "none",
    "stop_after": None,
}


class PillowImages(Dataset):
    """Images that are cropped, mirrored, transformed and normalised when they are asked for."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, policy: Policy) -> None:
        self.images, self.labels, self.policy = images.transpose(0, 2, 3, 1), labels, policy
        self.mean, self.std = (
            torch.tensor(values)[:, None, None] for values in (DATASET.mean, DATASET.std)
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = ImageOps.expand(Image.fromarray(self.images[index]), border=4)
        left, top = random.randrange(9), random.randrange(9)
        image = image.crop((left, top, left + 32, top + 32))
        if random.random() < 0.5:
            image = ImageOps.mirror(image)
        for number in random.choice(self.policy.members):
            operation, sign = LIBRARY[number], random.choice((-1, 1))
            image = PILLOW[operation.name](image, operation.value, sign)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return (pixels.float() / 255 - self.mean) / self.std, int(self.labels[index])


def reference_epoch(options: argparse.Namespace, data: TrainingData) -> float:
    """Train for one epoch as the papers do and return the seconds it took."""
    device = choose_device(options.device)
    model = build(options.model, DATASET.channels, DATASET.size, DATASET.classes, 0).to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    images = PillowImages(data.images, data.labels, parse(options.policy))
    start = time.perf_counter()
    for inputs, labels in DataLoader(images, options.batch, shuffle=True):
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()
        loss.item()
    return time.perf_counter() - start


def our_epoch(options: argparse.Namespace, data: TrainingData, precision: str) -> float:
    """Train for one epoch with reveil and return its seconds, the test of one image included."""
    recipe = {**RECIPE, "batch_size": options.batch, "precision": precision}
    trained = train(
        data,
        view_for(DATASET, recipe),
        parse(options.policy),
        recipe,
        options.model,
        classes=DATASET.classes,
        seed=0,
        device=choose_device(options.device),
    )
    return trained.seconds


def made_up(count: int) -> TrainingData:
    """Return random images and labels, and one test image."""
    stream = generator(0, "benchmark-training")
    shape = (count, DATASET.channels, DATASET.size, DATASET.size)
    images = torch.randint(0, 256, shape, generator=stream, dtype=torch.uint8).numpy()
    labels = torch.randint(0, DATASET.classes, (count,), generator=stream).numpy()
    return TrainingData(images, labels, np.arange(count), images[:1], labels[:1])


def measure(options: argparse.Namespace) -> Comparison:
    """Return the seconds of an epoch for each way."""
    data, warm = made_up(options.images), made_up(options.batch)
    ways = {
        "reference": partial(reference_epoch, options),
        **{f"reveil {p}": partial(our_epoch, options, precision=p) for p in PRECISIONS},
    }
    on_all, on_few = (
        {name: partial(way, images) for name, way in ways.items()} for images in (data, warm)
    )
    return Comparison(paired.alternate(on_all, options.repeats, warm_up=on_few))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet20-4", help="name of the network")
    parser.add_argument("--policy", default="3-1-7", help="policy of the training images")
    parser.add_argument("--images", type=int, default=256, help="images in the epoch")
    parser.add_argument("--batch", type=int, default=128, help="images in a step")
    parser.add_argument("--repeats", type=int, default=3, help="times each way is run")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="fp32",
        help="the one whose ratio is printed last",
    )
    parser.add_argument("--json", type=Path, help="write the results here as well")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    compared = measure(options)
    ratios = compared.ratios
    print(f"{'':16}{'s per epoch':>12}{'images/s':>12}{'ratio':>8}  range")
    for name, (_, spent, _) in compared.seconds.items():
        speed = f"{spent:12.3f}{options.images / spent:12.1f}"
        print(f"{name:16}{speed}{ratios[name].median:8.2f}  {ratios[name]}")
    ratio = ratios[f"reveil {options.precision}"]
    own = {"ratio": ratio.median, "ratio_range": ratio.range}
    paired.write(options, choose_device(options.device), compared.facts() | own)
    print(f"ratio: {ratio.median:.1f}")


if __name__ == "__main__":
    main()
