"""What an attacker believes of images before any gradient: where to start, and smoothness."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reveil.rng import generator

Shape = Sequence[int]

# All in normalised space, as in the published attacks; `rand` is uniform on [-1, 1].
INITS: dict[str, Callable[[Shape, torch.Generator], Tensor]] = {
    "randn": lambda shape, stream: torch.randn(*shape, generator=stream),
    "rand": lambda shape, stream: 2 * torch.rand(*shape, generator=stream) - 1,
    "zeros": lambda shape, stream: torch.zeros(*shape),
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
