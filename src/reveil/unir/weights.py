"""Generators on disk, with what was trained beside them and what they were built from."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.models.blank import blank
from reveil.models.weights import (
    check_digest,
    read_tensors,
    require,
    restore,
    write_tensors,
)
from reveil.unir.networks.interface import Discriminator, Reconstructor, Sampler
from reveil.unir.networks.settings import Blueprint, NetworkSettings
from reveil.unir.networks.zoo import construct, construct_discriminator

REQUIRED = ("model", "channels", "size", "network")
DISCRIMINATOR = "discriminator"
PREFIX = f"{DISCRIMINATOR}."
AVERAGED = "averaged."


def tensors(
    generator: Reconstructor | Sampler,
    discriminator: Discriminator | None,
    averaged: Reconstructor | Sampler | None = None,
) -> dict[str, Tensor]:
    """Return the tensors of all networks under the names that they have on disk."""
    state = dict(generator.state_dict())
    for prefix, network in ((PREFIX, discriminator), (AVERAGED, averaged)):
        if network is not None:
            state |= {prefix + name: value for name, value in network.state_dict().items()}
    return state


def save(
    path: str | Path,
    generator: Reconstructor | Sampler,
    discriminator: Discriminator | None,
    facts: Mapping[str, object],
    averaged: Reconstructor | Sampler | None = None,
) -> None:
    """Write a generator, what was trained beside it, and all that is needed to load them.

    Args:
        facts: more metadata, written as strings; those of the networks themselves are added.
        averaged: the generator with averaged weights, where there is one.
    """
    blueprint = generator.blueprint
    own: dict[str, object] = {
        "model": blueprint.model,
        "channels": blueprint.channels,
        "size": blueprint.size,
        "network": json.dumps(blueprint.settings.to_dict(), sort_keys=True),
    }
    if discriminator is not None:
        judged = {"shape": discriminator.measurement_shape, "paired": discriminator.paired}
        own[DISCRIMINATOR] = json.dumps(judged, sort_keys=True)
    kept = {key: value for key, value in facts.items() if key != DISCRIMINATOR}
    write_tensors(path, tensors(generator, discriminator, averaged), {**kept, **own})


def load(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[Reconstructor | Sampler, Discriminator | None, dict[str, str]]:
    """Return (generator, discriminator or None, metadata), both in eval mode on ``device``.

    Raises:
        ReveilError: the file is missing, damaged, or does not hold the networks it names.
    """
    state, metadata = _read(path)
    judging = _part(state, PREFIX)
    own = {k: v for k, v in state.items() if not k.startswith((PREFIX, AVERAGED))}
    generator, discriminator = _built(path, metadata)
    restore(path, metadata["model"], generator, own)
    if discriminator is not None:
        restore(path, f"the discriminator of {metadata['model']}", discriminator, judging)
        discriminator = discriminator.to(device).eval()
    elif judging:
        raise ReveilError(f"weights {path}: metadata lacks {DISCRIMINATOR}")
    check_digest(path, state, metadata)
    return generator.to(device).eval(), discriminator, metadata


def load_averaged(path: str | Path, device: str | torch.device = "cpu") -> Reconstructor | Sampler:
    """Return the generator with its averaged weights, in eval mode on ``device``.

    Raises:
        ReveilError: as for :func:`load`, or nothing was averaged.
    """
    state, metadata = _read(path)
    averaged = _part(state, AVERAGED)
    if not averaged:
        raise ReveilError(
            f"weights {path}: nothing was averaged in training; allowed: a recipe whose "
            "reconstruction.ema is above 0"
        )
    generator, _ = _built(path, metadata)
    restore(path, f"the average of {metadata['model']}", generator, averaged)
    check_digest(path, state, metadata)
    return generator.to(device).eval()


def _read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    state, metadata = read_tensors(path)
    require(path, metadata, REQUIRED)
    return state, metadata


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _built(
    path: str | Path, metadata: Mapping[str, str]
) -> tuple[Reconstructor | Sampler, Discriminator | None]:
    """Return the networks of a file, on the meta device.

    Raises:
        ReveilError: the metadata are damaged.
    """
    try:
        with blank():
            return _blank_networks(metadata)
    except ReveilError as error:
        raise ReveilError(f"weights {path}: {error}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ReveilError(f"weights {path}: metadata is damaged: {error}") from None


def _blank_networks(
    metadata: Mapping[str, str],
) -> tuple[Reconstructor | Sampler, Discriminator | None]:
    """Return the networks that metadata stand for, on the meta device."""
    blueprint = Blueprint(
        metadata["model"],
        int(metadata["channels"]),
        int(metadata["size"]),
        NetworkSettings(**json.loads(metadata["network"])),
    )
    generator = construct(blueprint)
    if DISCRIMINATOR not in metadata:
        return generator, None
    judged = json.loads(metadata[DISCRIMINATOR])
    return generator, construct_discriminator(blueprint, judged["shape"], judged["paired"])
