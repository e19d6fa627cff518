"""What every attack takes and returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from reveil.job import State
from reveil.scene import Shared


@dataclass(frozen=True)
class Reconstruction:
    """The guesses for a block of P problems, each one shared gradient, on the CPU.

    Attributes:
        x: (P, C, H, W) normalised guesses, or (P, b, C, H, W) where b images stand behind each
            gradient; of a failed problem the last finite ones.
        cost: (P,) final gradient distance without regularisation; NaN where failed.
        iterations: (P,) iterations done in the restart that was kept, or before the failure.
        seconds: (P,) wall seconds, shared evenly by problems worked on together.
        status: ``ok`` or ``failed``, per problem.
        reason: why it failed, empty otherwise.
        curve: (P, T) gradient distance in the course of the attack.
        curve_iterations: (T,) iterations done at each point of the curve.
        labels: (P,) or (P, b) classes that the attack recovered; None where they were declared.
        extras: further results of a method, each with P first.
    """

    x: Tensor
    cost: Tensor
    iterations: Tensor
    seconds: Tensor
    status: list[str]
    reason: list[str]
    curve: Tensor
    curve_iterations: Tensor
    labels: Tensor | None = None
    extras: dict[str, Tensor] = field(default_factory=dict)


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
