"""Gradient matching by first-order optimisation of the image (Geiping et al. 2020).

The stacked guesses of a block are independent problems: per-image costs, and an optimiser that
works element by element. One iteration is gradient, optimiser step, learning-rate step, box.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reveil.attacks.chunking import choose_chunk
from reveil.attacks.interface import Reconstruction
from reveil.attacks.objectives import OBJECTIVES, Target
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.priors import INITS, start, total_variation
from reveil.chunks import run_in_chunks
from reveil.errors import ReveilError, not_allowed
from reveil.job import State
from reveil.precision import precision
from reveil.progress import Progress
from reveil.scene import Shared
from reveil.schedule import decayed, milestones

GAMMA = 0.1
CURVE_POINTS = 100


@dataclass(frozen=True)
class Settings:
    """The parameters of the attack, checked.

    Attributes:
        optimizer: key of ``OPTIMIZERS``.
        learning_rate: its first rate.
        objective: key of ``OBJECTIVES``.
        signed: ``hard`` steps along the sign of the gradient, ``none`` along the gradient.
        boxed: keep pixels between black and white.
        total_variation: weight of the smoothness term.
        init: key of ``INITS``.
        restarts: independent starts, of which the lowest final cost is kept.
        iterations: of each restart.
        decay: lower the rate by ``GAMMA`` after 3/8, 5/8 and 7/8 of the iterations.
        reduction: ``sum`` or ``mean`` over parameter tensors, for ``l1`` and ``l2``.
    """

    optimizer: str
    learning_rate: float
    objective: str
    signed: str
    boxed: bool
    total_variation: float
    init: str
    restarts: int
    iterations: int
    decay: bool
    reduction: str

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "Settings":
        """Check and take the parameters.

        Raises:
            ReveilError: a value that is not allowed.
        """
        closed = {
            "optimizer": OPTIMIZERS,
            "objective": OBJECTIVES,
            "signed": ("hard", "none"),
            "init": INITS,
            "reduction": ("sum", "mean"),
        }
        for key, allowed in closed.items():
            if parameters[key] not in allowed:
                raise ReveilError(not_allowed(key, parameters[key], allowed))
        for key in ("restarts", "iterations"):
            if parameters[key] < 1:
                raise ReveilError(f"{key}: {parameters[key]!r} is not allowed; allowed: 1 and more")
        return cls(**{key: parameters[key] for key in cls.__dataclass_fields__})

    @property
    def recorded(self) -> list[int]:
        """Iterations after which the cost is kept for the curve, the last one included."""
        step = -(-self.iterations // CURVE_POINTS)
        return [*range(0, self.iterations, step), self.iterations]

    def rate(self, iteration: int) -> float:
        """Return the learning rate of a 0-based iteration."""
        marks = milestones(self.iterations) if self.decay else ()
        return decayed(self.learning_rate, GAMMA, marks, iteration)


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
    settings = Settings.of(parameters)
    # A private copy: the caller's model keeps its device, precision and memory layout.
    network = copy.deepcopy(model).to(device, dtype).eval().to(memory_format=torch.channels_last)
    run = _Run(network, shared, settings, images, seed, state, loss_factor)
    size = choose_chunk(chunk, network, shared.shape, len(images))
    with precision("fp32", device):
        run_in_chunks(run.work, len(images), size)
    return run.result()


class _Run:
    """The work on one block; ``memory`` holds everything that an interruption must not lose.

    The tensors of ``memory`` have the images first and lie on the CPU: ``x``, the optimiser's
    moments, the best of the finished restarts, and how far each image has come.
    """

    def __init__(
        self,
        model: nn.Module,
        shared: Shared,
        settings: Settings,
        images: Sequence[int],
        seed: int,
        state: State | None,
        loss_factor: float,
    ) -> None:
        self.model, self.shared, self.settings = model, shared, settings
        self.images, self.seed, self.state, self.loss_factor = images, seed, state, loss_factor
        like = next(model.parameters())
        self.device, self.dtype = like.device, like.dtype
        self.memory = self._resumed() or self._fresh()
        done = int(self.memory["restart"].sum()) * settings.iterations
        done += int(self.memory["iteration"].sum())
        total = len(images) * settings.restarts * settings.iterations
        self.progress = Progress(f"attack, {len(images)} images", total, done=done)

    def _fresh(self) -> dict[str, Tensor]:
        count = len(self.images)
        points = len(self.settings.recorded)
        x = start(self.settings.init, self.images, self.shared.shape, self.seed, 0).to(self.dtype)
        moments = OPTIMIZERS[self.settings.optimizer].start(x)
        return {
            "x": x,
            **{f"moment.{name}": tensor for name, tensor in moments.items()},
            "curve": torch.full((count, points), torch.nan, dtype=torch.float32),
            "alive": torch.ones(count, dtype=torch.bool),
            "lived": torch.zeros(count, dtype=torch.int64),
            "iteration": torch.zeros(count, dtype=torch.int64),
            "restart": torch.zeros(count, dtype=torch.int64),
            "seconds": torch.zeros(count, dtype=torch.float64),
            "best.x": x.clone(),
            "best.cost": torch.full((count,), torch.nan, dtype=self.dtype),
            "best.lived": torch.zeros(count, dtype=torch.int64),
            "best.curve": torch.full((count, points), torch.nan, dtype=torch.float32),
        }

    def _resumed(self) -> dict[str, Tensor] | None:
        found = self.state.load() if self.state is not None else None
        return None if found is None else found[0]

    def work(self, piece: slice) -> None:
        """Bring the images of one chunk to their end."""
        rows = torch.arange(len(self.images))[piece]
        while (pending := rows[self.memory["restart"][rows] < self.settings.restarts]).numel():
            # After an interruption the images of a chunk may have come unequally far.
            place = torch.stack([self.memory[k][pending] for k in ("restart", "iteration")], 1)
            self._restart(pending[(place == place[0]).all(1)])

    def _restart(self, rows: Tensor) -> None:
        """Finish the running restart of some images that have come equally far."""
        settings, memory = self.settings, self.memory
        first = int(memory["iteration"][rows[0]])
        restart = int(memory["restart"][rows[0]])
        part = self.shared[rows.to(self.shared.labels.device)]
        target = Target.of(
            [g.to(self.device, self.dtype) for g in part.gradients],
            self.loss_factor,
            settings.reduction,
        )
        problem = _Problem(self.model, target, part, settings)
        live = {
            name: memory[name][rows].to(self.device)
            for name in memory
            if name in ("x", "curve", "alive", "lived") or name.startswith("moment.")
        }
        clock = time.perf_counter()
        for iteration in range(first, settings.iterations):
            problem.iterate(live, iteration)
            self.progress.step(len(rows))
            if self.state is not None and self.state.due():
                clock = self._keep(rows, live, iteration + 1, clock)
                self.state.save(memory, {})
        cost = problem.finish(live)
        self._keep(rows, live, settings.iterations, clock)
        self._compare(rows, cost.cpu(), first_restart=restart == 0)
        self._begin(rows, restart + 1)
        if self.state is not None:
            self.state.save(memory, {})

    def _keep(self, rows: Tensor, live: dict[str, Tensor], iteration: int, clock: float) -> float:
        """Copy the state of some images to memory and return the new start of the clock."""
        for name, tensor in live.items():
            self.memory[name][rows] = tensor.cpu()
        now = time.perf_counter()
        self.memory["iteration"][rows] = iteration
        self.memory["seconds"][rows] += (now - clock) / len(rows)
        return now

    def _compare(self, rows: Tensor, cost: Tensor, *, first_restart: bool) -> None:
        """Keep, per image, the finite minimum of the final costs so far."""
        memory = self.memory
        best = memory["best.cost"][rows]
        better = torch.isfinite(cost) & ~(best <= cost)
        # Where no restart has come through, the first one stands for the image.
        taken = rows[better | (first_restart & torch.isnan(best))]
        for name in ("x", "lived", "curve"):
            memory[f"best.{name}"][taken] = memory[name][taken]
        memory["best.cost"][rows[better]] = cost[better]

    def _begin(self, rows: Tensor, restart: int) -> None:
        memory, settings = self.memory, self.settings
        memory["restart"][rows] = restart
        memory["iteration"][rows] = 0
        if restart == settings.restarts:
            return
        images = [self.images[i] for i in rows.tolist()]
        x = start(settings.init, images, self.shared.shape, self.seed, restart).to(self.dtype)
        memory["x"][rows] = x
        for name, tensor in OPTIMIZERS[settings.optimizer].start(x).items():
            memory[f"moment.{name}"][rows] = tensor
        memory["curve"][rows] = torch.nan
        memory["alive"][rows] = True
        memory["lived"][rows] = 0

    def result(self) -> Reconstruction:
        """Return what was kept of every image."""
        memory = self.memory
        ok = torch.isfinite(memory["best.cost"]).tolist()
        lived = memory["best.lived"].tolist()
        return Reconstruction(
            x=memory["best.x"],
            cost=memory["best.cost"],
            iterations=memory["best.lived"],
            seconds=memory["seconds"],
            status=["ok" if fine else "failed" for fine in ok],
            reason=[
                "" if fine else f"cost or its gradient not finite at iteration {count}"
                for fine, count in zip(ok, lived, strict=True)
            ],
            curve=memory["best.curve"],
            curve_iterations=torch.tensor(self.settings.recorded),
        )


class _Problem:
    """The matching of one chunk: what an iteration needs and does."""

    def __init__(
        self, model: nn.Module, target: Target, shared: Shared, settings: Settings
    ) -> None:
        like = next(model.parameters())
        self.model, self.target, self.settings = model, target, settings
        self.labels = shared.labels.to(like.device)
        self.low, self.high = (b.to(like.device, like.dtype) for b in shared.box)
        self.objective = OBJECTIVES[settings.objective]
        self.step = OPTIMIZERS[settings.optimizer].step
        self.column = {iteration: i for i, iteration in enumerate(settings.recorded)}

    def iterate(self, live: dict[str, Tensor], iteration: int) -> None:
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

    def finish(self, live: dict[str, Tensor]) -> Tensor:
        """Return the final cost without total variation, NaN where an image failed."""
        with torch.no_grad():
            cost = self.objective(self.model, live["x"], self.labels, self.target)
        cost = torch.where(live["alive"] & torch.isfinite(cost), cost, torch.nan)
        live["curve"][:, -1] = cost.float()
        return cost

    def _evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.detach().requires_grad_()
        cost = self.objective(self.model, x, self.labels, self.target)
        total = cost.sum()
        if self.settings.total_variation:
            total = total + self.settings.total_variation * total_variation(x).sum()
        (gradient,) = torch.autograd.grad(total, x)
        return cost.detach(), gradient
