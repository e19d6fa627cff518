"""Complex feature maps as one real tensor: the real parts of a batch first, then the imaginary.

A stacked tensor is (2B, ...). Whatever is linear without bias, and shared by both parts, acts on it
as on any batch; only what looks at the modulus has to see both halves.
"""

import math

import torch
from torch import Tensor


def stack(real: Tensor, imaginary: Tensor) -> Tensor:
    """Return (2B, ...) of two (B, ...)."""
    return torch.cat([real, imaginary])


def parts(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the real and the imaginary parts, (B, ...) each, of a stacked tensor."""
    return tuple(x.unflatten(0, (2, -1)).unbind())


def square_modulus(x: Tensor) -> Tensor:
    """Return |x|^2, (B, ...), of a stacked tensor."""
    return x.square().unflatten(0, (2, -1)).sum(0)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Return exp(i angle) x, every sample by its own angle (Xiang et al. 2020, equation 1).

    Args:
        x: stacked, (2B, ...).
        angles: (B,) in radians.
    """
    real, imaginary = parts(x)
    cosine, sine = (_spread(f(angles), real) for f in (torch.cos, torch.sin))
    return stack(real * cosine - imaginary * sine, real * sine + imaginary * cosine)


def real_part(x: Tensor, angles: Tensor) -> Tensor:
    """Return Re[x exp(-i angle)], (B, ...): what a guess at the angle takes for the features.

    Args:
        x: stacked, (2B, ...).
        angles: (B,) in radians.
    """
    real, imaginary = parts(x)
    return real * _spread(torch.cos(angles), real) + imaginary * _spread(torch.sin(angles), real)


def imaginary_part(x: Tensor, angles: Tensor) -> Tensor:
    """Return Im[x exp(-i angle)], (B, ...); the arguments are those of :func:`real_part`."""
    return real_part(x, angles + math.pi / 2)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.dtype).view(-1, *(1,) * (like.dim() - 1))
