"""How far a module is from commuting with a rotation of its complex input."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reveil.cvnn.stacked import rotate

ANGLES = (0.3, 1.2, 2.5, 4.0)
# Relative, in float32; working layers were measured at 1e-6 (methods, section 1.3).
ACCEPTED = 1e-5


def equivariance_error(phi: nn.Module, x: Tensor, angles: Sequence[float] = ANGLES) -> float:
    """Return max |Phi(exp(i t) x) - exp(i t) Phi(x)| / max |Phi(x)| over samples and angles t.

    Batch statistics of a rotated batch are those of the batch, so this holds in training and in
    evaluation; running averages and the mode of Phi are left as they were.

    Args:
        phi: on stacked maps; the processor of a private network.
        x: stacked, (2B, c, h, w).
        angles: in radians.
    """
    kept = {name: buffer.clone() for name, buffer in phi.named_buffers()}
    with torch.no_grad():
        plain = phi(x)
        worst = 0.0
        for angle in angles:
            turns = torch.full((len(x) // 2,), angle, device=x.device, dtype=x.dtype)
            difference = phi(rotate(x, turns)) - rotate(plain, turns)
            worst = max(worst, difference.abs().max().item())
        for name, buffer in phi.named_buffers():
            buffer.copy_(kept[name])
    return worst / plain.abs().max().item()
