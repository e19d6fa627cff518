"""The optimizers of the recipes, over PyTorch's functional ones.

``torch.optim.Optimizer`` imports PyTorch's compiler when the first one is made, which takes longer
than a small training; the update rules themselves need nothing of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from reveil.errors import ReveilError, not_allowed

Buffers = dict[str, list[Tensor]]


class Optimizer(ABC):
    """Parameters, the settings of an update rule, and the rule's buffers.

    Attributes:
        buffers: lists with a tensor per parameter; empty before the first step.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], settings: Mapping[str, Any]) -> None:
        self.parameters, self.settings = list(parameters), dict(settings)
        self.buffers: Buffers = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Update every parameter by its gradient with learning rate ``rate``."""
        self._update([p.grad for p in self.parameters], rate)

    @abstractmethod
    def _update(self, gradients: list[Tensor], rate: float) -> None: ...


class SGD(Optimizer):
    """Stochastic gradient descent; settings ``momentum``, ``nesterov``, ``weight_decay``."""

    def _update(self, gradients: list[Tensor], rate: float) -> None:
        # Without buffers, the first step makes them: copies of the gradients, decay included.
        momenta = self.buffers.get("momentum", [None] * len(self.parameters))
        sgd(
            self.parameters,
            gradients,
            momenta,
            lr=rate,
            dampening=0.0,
            maximize=False,
            **self.settings,
        )
        if self.settings["momentum"]:
            self.buffers["momentum"] = momenta


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) with PyTorch's epsilon.

    Settings ``weight_decay``, ``beta1`` and ``beta2``.
    """

    def _update(self, gradients: list[Tensor], rate: float) -> None:
        if not self.buffers:
            self.buffers = {
                "mean": [torch.zeros_like(p) for p in self.parameters],
                "square": [torch.zeros_like(p) for p in self.parameters],
                "steps": [torch.zeros(()) for _ in self.parameters],
            }
        adam(
            self.parameters,
            gradients,
            self.buffers["mean"],
            self.buffers["square"],
            [],
            self.buffers["steps"],
            amsgrad=False,
            lr=rate,
            eps=1e-8,
            maximize=False,
            **self.settings,
        )


class RMSprop(Optimizer):
    """RMSprop with PyTorch's smoothing (0.99) and epsilon; setting ``weight_decay``."""

    def _update(self, gradients: list[Tensor], rate: float) -> None:
        if not self.buffers:
            self.buffers = {
                "square": [torch.zeros_like(p) for p in self.parameters],
                "steps": [torch.zeros(()) for _ in self.parameters],
            }
        rmsprop(
            self.parameters,
            gradients,
            self.buffers["square"],
            [],
            [],
            self.buffers["steps"],
            lr=rate,
            alpha=0.99,
            eps=1e-8,
            momentum=0.0,
            centered=False,
            **self.settings,
        )


RULES: dict[str, tuple[type[Optimizer], tuple[str, ...]]] = {
    "sgd": (SGD, ("momentum", "nesterov", "weight_decay")),
    "adam": (Adam, ("weight_decay", "beta1", "beta2")),
    "rmsprop": (RMSprop, ("weight_decay",)),
}
# Settings that a recipe may leave out, with PyTorch's values.
USUAL = {"beta1": 0.9, "beta2": 0.999}


def make_optimizer(
    parameters: Iterable[nn.Parameter],
    recipe: Mapping[str, Any],
    key: str = "recipe.optimizer",
    allowed: Iterable[str] = RULES,
) -> Optimizer:
    """Return the recipe's optimizer over ``parameters``; weight decay applies to all of them.

    Args:
        recipe: its ``optimizer`` and the settings of that rule, see ``RULES`` and ``USUAL``.
        key: what messages call the optimizer.
        allowed: names to choose from.

    Raises:
        ReveilError: an optimizer that is not allowed.
    """
    if recipe["optimizer"] not in allowed:
        raise ReveilError(not_allowed(key, recipe["optimizer"], allowed))
    rule, keys = RULES[recipe["optimizer"]]
    return rule(parameters, {key: (USUAL | dict(recipe))[key] for key in keys})


def pack(
    networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]
) -> dict[str, Tensor]:
    """Return all tensors of networks and optimizers under flat names, for a resume state.

    Args:
        networks, optimizers: by names of one word, such as ``model`` and ``optimizer``.
    """
    tensors = {
        f"{name}.{key}": value
        for name, network in networks.items()
        for key, value in network.state_dict().items()
    }
    for name, optimizer in optimizers.items():
        for buffer, values in optimizer.buffers.items():
            tensors |= {f"{name}.{buffer}.{i}": value for i, value in enumerate(values)}
    return tensors


def unpack(
    tensors: Mapping[str, Tensor],
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
) -> None:
    """Put what :func:`pack` returned back in place."""
    for name, network in networks.items():
        start = f"{name}."
        weights = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        network.load_state_dict(weights)
    for name, optimizer in optimizers.items():
        buffers = {key.split(".")[1] for key in tensors if key.startswith(f"{name}.")}
        optimizer.buffers = {
            buffer: [
                _like(parameter, tensors[f"{name}.{buffer}.{i}"])
                for i, parameter in enumerate(optimizer.parameters)
            ]
            for buffer in buffers
        }


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """Return ``value`` laid out in memory as ``parameter``: the same kernels, the same rounding."""
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, requires_grad=False).copy_(value)
