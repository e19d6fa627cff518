"""What an attacker believes of images before any gradient: where to start, and what is likely.

Every prior is a function of (B, C, H, W) normalised images and returns (B,) penalties, of weight 1;
those of a model, which look at what it computes, are in :mod:`reveil.attacks.regularisation`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reveil.rng import generator

Shape = Sequence[int]
PATTERN = 4
# Keeps the root of the squared differences of equal pixels differentiable.
TINY = 1e-8


def _patterned(shape: Shape, stream: torch.Generator) -> Tensor:
    """Repeat one N(0, 1) square of ``PATTERN`` pixels over the image (Wei et al. 2020)."""
    channels, height, width = shape
    square = torch.randn(channels, PATTERN, PATTERN, generator=stream)
    repeats = (1, -(-height // PATTERN), -(-width // PATTERN))
    return square.repeat(repeats)[:, :height, :width].contiguous()


# All in normalised space, as in the published attacks; `rand` is uniform on [-1, 1].
INITS: dict[str, Callable[[Shape, torch.Generator], Tensor]] = {
    "randn": lambda shape, stream: torch.randn(*shape, generator=stream),
    "rand": lambda shape, stream: 2 * torch.rand(*shape, generator=stream) - 1,
    "zeros": lambda shape, stream: torch.zeros(*shape),
    "patterned-4": _patterned,
}


def start(
    init: str,
    images: Sequence[int],
    shape: Shape,
    seed: int,
    restart: int,
    *,
    purpose: str = "attack",
) -> Tensor:
    """Return (B, C, H, W) starting points, each from the stream (seed, purpose, image, restart)."""
    draw = INITS[init]
    return torch.stack([draw(shape, generator(seed, purpose, i, restart)) for i in images])


def total_variation(x: Tensor) -> Tensor:
    """Return (B,) mean |horizontal difference| + mean |vertical difference|, for each image."""
    horizontal = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3))
    vertical = (x[..., 1:, :] - x[..., :-1, :]).abs().mean((1, 2, 3))
    return horizontal + vertical


def opponents_variation(x: Tensor) -> Tensor:
    """Return the (B,) isotropic total variation of colours and their double opponents.

    The mean of sqrt(horizontal difference^2 + vertical difference^2) over pixels and channels, to
    which R-G, R-B and G-B are added where there are three (``modern`` of the breaching library,
    after Astrom et al. 2016). Differences across the border count as none.
    """
    if x.shape[1] == 3:
        red, green, blue = x.split(1, 1)
        x = torch.cat([x, red - green, red - blue, green - blue], 1)
    horizontal = torch.nn.functional.pad(x[..., 1:] - x[..., :-1], (0, 1))
    vertical = torch.nn.functional.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))
    squares = (horizontal.abs() + TINY).square() + (vertical.abs() + TINY).square()
    return squares.sqrt().mean((1, 2, 3))


TV_FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": total_variation,
    "double_opponents": opponents_variation,
}


def half_mean_square(x: Tensor) -> Tensor:
    """Return (B,) halves of the mean square of each image."""
    return x.square().mean((1, 2, 3)) / 2
