"""Copies of a model for threads: modules of their own, parameters and buffers in common."""

import copy

from torch import nn


def replica(model: nn.Module) -> nn.Module:
    """Return a copy that shares every parameter and buffer.

    What a thread hangs on the modules of its copy, hooks above all, no other thread meets.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)
