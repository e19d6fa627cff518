"""What plug-ins are tried on: images, networks and surroundings that are made up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from reveil.datasets import SPLITS, Dataset
from reveil.job import State
from reveil.plugins import calling
from reveil.plugins.known import Declared
from reveil.rng import generator
from reveil.views import View

# Channels, size in pixels, and classes.
Form = tuple[int, int, int]


@dataclass(frozen=True)
class Settings:
    """What trials share.

    Attributes:
        forms: of the images that are made up; each trial is made with each of them.
        root: of the repository, whose presets are taken.
    """

    forms: Sequence[Form]
    root: Path


class Images(NamedTuple):
    """Images as they are prepared: uint8 (N, C, H, W), and int64 labels (N,)."""

    pixels: np.ndarray
    labels: np.ndarray


def images(form: Form, count: int) -> Images:
    """Return blots of colour with some noise, the same at every call."""
    channels, size, classes = form
    source = generator(0, "plug-in", "images", *form)
    coarse = torch.rand(count, channels, 4, 4, generator=source)
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")
    noisy = smooth + 0.05 * torch.randn(smooth.shape, generator=source)
    pixels = (255 * noisy.clamp(0, 1)).round().to(torch.uint8)
    return Images(pixels.numpy(), (torch.arange(count) % classes).numpy())


def view(form: Form) -> View:
    """Return how such images reach a network."""
    channels, size, classes = form
    half = (0.5,) * channels
    dataset = Dataset(
        *("made-up", "made up", "made-up", "plug-in"),
        channels=channels,
        size=size,
        classes=classes,
        counts=MappingProxyType(dict.fromkeys(SPLITS, 0)),
        mean=half,
        std=half,
        archives=(),
    )
    return View(dataset, "native", channels, "dataset")


class Unwritten(State):
    """The state of a job, kept in memory: always due, and nothing to go on with at first."""

    def __init__(self) -> None:
        super().__init__(Path("scratch"), {})
        self._kept: tuple[dict[str, Tensor], dict[str, Any]] | None = None

    def due(self) -> bool:
        return True

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        plain = {name: value.detach().cpu().clone() for name, value in tensors.items()}
        self._kept = plain, json.loads(json.dumps(dict(facts)))

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        return self._kept

    def clear(self) -> None:
        self._kept = None


def require_finite(one: Declared, loss: Tensor, network: nn.Module) -> None:
    """Refuse a first step of training that leads nowhere.

    Raises:
        PluginError: the loss, or the gradient of a weight, is not finite.
    """
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    if not all(torch.isfinite(values).all() for values in (loss, *gradients)):
        calling.refuse(one, "has a gradient that is not finite in training, expected numbers")


def counted(count: int, noun: str, shown: str = "") -> str:
    """Return ``1 epoch``, or ``2 epochs``; in place of the number what is shown."""
    return f"{shown or count} {noun}{'s' * (count != 1)}"


def listed(things: Sequence[object]) -> str:
    """Return ``a``, or ``a and b``."""
    *first, last = map(str, things)
    return f"{', '.join(first)} and {last}" if first else last
