"""Weights on disk: safetensors, so that loading a checkpoint never runs code."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from reveil.errors import ReveilError
from reveil.files import atomic
from reveil.models.names import PLUGGED, parse
from reveil.models.zoo import build, construct

REQUIRED = ("model", "channels", "size", "classes")
DIGEST = "tensors_sha256"


def save_weights(path: str | Path, model: nn.Module, metadata: Mapping[str, object]) -> None:
    """Write a model's parameters and buffers with the facts needed to load them again.

    Args:
        metadata: ``model``, ``channels``, ``size`` and ``classes`` at least; written as strings.

    Raises:
        ReveilError: a required fact is missing.
    """
    require(path, metadata, REQUIRED)
    write_tensors(path, model.state_dict(), metadata)


def write_tensors(
    path: str | Path, state: Mapping[str, Tensor], metadata: Mapping[str, object]
) -> None:
    """Write named tensors, their digest, and metadata as strings."""
    state = {k: v.detach().cpu().contiguous() for k, v in state.items()}
    facts = {k: str(v) for k, v in metadata.items()} | {DIGEST: tensors_digest(state)}
    with atomic(path) as temporary:
        save_file(state, temporary, metadata=facts)


def tensors_digest(state: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of all tensors, in hex."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(f"{name} {_describe(state[name])}\n".encode())
        digest.update(state[name].cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def load_model(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[nn.Module, dict[str, str]]:
    """Return (model in eval mode on ``device``, metadata) of a checkpoint.

    Raises:
        ReveilError: the file is missing, damaged, or does not hold the network it names.
    """
    state, metadata = read_tensors(path)
    require(path, metadata, REQUIRED)
    numbers = read_numbers(path, metadata)
    try:
        model = _blank(metadata["model"], numbers)
    except ReveilError as error:
        raise ReveilError(f"weights {path}: {error}") from None
    restore(path, metadata["model"], model, state)
    check_digest(path, state, metadata)
    return model.to(device).eval(), metadata


def read_numbers(path: str | Path, metadata: Mapping[str, str]) -> tuple[int, int, int]:
    """Return channels, size and classes of a checkpoint.

    Raises:
        ReveilError: they are no numbers.
    """
    try:
        channels, size, classes = (int(metadata[key]) for key in REQUIRED[1:])
    except ValueError as error:
        raise ReveilError(f"weights {path}: metadata is damaged: {error}") from None
    return channels, size, classes


def restore(path: str | Path, name: str, model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give ``model``, built on the meta device, the tensors of a checkpoint.

    Raises:
        ReveilError: they are not those of the network called ``name``.
    """
    _compare(path, name, state, model.state_dict())
    model.load_state_dict(state, assign=True)


def check_digest(
    path: str | Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Refuse tensors that are not those that were saved.

    Raises:
        ReveilError: their digest differs from that in the metadata.
    """
    if metadata.get(DIGEST) != tensors_digest(state):
        raise ReveilError(
            f"weights {path}: the tensors are not those that were saved (their {DIGEST} differs); "
            "delete the file to have it made again"
        )


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return (tensors, metadata) of a checkpoint, unchecked.

    Raises:
        ReveilError: the file is missing or damaged.
    """
    if not Path(path).is_file():
        raise ReveilError(f"weights {path}: there is no such file")
    try:
        with safe_open(path, framework="pt") as stored:
            # Copied: the tensors are views of a mapped file, which may be replaced on disk.
            state = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118
            return state, stored.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise ReveilError(
            f"weights {path}: the file is damaged or not in safetensors format ({error}); "
            "delete it to have it made again"
        ) from None


def require(path: str | Path, metadata: Mapping[str, object], keys: Sequence[str]) -> None:
    """Refuse metadata without all of ``keys``.

    Raises:
        ReveilError: with the missing ones.
    """
    if missing := [key for key in keys if key not in metadata]:
        raise ReveilError(f"weights {path}: metadata lacks {', '.join(missing)}")


def _blank(name: str, numbers: tuple[int, int, int]) -> nn.Module:
    """Return a network whose weights are still to be put in."""
    # Code of users may calculate where it builds, which nothing does on the meta device.
    if parse(name).family == PLUGGED:
        return build(name, *numbers, seed=0)
    with torch.device("meta"):
        return construct(name, *numbers)


def _compare(
    path: str | Path, model: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> None:
    """Raise a ``ReveilError`` that names the first tensor that is not as ``model`` has it."""
    for name in sorted(found.keys() | expected.keys()):
        if name not in found:
            raise ReveilError(f"weights {path}: tensor {name!r} of {model} is missing")
        if name not in expected:
            raise ReveilError(f"weights {path}: tensor {name!r} does not belong to {model}")
        got, wanted = found[name], expected[name]
        if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
            raise ReveilError(
                f"weights {path}: tensor {name!r} is {_describe(got)}, "
                f"{model} needs {_describe(wanted)}"
            )


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
