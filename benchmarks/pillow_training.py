"""Training as the papers run it: Pillow transforms in the workers of a DataLoader, and fp32.

Written after the protocol of Gao et al. 2021 with `torch.optim` and Pillow and nothing of reveil
but the network and the list of transformations, so that the rule `train_model` has something to be
measured against.
"""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

import source  # noqa: F401
from reveil.library import LIBRARY
from transforms import PILLOW

SIZE, PADDING = 32, 4


class Trained(NamedTuple):
    """A trained network, and the seconds of its epochs."""

    model: nn.Module
    seconds: float


def augmented(pixels: np.ndarray, members: Sequence[Sequence[int]]) -> Image.Image:
    """Return a grey image (H, W) uint8 cropped, mirrored and transformed as a victim would."""
    image = ImageOps.expand(Image.fromarray(pixels), border=PADDING)
    left, top = (random.randrange(side - SIZE + 1) for side in image.size)
    image = image.crop((left, top, left + SIZE, top + SIZE))
    if random.random() < 0.5:
        image = ImageOps.mirror(image)
    image = image.convert("RGB")
    for number in random.choice(members):
        operation, sign = LIBRARY[number], random.choice((-1, 1))
        image = PILLOW[operation.name](image, operation.value, sign)
    return image.convert("L")


class PillowImages(Dataset):
    """Images that are augmented and normalised when they are asked for."""

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        members: Sequence[Sequence[int]],
        constants: tuple[float, float],
    ) -> None:
        self.images, self.labels, self.members = images[:, 0], labels, members
        self.mean, self.std = constants

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = augmented(self.images[index], self.members)
        pixels = torch.from_numpy(np.array(image))[None]
        return (pixels.float() / 255 - self.mean) / self.std, int(self.labels[index])


def seed_worker(number: int) -> None:
    """Give a worker draws of its own, which follow from the seed of the run."""
    random.seed(torch.initial_seed() + number)


def reference(
    model: nn.Module,
    images: PillowImages,
    recipe: Mapping[str, Any],
    *,
    seed: int,
    workers: int,
    device: torch.device,
) -> Trained:
    """Train for the epochs of the recipe; the start of the workers counts, a test does not."""
    torch.manual_seed(seed)
    random.seed(seed)
    model = model.to(device).train()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe["learning_rate"],
        momentum=recipe["momentum"],
        nesterov=recipe["nesterov"],
        weight_decay=recipe["weight_decay"],
    )
    marks = [int(recipe["epochs"] // divisor) for divisor in recipe["milestones"]]
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, marks, recipe["gamma"])
    loader = DataLoader(
        images,
        recipe["batch_size"],
        shuffle=True,
        num_workers=workers,
        worker_init_fn=seed_worker,
        pin_memory=device.type == "cuda",
    )
    start = time.perf_counter()
    for _ in range(recipe["epochs"]):
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
            loss.item()
        scheduler.step()
    return Trained(model, time.perf_counter() - start)
