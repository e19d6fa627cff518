"""Operators of the presets, and images for them."""

import numpy as np
import torch
import yaml
from torch import Tensor

from reveil.unir.operators.base import Operator
from reveil.unir.operators.interface import make
from reveil.unir.operators.settings import OperatorSettings, from_values
from tests.workflow import ROOT

FOLDER = ROOT / "config" / "operators"
PRESETS = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "default")


def values(preset: str) -> dict:
    """Every key of a preset."""
    own = yaml.safe_load((FOLDER / f"{preset}.yaml").read_text(encoding="utf-8"))
    base = own.pop("base", "default")
    return own if preset == "default" else {**values(base), **own}


def settings(preset: str = "default", **changes) -> OperatorSettings:
    """A preset with some keys changed."""
    return from_values(preset, {**values(preset), **changes})


def operator(preset: str = "default", shape=(3, 8, 8), **changes) -> Operator:
    """The operator of a preset with some keys changed."""
    return make(settings(preset, **changes), shape)


def pixels(count: int, shape=(3, 8, 8), seed: int = 0) -> np.ndarray:
    """(count, C, H, W) uint8, noise of all values."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def images(count: int, shape=(3, 8, 8), seed: int = 0) -> Tensor:
    """(count, C, H, W) float32 in [-1, 1], as 8-bit images are."""
    return torch.from_numpy(pixels(count, shape, seed)).float() / 127.5 - 1


def source(seed: int = 0) -> torch.Generator:
    """A generator of the CPU."""
    return torch.Generator().manual_seed(seed)
