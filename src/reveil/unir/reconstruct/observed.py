"""What a measurement with missing values shows, and the simplest fill of the rest."""

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.unir.operators.base import Operator


def seen(y: Tensor, operator: Operator) -> tuple[Tensor, Tensor]:
    """Return (values, mask), (B, C, H, W) float and bool; missing values are 0.

    The mask is read off y, as no method is told theta.

    Raises:
        ReveilError: the mask cannot be read off this operator's measurements.
    """
    mask = operator.observed(y)
    if mask is None:
        raise ReveilError(
            f"operator {operator.settings.name!r}: its mask cannot be read off a measurement"
        )
    mask = mask.bool().expand_as(y)
    return torch.where(mask, operator.observed_values(y), 0), mask


def mean_filled(values: Tensor, mask: Tensor) -> Tensor:
    """Return values with the mean of the observed ones of the channel where they are missing.

    A channel of which nothing is observed becomes 0, mid-grey.

    Args:
        values: (B, C, H, W), 0 where missing.
        mask: likewise, bool.
    """
    count = mask.sum((-2, -1), keepdim=True)
    mean = values.sum((-2, -1), keepdim=True) / count.clamp(min=1)
    return torch.where(mask, values, mean)
