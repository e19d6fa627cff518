"""Gradient matching by L-BFGS (Zhu et al. 2019), every problem of a chunk by itself.

One iteration of the attack is one call of ``torch.optim.LBFGS.step`` with its default settings:
up to ``INNER`` steps without a line search, each along a direction that the changes of the gradient
in the last ``HISTORY`` steps suggest. Problems have their own history and step length, and stop
by themselves; one that has stopped waits for the next iteration, in which all are awake again.

Memory: the history takes 2 x ``HISTORY`` copies of the guess, 2.5 MB for a 3 x 32 x 32 image in
float32, on the device and in the state of an interrupted attack.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from reveil.attacks.interface import Reconstruction
from reveil.attacks.labels import with_labels
from reveil.attacks.optimise import Matching
from reveil.attacks.run import Live, run_block
from reveil.attacks.settings import Settings
from reveil.job import State
from reveil.scene import Shared

# The defaults of torch.optim.LBFGS. Its bound on evaluations, 25, is never met: without a line
# search there are at most INNER.
HISTORY = 100
INNER = 20
GRADIENT_TOLERANCE = 1e-7
CHANGE_TOLERANCE = 1e-9
LEAST_CURVATURE = 1e-10
PREFIX = "lbfgs."

Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]


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
    size = shared.batch * prod(shared.shape) * dtype.itemsize
    return run_block(
        with_labels(QuasiNewton, settings),
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
        extra_bytes=2 * history_length(settings.iterations) * size,
        evaluations=INNER,
    )


class QuasiNewton(Matching):
    """L-BFGS on all variables of a problem together."""

    def memory(self, variables: Live) -> Live:
        """Return the histories, empty."""
        length = history_length(self.settings.iterations)
        history = empty_history(_flat(variables), length)
        return {f"{PREFIX}{name}": tensor for name, tensor in history.items()}

    def variables(self, live: Live) -> Live:
        """Return what is optimised."""
        return {"x": live["x"]}

    def iterate(self, live: Live, iteration: int) -> None:
        """Do one iteration; a problem that is not finite any more stays as it is."""
        variables = self.variables(live)
        history = {k.removeprefix(PREFIX): v for k, v in live.items() if k.startswith(PREFIX)}
        costs: list[Tensor] = []

        def evaluate(flat: Tensor) -> tuple[Tensor, Tensor]:
            cost, total, gradients = self.evaluate(_unflat(flat, variables))
            costs.append(cost)
            gradients["x"] = self.signed(gradients["x"], iteration)
            return total, _flat(gradients)

        self.trace(live, iteration)
        flat, finite = advance(
            _flat(variables), history, evaluate, self.settings.rate(iteration), live["alive"]
        )
        self.record(live, iteration, costs[0])
        live["alive"] &= finite
        live["lived"] += live["alive"]
        for name, found in _unflat(flat, variables).items():
            alive = _over(live["alive"], found)
            live[name] = torch.where(alive, self.limited(name, found), found)


def history_length(iterations: int) -> int:
    """Return how many steps are remembered in an attack of so many iterations."""
    return min(HISTORY, INNER * iterations)


def empty_history(x: Tensor, length: int) -> Live:
    """Return what L-BFGS remembers of (P, n) problems before the first step.

    Returns:
        steps, changes: (P, length, n) the last steps s and changes y of the gradient, as a ring.
        products: (P, length, length) of <s, y> for every s and every y.
        updates: (P,) how many pairs were ever stored; the next goes to place updates % length.
        scale: (P,) factor of the identity that the inverse Hessian starts from.
        direction, gradient: (P, n) of the last step.
        distance: (P,) length of the last step in directions, 0 before the first.
    """
    count, size = x.shape
    return {
        "steps": x.new_zeros(count, length, size),
        "changes": x.new_zeros(count, length, size),
        "products": x.new_zeros(count, length, length),
        "updates": torch.zeros(count, dtype=torch.int64, device=x.device),
        "scale": x.new_ones(count),
        "direction": torch.zeros_like(x),
        "gradient": torch.zeros_like(x),
        "distance": x.new_zeros(count),
    }


def advance(
    x: Tensor, history: Live, evaluate: Evaluate, rate: float, awake: Tensor
) -> tuple[Tensor, Tensor]:
    """Do what one call of ``torch.optim.LBFGS.step`` does, for every problem by itself.

    Args:
        x: (P, n) where the problems are.
        history: see :func:`empty_history`; changed in place.
        evaluate: returns the (P,) costs and (P, n) gradients of (P, n) points.
        rate: length of a step in directions, and bound of the first one.
        awake: (P,) bool, the problems to move.

    Returns:
        The (P, n) new points, and (P,) whether all costs and gradients on the way were finite. A
        problem where they were not is left at its last point where they were.
    """
    cost, gradient = evaluate(x)
    finite = _finite(cost, gradient)
    running = awake & finite & (gradient.abs().amax(1) > GRADIENT_TOLERANCE)
    for inner in range(1, INNER + 1):
        if not running.any():
            break
        _remember(history, gradient, running)
        first = (1 / gradient.abs().sum(1)).clamp(max=1) * rate
        direction = _direction(history, gradient)
        distance = torch.where(history["distance"] == 0, first, rate)
        for name, value in (
            ("direction", direction),
            ("gradient", gradient),
            ("distance", distance),
        ):
            history[name].copy_(torch.where(_over(running, value), value, history[name]))
        running = running & ~((gradient * direction).sum(1) > -CHANGE_TOLERANCE)
        step = torch.where(running[:, None], distance[:, None] * direction, 0)
        before, was = x, cost
        x = x + step
        # The last point is not evaluated before the next call.
        cost, gradient = (cost, x) if inner == INNER else evaluate(x)
        failed = running & ~_finite(cost, gradient)
        x, finite = torch.where(failed[:, None], before, x), finite & ~failed
        running = running & ~failed & (gradient.abs().amax(1) > GRADIENT_TOLERANCE)
        running = running & (step.abs().amax(1) > CHANGE_TOLERANCE)
        running = running & ((cost - was).abs() >= CHANGE_TOLERANCE)
    return x, finite


def _remember(history: Live, gradient: Tensor, running: Tensor) -> None:
    """Store the last step of every problem whose cost curved upwards along it."""
    step = history["distance"][:, None] * history["direction"]
    change = gradient - history["gradient"]
    curvature = (change * step).sum(1)
    rows = (running & (curvature > LEAST_CURVATURE)).nonzero()[:, 0]
    slots = history["updates"][rows] % history["steps"].shape[1]
    history["steps"][rows, slots] = step[rows]
    history["changes"][rows, slots] = change[rows]
    history["products"][rows, slots] = _times(history["changes"], step)[rows]
    history["products"][rows, :, slots] = _times(history["steps"], change)[rows]
    history["scale"][rows] = curvature[rows] / change[rows].square().sum(1)
    history["updates"][rows] += 1


def _direction(history: Live, gradient: Tensor) -> Tensor:
    """Return minus the inverse Hessian times the gradient.

    The two loops of Nocedal 1980 over the pairs (s_i, y_i), newest first and then oldest first, are
    each the solution of a triangular system (Byrd et al. 1994, theorem 2.2). With R the upper
    triangle of <s_i, y_j>, oldest first, D its diagonal and h the scale:
    R a = -S g,  q = -g - Y^T a,  R^T w = D a - h Y q,  direction = h q + S^T w.
    """
    updates, scale = history["updates"], history["scale"][:, None]
    used = int(updates.max().clamp(max=history["steps"].shape[1]))
    if not used:
        return -gradient
    steps, changes = history["steps"][:, :used], history["changes"][:, :used]
    # Oldest first. Places that were never filled come before all others: rows of zeros, for which
    # a diagonal of ones gives the solution zero.
    order = (updates[:, None] + torch.arange(used, device=updates.device)) % used
    rows = torch.arange(len(order), device=order.device)[:, None, None]
    products = history["products"][rows, order[:, :, None], order[:, None, :]].triu()
    diagonal = products.diagonal(dim1=1, dim2=2)
    triangle = products + torch.diag_embed((diagonal == 0).to(products))

    known = -_times(steps, gradient).gather(1, order)
    weights = torch.linalg.solve_triangular(triangle, known[..., None], upper=True)[..., 0]
    left = -gradient - _combined(changes, weights, order)
    known = diagonal * weights - scale * _times(changes, left).gather(1, order)
    weights = torch.linalg.solve_triangular(triangle.mT, known[..., None], upper=False)[..., 0]
    return scale * left + _combined(steps, weights, order)


def _times(vectors: Tensor, other: Tensor) -> Tensor:
    """Return (P, m) inner products of (P, m, n) vectors with (P, n) others."""
    return torch.bmm(vectors, other[..., None])[..., 0]


def _combined(vectors: Tensor, weights: Tensor, order: Tensor) -> Tensor:
    """Return the (P, n) sums of (P, m, n) vectors, weighted in an order of places."""
    placed = torch.zeros_like(weights).scatter(1, order, weights)
    return torch.bmm(placed[:, None], vectors)[:, 0]


def _finite(cost: Tensor, gradient: Tensor) -> Tensor:
    return torch.isfinite(cost) & torch.isfinite(gradient).all(1)


def _over(mask: Tensor, tensor: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (tensor.dim() - 1))


def _flat(variables: Live) -> Tensor:
    return torch.cat([tensor.flatten(1) for tensor in variables.values()], 1)


def _unflat(flat: Tensor, like: Live) -> Live:
    parts = flat.split([tensor[0].numel() for tensor in like.values()], 1)
    return {
        name: part.reshape(tensor.shape)
        for part, (name, tensor) in zip(parts, like.items(), strict=True)
    }
