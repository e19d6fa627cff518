"""Distances between the gradients an attacker simulates and those that were shared.

Each is a function of the model, (B, C, H, W) guesses, or (B, b, C, H, W) where b images stand
behind each gradient, their labels and a :class:`Target`, and returns (B,) costs that can be
differentiated with respect to the guesses, and to labels that are probabilities. Sums over
parameter tensors give every tensor the same weight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reveil.batch_gradients import Products, problem_gradients, problem_products
from reveil.gradients import kernel_last


@dataclass(frozen=True)
class Target:
    """What is to be matched.

    Attributes:
        gradients: one shared (B, *shape) gradient per parameter tensor.
        squares: (B, tensors) their squared norms.
        factor: what the attacker multiplies its loss with.
        reduction: ``sum`` or ``mean`` over parameter tensors, for ``l1`` and ``l2``.
        bn_mode: statistics the attacker's batch normalisation uses: those the victims' did.
    """

    gradients: list[Tensor]
    squares: Tensor
    factor: float = 1.0
    reduction: str = "sum"
    bn_mode: str = "eval"

    @classmethod
    def of(
        cls,
        gradients: Sequence[Tensor],
        factor: float = 1.0,
        reduction: str = "sum",
        bn_mode: str = "eval",
    ) -> "Target":
        """Prepare shared gradients."""
        prepared = kernel_last(gradients)
        squares = torch.stack([g.flatten(1).square().sum(1) for g in prepared], 1)
        return cls(prepared, squares, factor, reduction, bn_mode)

    def simulated(self, model: nn.Module, x: Tensor, labels: Tensor) -> list[Tensor]:
        """Return the gradients of guesses, to be differentiated if the guesses are."""
        graph = torch.is_grad_enabled() and (x.requires_grad or labels.requires_grad)
        return problem_gradients(
            model, x, labels, factor=self.factor, bn_mode=self.bn_mode, create_graph=graph
        )

    def products(self, model: nn.Module, x: Tensor, labels: Tensor) -> Products:
        """Return the inner products of the gradients of guesses with themselves and the target."""
        return problem_products(
            model, x, labels, self.gradients, factor=self.factor, bn_mode=self.bn_mode
        )


Objective = Callable[[nn.Module, Tensor, Tensor, Target], Tensor]


def cosine(model: nn.Module, x: Tensor, labels: Tensor, target: Target) -> Tensor:
    """1 - cosine of the concatenated gradients (Geiping et al. 2020, equation 4); scale-free."""
    found = target.products(model, x, labels)
    norms = found.square.sum(1).sqrt() * target.squares.sum(1).sqrt()
    return 1 - found.dot.sum(1) / norms


def cosine_per_tensor(model: nn.Module, x: Tensor, labels: Tensor, target: Target) -> Tensor:
    """Mean over parameter tensors of 1 - cosine (Warmerdam et al. 2022)."""
    return (1 - cosines_of_tensors(model, x, labels, target)).mean(1)


def cosine_per_row(model: nn.Module, x: Tensor, labels: Tensor, target: Target) -> Tensor:
    """Mean of 1 - cosine over output channels (``out_sim`` of Gao et al. 2021).

    Every row of a tensor of two and more dimensions counts as much as a whole tensor of one.
    """
    found = target.simulated(model, x, labels)
    rows = []
    for g, t in zip(found, target.gradients, strict=True):
        of = 2 if g.dim() > 2 else 1
        g, t = g.flatten(of), t.flatten(of)
        cosines = _cosines((g * t).sum(-1), g.square().sum(-1), t.square().sum(-1))
        rows.append(1 - cosines.view(len(g), -1))
    return torch.cat(rows, 1).mean(1)


def cosines_of_tensors(model: nn.Module, x: Tensor, labels: Tensor, target: Target) -> Tensor:
    """Return (B, tensors) cosines of the simulated and the shared gradient of each tensor."""
    found = target.products(model, x, labels)
    return _cosines(found.dot, found.square, target.squares)


def _cosines(dot: Tensor, square: Tensor, target_square: Tensor) -> Tensor:
    # Bounded before the root, whose slope at 0 is infinite: a channel that is dead for an image
    # has a zero gradient, and cosine 0.
    return dot / (square * target_square).clamp_min(1e-16).sqrt()


def squared_distance(model: nn.Module, x: Tensor, labels: Tensor, target: Target) -> Tensor:
    """Squared Euclidean distance (Zhu et al. 2019)."""
    return _elementwise(model, x, labels, target, torch.square)


def absolute_distance(model: nn.Module, x: Tensor, labels: Tensor, target: Target) -> Tensor:
    """Sum of absolute differences."""
    return _elementwise(model, x, labels, target, torch.abs)


def _elementwise(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    target: Target,
    measure: Callable[[Tensor], Tensor],
) -> Tensor:
    # Differences are formed before they are measured: by inner products, <g, g> - 2 <g, t> +
    # <t, t> would lose all digits where the gradients nearly agree.
    pairs = zip(target.simulated(model, x, labels), target.gradients, strict=True)
    sums = torch.stack([measure(g - t).flatten(1).sum(1) for g, t in pairs], 1)
    return sums.mean(1) if target.reduction == "mean" else sums.sum(1)


OBJECTIVES: dict[str, Objective] = {
    "cosine": cosine,
    "simlocal": cosine_per_tensor,
    "out_sim": cosine_per_row,
    "l2": squared_distance,
    "l1": absolute_distance,
}
