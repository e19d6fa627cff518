"""Atomic writes: a file under its final name is always whole."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name if the block succeeds.

    The temporary name keeps the suffix, because writers such as ``numpy.savez`` and
    ``Figure.savefig`` choose the format by it. On an error nothing is left behind.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    # The only portable way to read the mask is to set it; jobs of one process do not race here.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_csv(path: str | os.PathLike[str], table: Any) -> None:
    """Write a pandas ``DataFrame`` without its index, numbers with 10 significant digits."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.10g", lineterminator="\n")


def write_npy(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write one array in NumPy's format, never with pickled objects."""
    with atomic(path) as temporary:
        np.save(temporary, array, allow_pickle=False)


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays in one compressed archive, never with pickled objects."""
    with atomic(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)
