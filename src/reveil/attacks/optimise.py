"""Gradient matching by first-order optimisation of the image (Geiping et al. 2020).

The stacked guesses of a block are independent problems: per-image costs, and an optimiser that
works element by element. One iteration is gradient, optimiser step, learning-rate step, box.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from reveil.attacks.interface import Reconstruction
from reveil.attacks.objectives import OBJECTIVES, Target
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.priors import start, total_variation
from reveil.attacks.run import Live, Problem, run_block
from reveil.attacks.settings import Settings
from reveil.job import State
from reveil.scene import Shared


def reconstruct(
    model: nn.Module,
    shared: Shared,
    parameters: Mapping[str, Any],
    images: Sequence[int],
    seed: int,
    *,
    device: torch.device,
    chunk: int | str = "auto",
    state: State | None = None,
    dtype: torch.dtype = torch.float32,
    loss_factor: float = 1.0,
) -> Reconstruction:
    """Reconstruct a block; see :func:`reveil.attacks.reconstruct`."""
    return run_block(
        Matching,
        Settings.of(parameters),
        model,
        shared,
        images,
        seed,
        device=device,
        chunk=chunk,
        state=state,
        dtype=dtype,
        loss_factor=loss_factor,
    )


class Matching(Problem):
    """Descent on the image, in all problems of a chunk at once."""

    def __init__(
        self, model: nn.Module, shared: Shared, settings: Settings, loss_factor: float
    ) -> None:
        self.model, self.shared, self.settings = model, shared, settings
        self.target = Target.of(shared.gradients, loss_factor, settings.reduction)
        self.labels, (self.low, self.high) = shared.labels, shared.box
        self.objective = OBJECTIVES[settings.objective]
        self.step = OPTIMIZERS[settings.optimizer].step
        self.column = {iteration: i for i, iteration in enumerate(settings.recorded)}

    def start(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the starting points and the optimiser's state."""
        x = start(self.settings.init, images, self.shared.shape, seed, restart)
        x = x.to(self.low)
        moments = OPTIMIZERS[self.settings.optimizer].start(x)
        return {"x": x, **{f"moment.{name}": tensor for name, tensor in moments.items()}}

    def iterate(self, live: Live, iteration: int) -> None:
        """Do one iteration; an image that is not finite any more stays as it is."""
        settings, x = self.settings, live["x"]
        cost, gradient = self._evaluate(x)
        if iteration in self.column:
            live["curve"][:, self.column[iteration]] = cost.float()
        live["alive"] &= torch.isfinite(cost) & torch.isfinite(gradient).flatten(1).all(1)
        live["lived"] += live["alive"]
        alive = live["alive"].view(-1, 1, 1, 1)
        if settings.signed == "hard":
            gradient = gradient.sign()
        moved = x.clone()
        moments = {k.removeprefix("moment."): v for k, v in live.items() if k.startswith("moment.")}
        self.step(moved, gradient, moments, iteration, settings.rate(iteration))
        if settings.boxed:
            moved = torch.minimum(torch.maximum(moved, self.low), self.high)
        live["x"] = torch.where(alive, moved, x)

    def finish(self, live: Live) -> Tensor:
        """Return the final cost without total variation, NaN where an image failed."""
        with torch.no_grad():
            cost = self.objective(self.model, live["x"], self.labels, self.target)
        return torch.where(live["alive"] & torch.isfinite(cost), cost, torch.nan)

    def _evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        cost = self.objective(self.model, x, self.labels, self.target)
        total = cost.sum()
        if self.settings.total_variation:
            total = total + self.settings.total_variation * total_variation(x).sum()
        (gradient,) = torch.autograd.grad(total, x)
        return cost.detach(), gradient
