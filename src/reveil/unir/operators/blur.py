"""Convolution and noise: UNIR's Convolve-Noise (2.1), AmbientGAN's Convolve + noise (2.4)."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from reveil.unir.operators.base import Operator
from reveil.unir.operators.settings import OperatorSettings


def kernel_line(settings: OperatorSettings) -> tuple[float, ...]:
    """Return the k weights whose outer product with themselves is the kernel; their sum is 1."""
    half = settings.kernel_size // 2
    if settings.kernel == "mean":
        return (1 / settings.kernel_size,) * settings.kernel_size
    scale = 2 * settings.kernel_radius**2
    weights = [math.exp(-(i**2) / scale) for i in range(-half, half + 1)]
    return tuple(weight / sum(weights) for weight in weights)


class Blur(Operator):
    """Each channel convolved with a k x k kernel, zeros around it, plus noise; theta is the noise.

    Without noise theta is one zero an image.
    """

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, C, H, W) of the standard deviation ``noise_std``; (n, 1, 1, 1) without noise."""
        if not self.settings.noise_std:
            return torch.zeros(n, 1, 1, 1)
        return torch.randn(n, *self.shape, generator=generator) * self.settings.noise_std

    def apply(self, x: Tensor, theta: Tensor) -> Tensor:
        """Return the blurred images plus theta."""
        return self.without_noise(x, theta) + theta.to(x.dtype)

    def without_noise(self, x: Tensor, theta: Tensor) -> Tensor:
        """Return the blurred images.

        Both passes are shifted sums in a fixed order: a convolution's order of summation may change
        with the batch, and then an image would not be measured alike in every batch.
        """
        weights = kernel_line(self.settings)
        return _along(_along(x, weights, 2), weights, 3)


def _along(x: Tensor, weights: tuple[float, ...], dim: int) -> Tensor:
    half, size = len(weights) // 2, x.shape[dim]
    padded = functional.pad(x, (0, 0, half, half) if dim == 2 else (half, half, 0, 0))
    total = padded.narrow(dim, 0, size) * weights[0]
    for offset, weight in enumerate(weights[1:], start=1):
        total = total + padded.narrow(dim, offset, size) * weight
    return total
