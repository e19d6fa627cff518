"""Gradient inversion as the papers run it: one image, one loop, library double backward.

Written after the descriptions of the attacks "Adam + cosine" (Geiping et al. 2020, Gao et al. 2021)
and L-BFGS (Zhu et al. 2019), with ``torch.optim`` and nothing of reveil, so that the block attacks
have something to be measured against and tested against.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

Box = tuple[Tensor, Tensor]
Cost = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


def shared_gradient(model: nn.Module, x: Tensor, label: Tensor) -> list[Tensor]:
    """Return the gradient that a victim with the one image (1, C, H, W) would share."""
    loss = cross_entropy(model(x), label)
    return [g.detach() for g in torch.autograd.grad(loss, list(model.parameters()))]


def cosine_cost(gradient: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """1 - cosine of the concatenated gradients, added up tensor by tensor."""
    dot, norm, wanted = 0.0, 0.0, 0.0
    for g, t in zip(gradient, target, strict=True):
        dot += (g * t).sum()
        norm += g.pow(2).sum()
        wanted += t.pow(2).sum()
    return 1 - dot / norm.sqrt() / wanted.sqrt()


def squared_cost(gradient: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """Squared Euclidean distance, added up tensor by tensor."""
    return sum((g - t).square().sum() for g, t in zip(gradient, target, strict=True))


def total_variation(x: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, horizontal plus vertical."""
    horizontal = torch.mean(torch.abs(x[:, :, :, :-1] - x[:, :, :, 1:]))
    vertical = torch.mean(torch.abs(x[:, :, :-1, :] - x[:, :, 1:, :]))
    return horizontal + vertical


def attack_image(
    model: nn.Module,
    target: Sequence[Tensor],
    label: Tensor,
    start: Tensor,
    box: Box,
    iterations: int,
    *,
    signed: bool = True,
    weight: float = 1e-4,
    rate: float = 0.1,
    decay: bool = True,
) -> tuple[Tensor, list[float]]:
    """Reconstruct one image (1, C, H, W) from its gradient.

    Returns:
        The guess, and the cost without total variation before each iteration and at the end.
    """
    x = start.clone().requires_grad_()
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam([x], lr=rate)
    marks = [int(iterations // d) for d in (2.667, 1.6, 1.142)] if decay else []
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=marks, gamma=0.1)
    costs = []
    for _ in range(iterations):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), label)
        gradient = torch.autograd.grad(loss, parameters, create_graph=True)
        cost = cosine_cost(gradient, target)
        costs.append(cost.item())
        (cost + weight * total_variation(x)).backward(inputs=[x])
        if signed:
            x.grad.sign_()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            x.copy_(torch.maximum(torch.minimum(x, box[1]), box[0]))
    final = cosine_cost(torch.autograd.grad(cross_entropy(model(x), label), parameters), target)
    return x.detach(), [*costs, final.item()]


def attack_image_lbfgs(
    model: nn.Module,
    target: Sequence[Tensor],
    label: Tensor,
    start: Tensor,
    iterations: int,
    *,
    cost: Cost = cosine_cost,
    signed: bool = True,
    weight: float = 1e-4,
    rate: float = 1e-4,
    box: Box | None = None,
) -> tuple[Tensor, list[float]]:
    """Reconstruct one image (1, C, H, W) by ``iterations`` calls of ``torch.optim.LBFGS.step``.

    Returns:
        The guess, and the cost without total variation before each iteration.
    """
    x = start.clone().requires_grad_()
    parameters = list(model.parameters())
    optimizer = torch.optim.LBFGS([x], lr=rate)
    costs = []
    for _ in range(iterations):
        seen: list[float] = []

        def closure(seen: list[float] = seen) -> Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(model(x), label)
            gradient = torch.autograd.grad(loss, parameters, create_graph=True)
            found = cost(gradient, target)
            seen.append(found.item())
            total = found + weight * total_variation(x)
            total.backward(inputs=[x])
            if signed:
                x.grad.sign_()
            return total

        optimizer.step(closure)
        costs.append(seen[0])
        if box is not None:
            with torch.no_grad():
                x.copy_(torch.maximum(torch.minimum(x, box[1]), box[0]))
    return x.detach(), costs
