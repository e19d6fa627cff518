"""Weights that were not made here: read as tensors alone, so that no file runs code."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from reveil.errors import ReveilError


def read_named(key: str, path: str | Path) -> Mapping[str, Tensor]:
    """Return the named tensors of a file, on the CPU.

    Args:
        key: of the configuration that names the file, for the message.
        path: of tensors as safetensors, where it ends in ``.safetensors``, or as torch saves them.

    Raises:
        ReveilError: the file is missing or damaged, holds more than tensors, or no named ones.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        raise ReveilError(f"{key} {path}: cannot be read: {error}") from None
    if not isinstance(tensors, Mapping):
        raise ReveilError(f"{key} {path}: cannot be read: holds no named tensors")
    return tensors
