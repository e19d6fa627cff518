"""A folder of images of one's own, which have no labels: all are of class 0."""

from pathlib import Path

import numpy as np

from reveil.datasets import LABELS, Dataset, files_of
from reveil.readers.blocks import PICTURES, Block, Blocks, reading
from reveil.readers.pictures import decode

# What files with the suffixes of :mod:`reveil.datasets.folders` hold.
KINDS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the images of a split in the order of their paths below the folder ``archives``."""
    names = files_of(dataset, archives, split)
    for start in range(0, len(names), PICTURES):
        pixels = []
        for name in names[start : start + PICTURES]:
            path = archives / name
            with reading(path):
                content = path.read_bytes()
            pixels.append(decode(content, str(path), dataset, KINDS))
        yield Block(np.stack(pixels), {LABELS: np.zeros(len(pixels), dtype=np.int64)})
