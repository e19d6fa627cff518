"""What readers have in common: the blocks they yield, and errors that name the archive."""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reveil.errors import ReveilError

# How many images lie in memory together: small ones, and decoded photographs.
BLOCK = 1000
PICTURES = 100


@dataclass(frozen=True)
class Block:
    """Some images of a split.

    Attributes:
        images: (B, C, H, W) uint8.
        arrays: file name -> what that file says of each of them, B values or rows.
        rows: (B,) numbers of the images in their split, each once among all blocks; None where
            they follow the block before.
    """

    images: np.ndarray
    arrays: Mapping[str, np.ndarray]
    rows: np.ndarray | None = None


Blocks = Iterator[Block]


def check_classes(where: object, split: str, labels: np.ndarray, classes: int) -> None:
    """Raise a ``ReveilError`` for labels outside 0..classes-1.

    Args:
        where: what holds them, for the message.
        split: theirs, for the message.
        labels: (B,) integers.
    """
    if len(labels) and (labels.min() < 0 or labels.max() >= classes):
        raise ReveilError(
            f"{where}: has labels from {labels.min()} to {labels.max()} ({split}) "
            f"instead of 0 to {classes - 1}"
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading an archive into one ``ReveilError`` that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise ReveilError(f"{path}: no such archive; fetch the dataset first") from error
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ReveilError(
            f"{path}: truncated or damaged ({error}); remove it and fetch the dataset again"
        ) from error
