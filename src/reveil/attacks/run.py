"""The work on a block of problems: restarts, chunks, interruptions, failures and the result.

What an attack does in one iteration is a :class:`Problem`; everything around the iterations is
here, once, so that every method resumes to the bit, keeps the best restart of each image and
turns a failure of one image into a row.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from reveil.attacks.chunking import choose_chunk
from reveil.attacks.interface import Reconstruction
from reveil.attacks.settings import Settings
from reveil.chunks import run_in_chunks
from reveil.convolutions import serving as convolutions
from reveil.job import State
from reveil.models.replicas import replica
from reveil.precision import precision
from reveil.progress import Progress
from reveil.scene import Shared

Live = dict[str, Tensor]
AnySettings = TypeVar("AnySettings", bound=Settings)
LABELS = "labels"
# Convolutions of an iteration for each of a forward pass, two derivatives included.
PASSES = 7


class Problem(Protocol):
    """The matching of one chunk of P shared gradients: what an iteration needs and does.

    ``live`` holds all that changes in the course of a restart, as tensors with the problems
    first. It is kept through interruptions as it is between two iterations: what ``iterate``
    needs of the past must be in it. The runner adds to what ``start`` returns:

    - ``alive`` (P,) bool, all true: whether the problem is finite so far;
    - ``lived`` (P,) int64, zero: iterations done while alive;
    - ``curve`` (P, T) float32, NaN: the cost at ``settings.recorded``, of which ``iterate`` fills
      all but the last.

    An iteration may replace a tensor in ``live`` but must keep its shape and dtype, and must leave
    a problem that is not finite any more as it was.
    """

    def start(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the tensors at the beginning of a restart, drawn from the images' streams.

        Args:
            images: indices that name the random streams; P, or P times the batch, of which those
                of one problem follow each other.
            seed: of the run.
            restart: 0 for the first.

        Returns:
            Tensors with P first, on any device; ``x`` among them.
        """
        ...

    def iterate(self, live: Live, iteration: int) -> None:
        """Do the 0-based ``iteration``, in place."""
        ...

    def finish(self, live: Live) -> Tensor:
        """Return the (P,) final cost without regularisation, NaN where a problem failed."""
        ...

    def guess(self, live: Live) -> Tensor:
        """Return the normalised (P, [b,] C, H, W) images that are handed to the judge."""
        return live["x"]

    def extras(self, live: Live) -> Live:
        """Return further results with P first; ``labels`` are those that were recovered."""
        return {}


MakeProblem = Callable[[nn.Module, Shared, AnySettings, float], Problem]


def run_block(
    make_problem: MakeProblem[AnySettings],
    settings: AnySettings,
    model: nn.Module,
    shared: Shared,
    images: Sequence[int],
    seed: int,
    *,
    device: torch.device,
    chunk: int | str = "auto",
    state: State | None = None,
    dtype: torch.dtype = torch.float32,
    loss_factor: float = 1.0,
    rows: int = 1,
    extra_bytes: int = 0,
    evaluations: int = 1,
) -> Reconstruction:
    """Bring a block of problems to their end.

    Args:
        make_problem: called as ``make_problem(model, part, settings, loss_factor)`` with the
            attacker's own model and the ``part`` of ``shared`` that belongs to a chunk, both on
            ``device`` and in ``dtype``.
        settings: of the attack; ``restarts``, ``iterations`` and ``recorded`` are used here.
        rows: images that one problem puts through the model at once: its batch, or hypotheses.
        extra_bytes: memory of a problem on the device besides the patches of its images.
        evaluations: of the cost and its gradient in one iteration.

    The other arguments are those of :func:`reveil.attacks.reconstruct`.
    """
    # A private copy: the caller's model keeps its device, precision and memory layout.
    network = copy.deepcopy(model).to(device, dtype).eval().to(memory_format=torch.channels_last)
    passes = PASSES * len(images) * settings.restarts * settings.iterations * evaluations
    pays = passes * convolutions.multiply_adds(network, shared.shape) >= convolutions.LOADING_PAYS
    members = torch.get_num_threads() if pays and device.type == "cpu" else 1
    size = choose_chunk(chunk, network, shared.shape, len(shared), rows, extra_bytes, members)
    run = _Run(make_problem, settings, network, shared, images, seed, state, loss_factor)
    run.members = members
    with precision("fp32", device), convolutions.serving(pays):
        run_in_chunks(run.work, len(shared), size)
    return run.result()


