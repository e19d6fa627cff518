"""What a training of a reconstruction notes of its steps."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

# What a row of the history averages over the steps since the last row.
LOSSES = (
    "loss_d",
    "loss_g",
    "loss_adversarial",
    "loss_likelihood",
    "loss_supervised",
    "loss_kl",
    "d_real",
    "d_fake_before",
    "d_fake_at",
    "grad_norm_g",
)


def in_order(seen: Mapping[str, Tensor]) -> Tensor:
    """Return what a step saw, float64 in the order of ``LOSSES``, not a number where it did not.

    Args:
        seen: at least one value, () each, on one device.
    """
    missing = torch.full_like(next(iter(seen.values())), math.nan)
    return torch.stack([seen.get(name, missing).double() for name in LOSSES])


def means(seen: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of each value over the steps that have it."""
    seen = list(seen)
    names = dict.fromkeys(name for values in seen for name in values)
    return {
        name: torch.stack([values[name] for values in seen if name in values]).mean()
        for name in names
    }
