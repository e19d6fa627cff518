"""Private networks on disk: network, critic, and the protection they were trained under."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from reveil.cvnn.private import PrivateNetwork, construct_critic
from reveil.cvnn.protections import Protection, from_json, to_json
from reveil.errors import ReveilError
from reveil.models.blank import blank
from reveil.models.weights import (
    REQUIRED,
    check_digest,
    read_numbers,
    read_tensors,
    require,
    restore,
    write_tensors,
)

PROTECTION = "protection"
CRITIC = "critic."


def save(
    path: str | Path,
    network: PrivateNetwork,
    critic: nn.Module | None,
    facts: Mapping[str, object],
) -> None:
    """Write a network, its critic if there is one, and all that is needed to load them again.

    Args:
        facts: more metadata, written as strings; those of the network itself are added.
    """
    state = dict(network.state_dict())
    if critic is not None:
        state |= {CRITIC + name: tensor for name, tensor in critic.state_dict().items()}
    own = {key: getattr(network, key) for key in REQUIRED}
    own[PROTECTION] = json.dumps(to_json(network.protection), sort_keys=True)
    write_tensors(path, state, {**facts, **own})


def load(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[PrivateNetwork, nn.Module | None, dict[str, str]]:
    """Return (network, critic or None, metadata), both in eval mode on ``device``.

    Raises:
        ReveilError: the file is missing, damaged, or does not hold the network it names.
    """
    state, metadata = read_tensors(path)
    require(path, metadata, (*REQUIRED, PROTECTION))
    numbers = read_numbers(path, metadata)
    judged = {k.removeprefix(CRITIC): v for k, v in state.items() if k.startswith(CRITIC)}
    own = {k: v for k, v in state.items() if not k.startswith(CRITIC)}
    try:
        protection = _protection(metadata[PROTECTION])
        with blank():
            network = PrivateNetwork(metadata["model"], protection, *numbers)
            critic = construct_critic(network) if judged else None
    except ReveilError as error:
        raise ReveilError(f"weights {path}: {error}") from None
    restore(path, metadata["model"], network, own)
    if critic is not None:
        restore(path, f"the critic of {metadata['model']}", critic, judged)
        critic = critic.to(device).eval()
    check_digest(path, state, metadata)
    return network.to(device).eval(), critic, metadata


def _protection(text: str) -> Protection:
    try:
        return from_json(json.loads(text))
    except ValueError as error:
        raise ReveilError(f"metadata is damaged: protection: {error}") from None
