"""Optimisers of many independent problems in one tensor: every operation is elementwise."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Moments = dict[str, Tensor]


class Optimizer(NamedTuple):
    """An elementwise first-order method.

    Attributes:
        start: makes the state for a tensor of guesses; its tensors have the images first.
        step: ``step(x, gradient, state, iteration, rate)`` updates ``x`` and the state in place;
            ``iteration`` counts from 0.
    """

    start: Callable[[Tensor], Moments]
    step: Callable[[Tensor, Tensor, Moments, int, float], None]


def _adam_start(x: Tensor) -> Moments:
    return {"mean": torch.zeros_like(x), "square": torch.zeros_like(x)}


def _adam_step(x: Tensor, gradient: Tensor, state: Moments, iteration: int, rate: float) -> None:
    """Adam (Kingma and Ba 2015, algorithm 1) with its default constants."""
    first, second, epsilon = 0.9, 0.999, 1e-8
    state["mean"].lerp_(gradient, 1 - first)
    state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
    scale = (1 - second ** (iteration + 1)) ** 0.5
    denominator = state["square"].sqrt().div_(scale).add_(epsilon)
    x.addcdiv_(state["mean"], denominator, value=-rate / (1 - first ** (iteration + 1)))


def _sgd_start(x: Tensor) -> Moments:
    return {"velocity": torch.zeros_like(x)}


def _sgd_step(x: Tensor, gradient: Tensor, state: Moments, iteration: int, rate: float) -> None:
    """Gradient descent with Nesterov momentum 0.9, as ``torch.optim.SGD`` does it."""
    momentum = 0.9
    state["velocity"].mul_(momentum).add_(gradient)
    x.add_(gradient + momentum * state["velocity"], alpha=-rate)


OPTIMIZERS = {
    "adam": Optimizer(_adam_start, _adam_step),
    "sgd": Optimizer(_sgd_start, _sgd_step),
}
