"""How well reconstructions of held-out measurements explain them: seen without a clean image."""

from collections.abc import Callable

import torch
from torch import Tensor

from reveil.unir.operators.base import Operator
from reveil.unir.operators.measurements import Measurements

# Measurements that are reconstructed at every look.
COUNT = 256


class Residual:
    """The mean of (F(G(y); theta) - y)^2 over values that are observed, or over all without a mask.

    Theta is the one that made y, without its noise; it is used for this number alone.

    Args:
        measurements: the first 256 are used.
        operator: what made them.
        arrange: puts tensors on the device.
    """

    def __init__(
        self, measurements: Measurements, operator: Operator, arrange: Callable[[Tensor], Tensor]
    ) -> None:
        rows = range(min(COUNT, len(measurements)))
        theta, y = measurements.theta(rows), measurements.y(rows)
        mask = operator.mask(theta)
        self.operator, self.y = operator, arrange(y)
        self.theta = theta.to(self.y.device)
        self.mask = torch.ones_like(self.y) if mask is None else arrange(mask.expand_as(y))

    @torch.no_grad()
    def __call__(self, reconstruct: Callable[[Tensor], Tensor], batch: int) -> float:
        """Return the residual of a reconstruction.

        Args:
            reconstruct: (B, ...) to (B, C, H, W).
            batch: how many are reconstructed at a time.
        """
        x_hat = torch.cat([reconstruct(piece) for piece in self.y.split(batch)])
        errors = (self.operator.without_noise(x_hat, self.theta) - self.y).square()
        return ((self.mask * errors).sum() / self.mask.sum().clamp(min=1)).item()
