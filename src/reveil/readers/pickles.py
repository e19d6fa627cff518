"""Pickles of CIFAR's batches: dicts, lists, numbers, texts, and arrays of bytes; nothing is run.

A pickle is a program. Here the names that it may call stand for classes of this module that only
note what they are given: neither NumPy nor anything else is called while it is read, as even
NumPy's own reconstruction of an array takes the types of its memory from the pickle.
"""

import pickle
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np


class _Type:
    """What stands for ``numpy.dtype``."""

    def __init__(self, name: object = None, *_: object) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        """Byte order and size, of which bytes have none."""


class _Array:
    """What stands for an array: what it would be made of."""

    def __init__(self) -> None:
        self.shape: object = None
        self.type: object = None
        self.columns_first: object = None
        self.content: object = None

    def __setstate__(self, state: object) -> None:
        _, self.shape, self.type, self.columns_first, self.content = state


class _Reconstruct:
    """What stands for NumPy's function that makes an empty array, and for its class."""

    def __new__(cls, *_: object) -> Any:
        return _Array()


# The function has moved within NumPy; the archives, written by Python 2, name its first home.
_GLOBALS = MappingProxyType(
    {
        ("numpy.core.multiarray", "_reconstruct"): _Reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _Reconstruct,
        ("numpy", "ndarray"): _Reconstruct,
        ("numpy", "dtype"): _Type,
    }
)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in it") from None


def load(stream: BinaryIO) -> dict[str, Any]:
    """Return the batch of a pickle: its keys as text, its arrays as uint8 arrays.

    Raises:
        pickle.UnpicklingError: the pickle names anything else, or an array is not of bytes.
        Exception: whatever a damaged pickle raises.
    """
    loaded = _Unpickler(stream, encoding="latin1").load()
    batch = loaded if isinstance(loaded, dict) else {}
    return {
        key.decode("latin1") if isinstance(key, bytes) else key: _value(value)
        for key, value in batch.items()
    }


def _value(value: Any) -> Any:
    return _array(value) if isinstance(value, _Array) else value


def _array(found: _Array) -> np.ndarray:
    """Return the array that was meant."""
    name = found.type.name if isinstance(found.type, _Type) else None
    content, shape = found.content, found.shape
    if isinstance(content, str):
        content = content.encode("latin1")
    plain = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if name not in ("u1", "uint8", b"u1") or not plain or not isinstance(content, bytes):
        raise pickle.UnpicklingError("an array in it is not of bytes")
    order = "F" if found.columns_first else "C"
    return np.frombuffer(content, dtype=np.uint8).reshape(shape, order=order)
