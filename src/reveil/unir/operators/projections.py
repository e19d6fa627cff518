"""Pad-rotate-project: sums along one axis of the rotated image (section 2.4)."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from reveil.unir.operators.base import Operator


class Project(Operator):
    """Vectors of the sums of rows after rotations about the centre; theta is the angles.

    A measurement has, for each angle, the S sums of each channel, and after all of them the angles
    if ``with_theta``.
    """

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(L,) with L = angles * C * S, or angles more; S is the side of the padded image."""
        each = self.shape[0] * self._side + int(self.settings.with_theta)
        return (self.settings.angles * each,)

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, angles) uniform in [-pi, pi), in radians."""
        return (2 * torch.rand(n, self.settings.angles, generator=generator) - 1) * math.pi

    def apply(self, x: Tensor, theta: Tensor) -> Tensor:
        """Return (n, L)."""
        turned = [self.rotated(x, theta[:, angle]) for angle in range(theta.shape[1])]
        parts = [image.sum(3).flatten(1) for image in turned]
        if self.settings.with_theta:
            parts.append(theta.to(x.dtype))
        return torch.cat(parts, 1)

    def rotated(self, x: Tensor, angles: Tensor) -> Tensor:
        """Return the padded images (n, C, S, S), rotated anticlockwise by angles (n,) in radians.

        A pixel takes the value of its nearest neighbour, or 0 from outside the image.
        """
        margin, side = self.settings.margin(self.shape[1]), self._side
        padded = functional.pad(x, (margin,) * 4)
        centred = torch.arange(side, device=x.device) - (side - 1) / 2
        up, right = -centred[:, None], centred[None, :]
        cos, sin = angles.cos()[:, None, None], angles.sin()[:, None, None]
        # Where the pixel at (right, up) was before: the opposite rotation.
        columns = (cos * right + sin * up + (side - 1) / 2).round().long()
        rows = (sin * right - cos * up + (side - 1) / 2).round().long()
        within = (columns >= 0) & (columns < side) & (rows >= 0) & (rows < side)
        places = (rows.clamp(0, side - 1) * side + columns.clamp(0, side - 1)).flatten(1)
        places = places[:, None].expand(-1, x.shape[1], -1)
        turned = padded.flatten(2).gather(2, places).view_as(padded)
        return torch.where(within[:, None], turned, 0)

    @property
    def _side(self) -> int:
        return self.shape[1] + 2 * self.settings.margin(self.shape[1])
