"""Weights on disk: safetensors, so that loading a checkpoint never runs code."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from reveil.errors import ReveilError
from reveil.files import atomic
from reveil.models.zoo import construct

REQUIRED = ("model", "channels", "size", "classes")
DIGEST = "tensors_sha256"


def save_weights(path: str | Path, model: nn.Module, metadata: Mapping[str, object]) -> None:
    """Write a model's parameters and buffers with the facts needed to load them again.

    Args:
        metadata: ``model``, ``channels``, ``size`` and ``classes`` at least; written as strings.

    Raises:
        ReveilError: a required fact is missing.
    """
    _require(path, metadata)
    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
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
    state, metadata = _read(path)
    _require(path, metadata)
    try:
        numbers = [int(metadata[key]) for key in REQUIRED[1:]]
    except ValueError as error:
        raise ReveilError(f"weights {path}: metadata is damaged: {error}") from None
    try:
        with torch.device("meta"):
            model = construct(metadata["model"], *numbers)
    except ReveilError as error:
        raise ReveilError(f"weights {path}: {error}") from None
    _compare(path, metadata["model"], state, model.state_dict())
    if metadata.get(DIGEST) != tensors_digest(state):
        raise ReveilError(
            f"weights {path}: the tensors are not those that were saved (their {DIGEST} differs); "
            "delete the file to have it made again"
        )
    model.load_state_dict(state, assign=True)
    return model.to(device).eval(), metadata


def _read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
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


def _require(path: str | Path, metadata: Mapping[str, object]) -> None:
    if missing := [key for key in REQUIRED if key not in metadata]:
        raise ReveilError(f"weights {path}: metadata lacks {', '.join(missing)}")


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
