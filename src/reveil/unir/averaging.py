"""The exponential average of a generator's weights, and batch-norm statistics that fit it.

An average that is tested with averaged running statistics is useless: they are those of networks
that no longer exist. The statistics are estimated again.
"""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm


class Average:
    """An exponential average of a network's weights.

    The first weights are forgotten sooner than the decay would: step t keeps at most
    (1 + t) / (10 + t) of the average.

    Args:
        network: whose weights are averaged; its buffers are copied.
        decay: share of the average that a step keeps, in (0, 1).

    Attributes:
        network: a copy of the network with the averaged weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take the weights after step ``step``, counted from 0, into the average."""
        share = min(self.decay, (1 + step) / (10 + step))
        ours, theirs = list(self.network.parameters()), list(network.parameters())
        torch._foreach_lerp_(ours, theirs, 1 - share)
        for mine, other in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(other)


def norms(network: nn.Module) -> list[BatchNorm]:
    """Return the layers of a network that keep running statistics."""
    return [m for m in network.modules() if isinstance(m, BatchNorm) and m.track_running_stats]


@torch.no_grad()
def reestimate(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of batch norm to their means over ``batches``.

    Args:
        network: left in the mode it was in.
        batches: inputs of the network; of one size, so that each counts the same.
    """
    layers, training = norms(network), network.training
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        # Without a momentum, PyTorch keeps the plain mean of what it sees.
        layer.momentum = None
    network.train()
    for batch in batches:
        network(batch)
    network.train(training)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


@contextmanager
def untracked(network: nn.Module) -> Iterator[None]:
    """Leave the running statistics of batch norm alone inside the block.

    A generator sees measurements, and measurements of its own reconstructions; it is tested on the
    first.
    """
    layers = norms(network)
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
