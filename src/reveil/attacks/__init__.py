"""Gradient inversion attacks: from the model and what a victim shares, a guess of its image.

An attack is one module with a function ``reconstruct`` of the signature below, listed in
``METHODS``, or what a plug-in gives. It never gets an image: see :mod:`reveil.scene`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from reveil.attacks import aware, lbfgs, optimise, plugged, translation
from reveil.attacks.interface import Attack, Reconstruction
from reveil.errors import ReveilError, not_allowed
from reveil.job import State
from reveil.plugins import known
from reveil.scene import Shared

METHODS: dict[str, Attack] = {
    "optimise": optimise.reconstruct,
    "lbfgs": lbfgs.reconstruct,
    "translation": translation.reconstruct,
    "aware": aware.reconstruct,
}

__all__ = ["METHODS", "Attack", "Reconstruction", "reconstruct"]


def reconstruct(
    model: nn.Module,
    shared: Shared,
    parameters: Mapping[str, Any],
    images: Sequence[int],
    seed: int,
    device: torch.device | str = "cpu",
    chunk: int | str = "auto",
    state: State | None = None,
    dtype: torch.dtype = torch.float32,
    loss_factor: float = 1.0,
) -> Reconstruction:
    """Attack a block of shared gradients, each by itself.

    Args:
        model: the network that the gradients are of; left untouched.
        shared: what the victims let out, on any device.
        parameters: of the attack, complete; ``method`` chooses the attack.
        images: indices that name the random streams of the victims' images; those behind one
            gradient follow each other.
        seed: of the run.
        chunk: images per tensor, or ``auto``; changes no result.
        state: where a long attack keeps what it needs to go on after an interruption.
        dtype: of all computation.
        loss_factor: what the attacker believes the victims multiply their loss with.

    Raises:
        ReveilError: an unknown method or value of a parameter, or not one index per image.
    """
    count = len(shared) * shared.batch
    if len(images) != count:
        raise ReveilError(f"images: {len(images)} indices for {count} images; allowed: one each")
    method = METHODS.get(parameters["method"])
    if known.find(known.ATTACK, parameters["method"], known.ATS):
        method = plugged.reconstruct
    if method is None:
        own = known.names(known.ATTACK, known.ATS)
        raise ReveilError(not_allowed("attack method", parameters["method"], [*METHODS, *own]))
    return method(
        model,
        shared,
        parameters,
        images,
        seed,
        device=torch.device(device),
        chunk=chunk,
        state=state,
        dtype=dtype,
        loss_factor=loss_factor,
    )
