"""What the attack inside an inference attack recovers: the features a*, and the reconstruction."""

import torch
from torch import Tensor

from reveil.cvnn.attackers.interface import Attacker, Known
from reveil.cvnn.scene import Intercepted
from reveil.cvnn.stacked import real_part
from reveil.errors import ReveilError


def features(seen: Intercepted, inner: Attacker | None) -> Tensor:
    """Return a* = Re[x exp(-i theta^)], (B, c, h, w), theta^ the key that ``inner`` guesses.

    Features that are not rotated are what is seen of them.
    """
    if not seen.rotated:
        return seen.x
    return real_part(seen.x, inner.guess(seen).angles.to(seen.x.device))


def require_inner(known: Known) -> None:
    """Raise a ``ReveilError`` where the attack inside is missing."""
    if known.inner is None:
        raise ReveilError(
            f"attack {known.name}: inner: {known.attack['inner']!r} has no trained attacker here; "
            "train that attack first"
        )


def compact(values: Tensor) -> Tensor:
    """Return values on the CPU, in half precision where that can hold them.

    The features of all own images are the largest thing that an attacker keeps, and a rounding of
    5e-4 is far below the distances between images.
    """
    held = values.detach().to(torch.float16)
    return (held if held.isfinite().all() else values.detach()).cpu()
