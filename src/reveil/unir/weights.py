"""Generators on disk: the generator, its discriminator, and what both were built from."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch

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


def save(
    path: str | Path,
    generator: Reconstructor | Sampler,
    discriminator: Discriminator | None,
    facts: Mapping[str, object],
) -> None:
    """Write a generator, its discriminator if there is one, and all that is needed to load them.

    Args:
        facts: more metadata, written as strings; those of the networks themselves are added.
    """
    blueprint = generator.blueprint
    state = dict(generator.state_dict())
    own: dict[str, object] = {
        "model": blueprint.model,
        "channels": blueprint.channels,
        "size": blueprint.size,
        "network": json.dumps(blueprint.settings.to_dict(), sort_keys=True),
    }
    if discriminator is not None:
        state |= {PREFIX + name: value for name, value in discriminator.state_dict().items()}
        judged = {"shape": discriminator.measurement_shape, "paired": discriminator.paired}
        own[DISCRIMINATOR] = json.dumps(judged, sort_keys=True)
    kept = {key: value for key, value in facts.items() if key != DISCRIMINATOR}
    write_tensors(path, state, {**kept, **own})


def load(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[Reconstructor | Sampler, Discriminator | None, dict[str, str]]:
    """Return (generator, discriminator or None, metadata), both in eval mode on ``device``.

    Raises:
        ReveilError: the file is missing, damaged, or does not hold the networks it names.
    """
    state, metadata = read_tensors(path)
    require(path, metadata, REQUIRED)
    judging = {k.removeprefix(PREFIX): v for k, v in state.items() if k.startswith(PREFIX)}
    own = {k: v for k, v in state.items() if not k.startswith(PREFIX)}
    try:
        with blank():
            generator, discriminator = _blank_networks(metadata)
    except ReveilError as error:
        raise ReveilError(f"weights {path}: {error}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ReveilError(f"weights {path}: metadata is damaged: {error}") from None
    restore(path, metadata["model"], generator, own)
    if discriminator is not None:
        restore(path, f"the discriminator of {metadata['model']}", discriminator, judging)
        discriminator = discriminator.to(device).eval()
    elif judging:
        raise ReveilError(f"weights {path}: metadata lacks {DISCRIMINATOR}")
    check_digest(path, state, metadata)
    return generator.to(device).eval(), discriminator, metadata


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
