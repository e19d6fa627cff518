"""The part of a blurring operator that is the same for all images."""

from collections.abc import Callable

import torch
from torch import Tensor

from reveil.unir.operators.base import Operator


def blur_of(operator: Operator) -> Callable[[Tensor], Tensor]:
    """Return x -> blur(x) without noise, for (B, C, H, W) images.

    Theta of a blur is its noise, which the result has not: any will do.
    """
    theta = operator.sample_theta(1, torch.Generator().manual_seed(0))

    def blur(x: Tensor) -> Tensor:
        return operator.without_noise(x, theta.to(x).expand(len(x), *theta.shape[1:]))

    return blur


def kernel_of(operator: Operator) -> Tensor:
    """Return (k, k) float64 weights of the blur, k = kernel_size.

    Read off the response to a single bright pixel, so that it is the operator's own.
    """
    size = operator.settings.kernel_size
    channels, height, width = operator.shape
    point = torch.zeros(1, channels, height, width, dtype=torch.float64)
    row, column, reach = height // 2, width // 2, size // 2
    point[..., row, column] = 1
    response = blur_of(operator)(point)[0, 0]
    return response[row - reach : row + reach + 1, column - reach : column + reach + 1]
