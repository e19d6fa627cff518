"""Gradient matching by first-order optimisation of the image (Geiping et al. 2020).

The stacked guesses of a block are independent problems: per-image costs, and an optimiser that
works element by element. One iteration is gradient, noise, sign, optimiser step, learning-rate
step, box.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from reveil.attacks.interface import Reconstruction
from reveil.attacks.labels import with_labels
from reveil.attacks.objectives import OBJECTIVES, Target, cosines_of_tensors
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.priors import start
from reveil.attacks.regularisation import Regularisation
from reveil.attacks.run import Live, Problem, run_block
from reveil.attacks.settings import Settings
from reveil.errors import ReveilError
from reveil.job import State
from reveil.rng import generator
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
    settings = Settings.of(parameters)
    return run_block(
        with_labels(Matching, settings),
        settings,
        model,
        shared,
        images,
        seed,
        device=device,
        chunk=chunk,
        state=state,
        dtype=dtype,
        loss_factor=loss_factor,
        rows=shared.batch,
    )


class Matching(Problem):
    """Descent on the guesses, in all problems of a chunk at once.

    A method that looks for more than the images extends ``begin``, which draws the variables,
    ``variables``, ``limited``, and ``seen`` or ``labels_of``; one that steps otherwise, ``memory``
    and ``iterate``.
    """

    def __init__(
        self, model: nn.Module, shared: Shared, settings: Settings, loss_factor: float
    ) -> None:
        self.model, self.shared, self.settings = model, shared, settings
        self.target = Target.of(shared.gradients, loss_factor, settings.reduction, shared.bn_mode)
        self.labels, (self.low, self.high) = shared.labels, shared.box
        self.objective = OBJECTIVES[settings.objective]
        self.optimizer = OPTIMIZERS[settings.optimizer]
        self.penalty = Regularisation(model, shared, settings, self.labels)
        self.column = {iteration: i for i, iteration in enumerate(settings.recorded)}
        self.trace_column = {iteration: i for i, iteration in enumerate(settings.traced)}

    def begin(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the variables at the beginning of a restart, ``x`` first."""
        x = start(self.settings.init, images, self.shared.shape, seed, restart).to(self.low)
        return {"x": x if self.shared.batch == 1 else x.unflatten(0, (-1, self.shared.batch))}

    def labels_of(self, variables: Live) -> Tensor:
        """Return the (P, [b]) classes, or probabilities with classes last.

        Raises:
            ReveilError: the victims declare none.
        """
        if self.labels is None:
            raise ReveilError("label: 'known' is not allowed, as the victims declare no labels")
        return self.labels

    def start(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the variables and all that goes with them."""
        variables = self.begin(images, seed, restart)
        live = variables | self.memory(variables)
        count = len(variables["x"])
        if self.settings.trace:
            shape = (count, len(self.settings.traced), len(self.target.gradients))
            live["cosines"] = torch.full(shape, torch.nan, dtype=torch.float32)
        if self.settings.langevin:
            streams = torch.tensor([(seed, image, restart) for image in images])
            live["streams"] = streams.view(count, -1, 3)
        return live

    def memory(self, variables: Live) -> Live:
        """Return what the optimiser remembers at the beginning of a restart."""
        return {
            f"moment.{name}.{moment}": tensor
            for name, variable in variables.items()
            for moment, tensor in self.optimizer.start(variable).items()
        }

    def variables(self, live: Live) -> Live:
        """Return what is optimised: all that has moments."""
        names = dict.fromkeys(k.split(".")[1] for k in live if k.startswith("moment."))
        return {name: live[name] for name in names}

    def iterate(self, live: Live, iteration: int) -> None:
        """Do one iteration; a problem that is not finite any more stays as it is."""
        settings, variables = self.settings, self.variables(live)
        rate = settings.rate(iteration)
        self.trace(live, iteration)
        cost, _, gradients = self.evaluate(variables)
        self.record(live, iteration, cost)
        finite = [torch.isfinite(g).flatten(1).all(1) for g in gradients.values()]
        live["alive"] &= torch.stack([torch.isfinite(cost), *finite]).all(0)
        live["lived"] += live["alive"]
        if settings.langevin:
            gradients["x"] = gradients["x"] + settings.langevin * rate * _noise(live, iteration)
        gradients["x"] = self.signed(gradients["x"], iteration)
        for name, variable in variables.items():
            moved = variable.clone()
            prefix = f"moment.{name}."
            moments = {k.removeprefix(prefix): v for k, v in live.items() if k.startswith(prefix)}
            self.optimizer.step(moved, gradients[name], moments, iteration, rate)
            moved = self.limited(name, moved)
            alive = live["alive"].view(-1, *[1] * (variable.dim() - 1))
            live[name] = torch.where(alive, moved, variable)

    def finish(self, live: Live) -> Tensor:
        """Return the final cost without regularisation, NaN where a problem failed."""
        self.trace(live, self.settings.iterations)
        with torch.no_grad():
            cost = self.cost(self.variables(live))
        return torch.where(live["alive"] & torch.isfinite(cost), cost, torch.nan)

    def extras(self, live: Live) -> Live:
        """Return the trace, where there is one.

        Returns:
            cosines: (P, T, tensors) float32 of each trainable parameter, in the order of the
                model's ``named_parameters``.
            cosine_iterations: (P, T) int64, iterations done at each point, the same for all.
        """
        if not self.settings.trace:
            return {}
        points = torch.tensor(self.settings.traced).repeat(len(live["x"]), 1)
        return {"cosines": live["cosines"], "cosine_iterations": points}

    def seen(self, variables: Live) -> Tensor:
        """Return the images that are put through the model."""
        return variables["x"]

    def limited(self, name: str, variable: Tensor) -> Tensor:
        """Return a variable within what is allowed for it."""
        return self.boxed(variable) if name == "x" else variable

    def cost(self, variables: Live) -> Tensor:
        """Return the (P,) distances of gradients."""
        labels = self.labels_of(variables)
        return self.objective(self.model, self.seen(variables), labels, self.target)

    def evaluate(self, variables: Live) -> tuple[Tensor, Tensor, Live]:
        """Return the (P,) distances, the regularised costs, and their gradient by variable."""
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in variables.items()}
        cost = self.cost(leaves)
        penalty = self.penalty(leaves["x"], self.seen(leaves))
        total = self.settings.objective_weight * cost + penalty
        found = torch.autograd.grad(total.sum(), list(leaves.values()), materialize_grads=True)
        return cost.detach(), total.detach(), dict(zip(leaves, found, strict=True))

    def signed(self, gradient: Tensor, iteration: int) -> Tensor:
        """Return the gradient of the images, or its sign; see :class:`Settings`."""
        if self.settings.signed == "soft":
            softness = self.settings.softness(iteration)
            return (softness * gradient).tanh() / softness
        return gradient.sign() if self.settings.signed == "hard" else gradient

    def boxed(self, x: Tensor) -> Tensor:
        """Return the images, clamped to the box if they are to be."""
        if not self.settings.boxed:
            return x
        return torch.minimum(torch.maximum(x, self.low), self.high)

    def record(self, live: Live, iteration: int, cost: Tensor) -> None:
        """Keep the (P,) distances after so many iterations, where they are a point of the curve."""
        if iteration in self.column:
            live["curve"][:, self.column[iteration]] = cost.float()

    def trace(self, live: Live, iteration: int) -> None:
        """Keep the cosines of tensors after so many iterations, where they are asked for."""
        if self.settings.trace and iteration in self.trace_column:
            variables = self.variables(live)
            with torch.no_grad():
                labels = self.labels_of(variables)
                seen = self.seen(variables)
                cosines = cosines_of_tensors(self.model, seen, labels, self.target)
            live["cosines"][:, self.trace_column[iteration]] = cosines.float()


def _noise(live: Live, iteration: int) -> Tensor:
    """Return N(0, 1) noise, each image from (seed, "langevin", image, restart, iteration)."""
    x = live["x"]
    drawn = [
        torch.randn(x.shape[-3:], generator=generator(seed, "langevin", image, restart, iteration))
        for seed, image, restart in live["streams"].flatten(0, 1).tolist()
    ]
    return torch.stack(drawn).view(x.shape).to(x)