class _Run:
    """The work on one block; ``memory`` holds everything that an interruption must not lose.

    The tensors of ``memory`` have the problems first and lie on the CPU: how far each problem has
    come, ``live.*`` of the running restart, and ``best.*`` of the finished ones.
    """

    def __init__(
        self,
        make_problem: MakeProblem[AnySettings],
        settings: AnySettings,
        model: nn.Module,
        shared: Shared,
        images: Sequence[int],
        seed: int,
        state: State | None,
        loss_factor: float,
    ) -> None:
        self.make_problem, self.settings, self.model = make_problem, settings, model
        self.shared, self.images, self.seed = shared, images, seed
        self.state, self.loss_factor = state, loss_factor
        self.members = 1
        like = next(model.parameters())
        self.device, self.dtype = like.device, like.dtype
        self.memory = self._resumed() or self._fresh()
        done = int(self.memory["restart"].sum()) * settings.iterations
        done += int(self.memory["iteration"].sum())
        total = len(shared) * settings.restarts * settings.iterations
        self.progress = Progress(f"attack, {len(images)} images", total, done=done)

    def _fresh(self) -> Live:
        count = len(self.shared)
        return {
            "iteration": torch.zeros(count, dtype=torch.int64),
            "restart": torch.zeros(count, dtype=torch.int64),
            "seconds": torch.zeros(count, dtype=torch.float64),
            "best.cost": torch.full((count,), torch.nan, dtype=self.dtype),
        }

    def _resumed(self) -> Live | None:
        found = self.state.load() if self.state is not None else None
        return None if found is None else found[0]

    def work(self, piece: slice) -> None:
        """Bring the problems of one chunk to their end."""
        rows = torch.arange(len(self.shared))[piece]
        while (pending := rows[self.memory["restart"][rows] < self.settings.restarts]).numel():
            # After an interruption the problems of a chunk may have come unequally far.
            place = torch.stack([self.memory[k][pending] for k in ("restart", "iteration")], 1)
            self._restart(pending[(place == place[0]).all(1)])

    def _restart(self, rows: Tensor) -> None:
        """Finish the running restart of some problems that have come equally far."""
        settings, memory = self.settings, self.memory
        first = int(memory["iteration"][rows[0]])
        restart = int(memory["restart"][rows[0]])
        problem = self._problem(self._part(rows))
        clock = time.perf_counter()
        live = self._recalled(rows) if first else self._begun(problem, rows, restart)
        for iteration in range(first, settings.iterations):
            problem.iterate(live, iteration)
            self.progress.step(len(rows))
            if self.state is not None and self.state.due():
                clock = self._keep(rows, live, iteration + 1, clock)
                self.state.save(memory, {})
        cost = problem.finish(live)
        live["curve"][:, -1] = cost.float()
        self._clock(rows, clock)
        outcome = {"x": problem.guess(live), **problem.extras(live)}
        outcome |= {name: live[name] for name in ("lived", "curve")}
        self._compare(rows, cost.cpu(), outcome, first_restart=restart == 0)
        memory["restart"][rows], memory["iteration"][rows] = restart + 1, 0
        if self.state is not None:
            self.state.save(memory, {})

    def _problem(self, part: Shared) -> Problem:
        settings, factor = self.settings, self.loss_factor
        members = min(self.members, len(part))
        if members == 1:
            return self.make_problem(self.model, part, settings, factor)
        from reveil.attacks.team import Team

        def make(of: Shared) -> Problem:
            return self.make_problem(replica(self.model), of, settings, factor)

        return Team(make, part, members)

    def _part(self, rows: Tensor) -> Shared:
        part = self.shared[rows.to(self.shared.gradients[0].device)]
        labels = part.labels
        return replace(
            part,
            gradients=[g.to(self.device, self.dtype) for g in part.gradients],
            labels=None if labels is None else labels.to(self.device),
            box=tuple(bound.to(self.device, self.dtype) for bound in part.box),
        )

    def _begun(self, problem: Problem, rows: Tensor, restart: int) -> Live:
        each = len(self.images) // len(self.shared)
        images = [self.images[row * each + i] for row in rows.tolist() for i in range(each)]
        count, points = len(rows), len(self.settings.recorded)
        live = {
            **problem.start(images, self.seed, restart),
            "alive": torch.ones(count, dtype=torch.bool),
            "lived": torch.zeros(count, dtype=torch.int64),
            "curve": torch.full((count, points), torch.nan, dtype=torch.float32),
        }
        return {name: tensor.to(self.device) for name, tensor in live.items()}

    def _recalled(self, rows: Tensor) -> Live:
        return {
            name.removeprefix("live."): tensor[rows].to(self.device)
            for name, tensor in self.memory.items()
            if name.startswith("live.")
        }

    def _keep(self, rows: Tensor, live: Live, iteration: int, clock: float) -> float:
        """Copy the state of some problems to memory and return the new start of the clock."""
        for name, tensor in live.items():
            self._store(f"live.{name}", rows, tensor)
        self.memory["iteration"][rows] = iteration
        return self._clock(rows, clock)

    def _clock(self, rows: Tensor, clock: float) -> float:
        now = time.perf_counter()
        self.memory["seconds"][rows] += (now - clock) / len(rows)
        return now

    def _store(self, name: str, rows: Tensor, values: Tensor) -> None:
        if name not in self.memory:
            shape = (len(self.shared), *values.shape[1:])
            self.memory[name] = torch.zeros(shape, dtype=values.dtype)
        self.memory[name][rows] = values.cpu()

    def _compare(self, rows: Tensor, cost: Tensor, outcome: Live, *, first_restart: bool) -> None:
        """Keep, per problem, what belongs to the finite minimum of the final costs so far."""
        best = self.memory["best.cost"][rows]
        better = torch.isfinite(cost) & ~(best <= cost)
        # Where no restart has come through, the first one stands for the image.
        taken = better | (first_restart & torch.isnan(best))
        for name, values in outcome.items():
            self._store(f"best.{name}", rows[taken], values.cpu()[taken])
        self.memory["best.cost"][rows[better]] = cost[better]

    def result(self) -> Reconstruction:
        """Return what was kept of every problem."""
        best = {
            name.removeprefix("best."): tensor
            for name, tensor in self.memory.items()
            if name.startswith("best.")
        }
        cost, lived = best.pop("cost"), best.pop("lived")
        ok = torch.isfinite(cost).tolist()
        return Reconstruction(
            x=best.pop("x"),
            cost=cost,
            iterations=lived,
            seconds=self.memory["seconds"],
            status=["ok" if fine else "failed" for fine in ok],
            reason=[
                "" if fine else f"cost or its gradient not finite at iteration {count}"
                for fine, count in zip(ok, lived.tolist(), strict=True)
            ],
            curve=best.pop("curve"),
            curve_iterations=torch.tensor(self.settings.recorded),
            labels=best.pop(LABELS, None),
            extras=best,
        )
