"""Learning to reconstruct from measurements alone: hide observed values, and ask for them.

For masks that can be seen. Half of the observed values are hidden from G, which is asked for them;
no clean image and no discriminator are used. At test time G gets the whole measurement.
"""

import torch
from torch import Tensor

SHARE = 0.5


def split(
    y: Tensor, observed: Tensor, fill: float, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return (what G sees, mask of the values that were observed and are hidden from it).

    Args:
        y: (B, C, H, W) in [-1, 1].
        observed: (B, C or 1, H, W), 1 = observed.
        fill: value of what is missing.
        source: CPU generator.
    """
    kept = (torch.rand(observed.shape, generator=source) >= SHARE).to(observed)
    return torch.where((observed * kept).bool(), y, fill), observed * (1 - kept)


def hidden_error(x_hat: Tensor, values: Tensor, hidden: Tensor) -> Tensor:
    """Return the mean squared error of hidden values, 0 where there is none.

    Args:
        x_hat, values: (B, C, H, W), reconstructions and observed values on their scale.
        hidden: (B, C or 1, H, W), 1 = observed and hidden.
    """
    hidden = hidden.expand_as(values)
    return (hidden * (x_hat - values).square()).sum() / hidden.sum().clamp(min=1)
