"""IDX, the layout of MNIST and Fashion-MNIST."""

import gzip
import hashlib
from pathlib import Path

import numpy as np

from reveil.datasets import FASHION_GROUPS, FINE, IDX_ARCHIVES, LABELS, Dataset
from reveil.errors import ReveilError
from reveil.readers.blocks import Block, Blocks, check_classes, reading

# The training images of Fashion-MNIST take 47 MB; a small archive can decompress to any size.
LONGEST = 1 << 27


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the one block of a split."""
    pair = IDX_ARCHIVES[:2] if split == "train" else IDX_ARCHIVES[2:]
    paths = [archives / name for name in pair]
    images, labels = (
        read_idx(path, dimensions, dataset.contents.get(path.name))
        for path, dimensions in zip(paths, (3, 1), strict=True)
    )
    if FINE not in dataset.extras:
        yield Block(images[:, None], {LABELS: labels})
        return
    check_classes(paths[1], split, labels, len(FASHION_GROUPS))
    yield Block(images[:, None], {LABELS: np.array(FASHION_GROUPS)[labels], FINE: labels})


def read_idx(path: Path, dimensions: int, digest: str | None = None) -> np.ndarray:
    """Return the array of a gzip-compressed IDX file of unsigned bytes.

    Args:
        path: the archive.
        dimensions: how many the array must have.
        digest: SHA-256 that the decompressed content must have; None to take any.

    Raises:
        ReveilError: the file is missing, damaged or something else.
    """
    with reading(path), gzip.open(path) as stream:
        content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise ReveilError(f"{path}: is longer than {LONGEST} bytes once decompressed")
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise ReveilError(f"{path}: starts with {content[:4].hex()}, not {magic.hex()} as IDX does")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ReveilError(f"{path}: its IDX header is cut off")
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], dtype=">u4"))
    if len(content) - start != int(np.prod(shape, dtype=object)):
        raise ReveilError(
            f"{path}: holds {len(content) - start} bytes after its header, which says {shape}"
        )
    actual = hashlib.sha256(content).hexdigest()
    if digest is not None and actual != digest:
        raise ReveilError(f"{path}: content has sha256 {actual} instead of {digest}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
