"""A folder of images of one's own: their class is their subfolder; without labels all are of 0."""

from pathlib import Path

import numpy as np

from reveil.datasets import LABELS, Dataset, files_of
from reveil.datasets.folders import class_of
from reveil.readers.blocks import PICTURES, Block, Blocks, reading
from reveil.readers.pictures import decode

# What files with the suffixes of :mod:`reveil.datasets.folders` hold.
KINDS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the images of a split in the order of their paths below the folder ``archives``."""
    names = files_of(dataset, archives, split)
    number = {name: label for label, name in enumerate(dataset.folder.classes)}
    for start in range(0, len(names), PICTURES):
        pixels, labels = [], []
        for name in names[start : start + PICTURES]:
            path = archives / name
            with reading(path):
                content = path.read_bytes()
            pixels.append(decode(content, str(path), dataset, KINDS))
            labels.append(number[class_of(name, dataset.folder.test)] if number else 0)
        yield Block(np.stack(pixels), {LABELS: np.array(labels, dtype=np.int64)})
