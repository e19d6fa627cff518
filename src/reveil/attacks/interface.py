"""What every attack takes and returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from reveil.job import State
from reveil.scene import Shared


@dataclass(frozen=True)
class Reconstruction:
    """The guesses for a block of victims, on the CPU.

    Attributes:
        x: (B, C, H, W) normalised guesses; of a failed image the last finite one.
        cost: (B,) final gradient distance without regularisation; NaN where failed.
        iterations: (B,) iterations done in the restart that was kept, or before the failure.
        seconds: (B,) wall seconds, shared evenly by images worked on together.
        status: ``ok`` or ``failed``, per image.
        reason: why it failed, empty otherwise.
        curve: (B, T) gradient distance in the course of the attack.
        curve_iterations: (T,) iterations done at each point of the curve.
    """

    x: Tensor
    cost: Tensor
    iterations: Tensor
    seconds: Tensor
    status: list[str]
    reason: list[str]
    curve: Tensor
    curve_iterations: Tensor


class Attack(Protocol):
    """See :func:`reveil.attacks.reconstruct`."""

    def __call__(
        self,
        model: nn.Module,
        shared: Shared,
        parameters: Mapping[str, Any],
        images: Sequence[int],
        seed: int,
        *,
        device: torch.device,
        chunk: int | str,
        state: State | None,
        dtype: torch.dtype,
        loss_factor: float,
    ) -> Reconstruction: ...
