"""A private network small enough to compute by hand, and images for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from reveil import datasets
from reveil.cvnn.attackers.interface import OwnData
from reveil.cvnn.protections import Protection, from_values
from reveil.cvnn.stacked import rotate, stack
from reveil.views import View

PRESETS = Path(__file__).parents[1] / "config"
DATASET = replace(datasets.get("cifar10"), size=8, mean=(0.5,) * 3, std=(0.25,) * 3)
VIEW = View(DATASET, "native", 3, "dataset")


def protection(**changes) -> Protection:
    """The recommended protection with some keys changed; kinds without rotation need no more."""
    values = yaml.safe_load((PRESETS / "protections" / "default.yaml").read_text())
    if changes.get("kind", "rotation") != "rotation":
        values |= {"adversary": "none", "gamma": 0.5 if changes["kind"] == "noisy" else 0.0}
    return from_values("made-up", {**values, **changes})


def attack(**changes) -> dict:
    """The default attack on features with some keys changed."""
    return {**yaml.safe_load((PRESETS / "feature_attacks" / "default.yaml").read_text()), **changes}


class Toy(nn.Module):
    """The interface of a private network around an encoder that mixes the colours."""

    def __init__(self, **changes) -> None:
        super().__init__()
        self.protection = protection(**changes)
        self.encoder = nn.Conv2d(3, 4, 1, bias=False)
        weights = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(0))
        self.encoder.weight = nn.Parameter(weights)
        self.feature_shape = (4, 8, 8)
        self.calls: list[int] = []

    def encode(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        return self.encoder(images)

    def hide(self, a: Tensor, b: Tensor, angles: Tensor, swapped: Tensor) -> Tensor:
        rows = swapped.view(-1, 1, 1, 1)
        return rotate(stack(torch.where(rows, b, a), torch.where(rows, a, b)), angles)

    def noisy(self, a: Tensor, noise: Tensor) -> Tensor:
        return a + self.protection.gamma * noise


def pixels(count: int, seed: int = 0, size: int = 8) -> np.ndarray:
    """Made-up images, uint8 (count, 3, size, size): a colour each, and a little noise."""
    draws = np.random.default_rng(seed)
    colours = draws.integers(30, 226, (count, 3, 1, 1))
    return (colours + draws.integers(-20, 21, (count, 3, size, size))).astype(np.uint8)


def own_data(network, count: int = 40, *, name: str = "made-up", **more) -> OwnData:
    """Own images of an attacker on a :class:`Toy`."""
    shown = torch.from_numpy(pixels(count, seed=1))
    labels = torch.arange(count) % 10
    return OwnData(network, VIEW, shown, labels, attack=name, seed=3, **more)


class Largest(TorchDispatchMode):
    """What is computed inside, but for views of other tensors: the bytes of the largest."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and not function.is_view:
            self.bytes = max(self.bytes, made.nbytes)
        return made
