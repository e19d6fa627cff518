"""What one image meets on its way through a network, found by sending one of zeros."""

import torch
from torch import Tensor, nn


def convolved_positions(
    model: nn.Module, shape: tuple[int, int, int]
) -> list[tuple[nn.Conv2d, int]]:
    """Return the convolutions that a (C, H, W) image passes, and the positions out of each.

    Returns:
        One pair a call, in order; positions are height times width of what leaves the layer.
    """
    met: list[tuple[nn.Conv2d, int]] = []

    def note(layer: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        met.append((layer, output.shape[-1] * output.shape[-2]))

    hooks = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, nn.Conv2d)]
    try:
        with torch.no_grad():
            like = next(model.parameters())
            model(torch.zeros(1, *shape, dtype=like.dtype, device=like.device))
    finally:
        for hook in hooks:
            hook.remove()
    return met
