"""Operators that remove values and leave the others where they are (sections 2.1 and 2.4)."""

import math
from abc import abstractmethod

import torch
from torch import Tensor

from reveil.unir.operators.base import Operator
from reveil.unir.operators.positions import inside, sample_positions
from reveil.unir.operators.settings import whole_part


class Masking(Operator):
    """y = m x + (1 - m) fill, with m = 1 where a value is observed (section 2.1)."""

    @abstractmethod
    def kept(self, theta: Tensor) -> Tensor:
        """Return (n, C or 1, H, W) bool, true where a value is observed."""

    def apply(self, x: Tensor, theta: Tensor) -> Tensor:
        """Return y with ``fill`` where values are missing."""
        factor = self.settings.factor
        values = x if factor == 1 else x * factor
        return torch.where(self.kept(theta), values, self.settings.fill)

    def mask(self, theta: Tensor) -> Tensor:
        """Return the mask m as float32."""
        return self.kept(theta).float()

    def observed(self, y: Tensor) -> Tensor | None:
        """Return m read off y: a value that equals ``fill`` is missing (section 2.3)."""
        if not self.observable:
            return None
        kept = y != self.settings.fill
        return (kept if self._mask_channels() > 1 else kept.any(1, keepdim=True)).float()

    def observed_values(self, y: Tensor) -> Tensor:
        """Return y without the factor of ``rescale``."""
        factor = self.settings.factor
        return y if factor == 1 else y / factor

    def _mask_channels(self) -> int:
        return 1


class Identity(Masking):
    """y = x: nothing is missing, and theta says nothing."""

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Return (n, 0); the generator is left as it is."""
        return torch.zeros(n, 0)

    def kept(self, theta: Tensor) -> Tensor:
        """Return (n, 1, H, W), true throughout."""
        return theta.new_ones(len(theta), 1, *self.shape[1:], dtype=torch.bool)

    def observed(self, y: Tensor) -> Tensor:
        """Return (n, 1, H, W) of ones, whatever the values are."""
        return y.new_ones(len(y), 1, *self.shape[1:], dtype=torch.float32)


class Scattered(Masking):
    """Values or sites anywhere in the image are missing; theta is the mask, bool."""

    def kept(self, theta: Tensor) -> Tensor:
        """Return theta."""
        return theta

    def _mask_channels(self) -> int:
        return self.shape[0] if self.settings.per_channel else 1


class Pixels(Scattered):
    """Remove-Pixel, Remove-Pixel-Dark (2.1) and Block-pixels (2.4)."""

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, C or 1, H, W) bool: exactly floor(p N) false ones each, or each with p."""
        shape = (n, self._mask_channels(), *self.shape[1:])
        values = math.prod(shape[1:])
        if self.settings.count == "bernoulli":
            return torch.rand(shape, generator=generator) >= self.settings.share
        missing = whole_part(self.settings.share, values)
        kept = torch.ones(n, values, dtype=torch.bool)
        for image in kept:
            image[torch.randperm(values, generator=generator)[:missing]] = False
        return kept.view(shape)


class Rectangle(Masking):
    """Patch-Band (2.1), Block-patch and Keep-patch (2.4); theta is the upper left corner."""

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, 2) row and column of the corner, int64."""
        return sample_positions(self.settings, self.shape, n, generator)

    def kept(self, theta: Tensor) -> Tensor:
        """Return (n, 1, H, W): outside the rectangle, or inside if ``keep``."""
        within = inside(self.settings, self.shape, theta)
        return within if self.settings.keep else ~within
