"""What trainings against a critic share, in every study."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """Return E(|dD/dz| - 1)^2 at z = u a + (1 - u) a' (Gulrajani et al. 2017, equation 3).

    Args:
        critic: (B, ...) to scores of any shape.
        real, fake: a and a', (B, ...), without gradient.
        shares: u, (B,) in [0, 1].
    """
    u = shares.to(real).view(-1, *(1,) * (real.dim() - 1))
    between = (u * real + (1 - u) * fake).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norms = torch.linalg.vector_norm(gradients.float().flatten(1), dim=1)
    return (norms - 1).square().mean()


@contextmanager
def frozen(critic: nn.Module) -> Iterator[None]:
    """Keep the critic's weights out of the graphs made inside the block."""
    critic.requires_grad_(False)
    try:
        yield
    finally:
        critic.requires_grad_(True)
