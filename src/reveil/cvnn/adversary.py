"""The adversary of an encoder: a Wasserstein critic of features (Xiang et al. 2020).

The critic D learns to tell features a from a' = Re[x exp(-i theta')], what a false angle makes of
the hidden map x; the encoder learns to give features that it cannot tell:
min_g max_D E D(a) - E D(a'). All losses here are to be minimised.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from reveil.errors import ReveilError, not_allowed

LAWS = ("uniform", "half", "quarters")


def false_angles(law: str, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """Return differences between the key and false angles, in radians.

    Args:
        law: ``uniform`` on [0, 2 pi) (Knijff et al. 2021); ``half``, on (0, pi) (the paper's
            equation of the loss); ``quarters``, an odd multiple of pi / 4 (the authors' code).
            That code takes the imaginary part as often as the real one; as it is the real part a
            quarter turn further, the law is the same.
        shape: of the result.
        source: CPU generator.

    Raises:
        ReveilError: an unknown law.
    """
    if law not in LAWS:
        raise ReveilError(not_allowed("fake_angles", law, LAWS))
    if law == "quarters":
        return (2 * torch.randint(4, shape, generator=source) + 1) * (math.pi / 4)
    turn = math.pi if law == "half" else 2 * math.pi
    return turn * torch.rand(shape, generator=source)


def turned(a: Tensor, b: Tensor, angles: Tensor) -> Tensor:
    """Return a' = Re[(a + i b) exp(i angle)] = a cos(angle) - b sin(angle).

    Args:
        a, b: (B, ...).
        angles: (m, B), differences to the key.

    Returns:
        (m B, ...), all samples turned by the first angles, then by the second, and so on.
    """
    spread = angles.to(a).view(*angles.shape, *(1,) * (a.dim() - 1))
    return (a * spread.cos() - b * spread.sin()).flatten(0, 1)


def scores(critic: nn.Module, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return E D(a) and E D(a') in float32.

    Both go through the critic together: one pass, and one set of statistics where it has batch
    norm.

    Args:
        critic: (B, c, h, w) to (B,) scores.
        real: (B, c, h, w).
        fake: (m B, c, h, w), m for every real one.
    """
    values = critic(torch.cat([real, fake])).float()
    return values[: len(real)].mean(), values[len(real) :].mean()


@torch.no_grad()
def clip(critic: nn.Module, limit: float) -> None:
    """Clamp every weight of the critic to [-limit, limit] (Arjovsky et al. 2017)."""
    for parameter in critic.parameters():
        parameter.clamp_(-limit, limit)


@torch.no_grad()
def clipped_share(critic: nn.Module, limit: float) -> float:
    """Return the share, in [0, 1], of the critic's weights that stand at the limit."""
    # The limit as the weights' own type has it, since clamping rounds it.
    at = [
        p.abs() >= torch.tensor(limit, dtype=p.dtype, device=p.device) for p in critic.parameters()
    ]
    return float(sum(x.sum() for x in at)) / sum(x.numel() for x in at)


def gradient_norm(loss: Tensor, parameters: Iterable[nn.Parameter]) -> float:
    """Return the Euclidean norm of a loss's gradient, 0 where it has no path to the parameters.

    The graph of the loss is kept.
    """
    if not loss.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(loss, list(parameters), retain_graph=True, allow_unused=True)
    return norm_of(gradients)


def norm_of(gradients: Iterable[Tensor | None]) -> float:
    """Return the Euclidean norm over all gradients that there are."""
    squares = [g.double().square().sum() for g in gradients if g is not None]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0
