"""Weights that were not made here: read as tensors alone, so that no file runs code."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

import torch
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
        _refuse_bomb(path)
        # The unpickler of torch for weights: tensors and plain containers, no other global.
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        _refuse_others(path, tensors)
    except Exception as error:  # a damaged or hostile file may raise anything
        said = str(error).splitlines() or [type(error).__name__]
        raise ReveilError(f"{key} {path}: cannot be read: {said[0]}") from None
    return tensors


def _refuse_bomb(path: Path) -> None:
    """Refuse a file that would take more memory than disk; torch compresses nothing."""
    if not is_zipfile(path):
        return
    with ZipFile(path) as archive:
        if any(member.compress_type != ZIP_STORED for member in archive.infolist()):
            raise BadZipFile("it is compressed, as no file of torch is")


def _refuse_others(path: Path, tensors: object) -> None:
    if not isinstance(tensors, Mapping):
        raise ValueError("holds no named tensors")
    size = path.stat().st_size
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise ValueError(f"holds no named tensors: {name!r} is a {type(tensor).__name__}")
        # A stride of 0 makes a number of any count of them.
        if tensor.layout is not torch.strided or tensor.numel() * tensor.element_size() > size:
            raise ValueError(f"tensor {name!r} claims more than the file holds")
