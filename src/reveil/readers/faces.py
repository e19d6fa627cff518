"""CelebA: aligned faces in a zip archive, and lists of what is said of them.

Training is partition 0 of the official list, the first 162,770 images; the test split is all
others, its validation and its test part, as Xiang et al.'s released code (2022) evaluates. The
released code of Pajot et al. (2019) tells the parts by a digit of the file's name instead. Images
keep the order of that list.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from reveil.datasets import (
    ATTRIBUTES,
    CELEBA_ATTRIBUTES,
    CELEBA_LABEL,
    IDENTITY,
    LABELS,
    Dataset,
)
from reveil.errors import ReveilError
from reveil.readers.blocks import PICTURES, Block, Blocks, reading
from reveil.readers.pictures import decode
from reveil.readers.zips import check_names, member_of

FOLDER = "img_align_celeba"
TRAINING, PARTITIONS = 0, (0, 1, 2)
TEST_DIGITS = ("8", "9")

Values = dict[str, Any]


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the images of a split in the order of the list of partitions."""
    images, attributes, identities, partition = (archives / name for name in dataset.archives)
    parts = _listed(partition, _text(partition), _partition)
    said = _attributes(attributes)
    people = _listed(identities, _text(identities), _identity)
    for path, values in ((attributes, said), (identities, people)):
        missing = parts.keys() ^ values.keys()
        if missing:
            raise ReveilError(f"{path}: does not agree with {partition.name} on {min(missing)}")
    names = [name for name, part in parts.items() if _split(dataset, name, part) == split]
    with reading(images), zipfile.ZipFile(images) as archive:
        check_names(images, archive)
        for start in range(0, len(names), PICTURES):
            chosen = names[start : start + PICTURES]
            pixels = [
                decode(member_of(archive, f"{FOLDER}/{name}"), f"{images}: {name}", dataset)
                for name in chosen
            ]
            flags = np.array([said[name] for name in chosen])
            arrays = {
                LABELS: flags[:, CELEBA_ATTRIBUTES.index(CELEBA_LABEL)].astype(np.int64),
                ATTRIBUTES: flags,
                IDENTITY: np.array([people[name] for name in chosen], dtype=np.int64),
            }
            yield Block(np.stack(pixels), arrays)


def _split(dataset: Dataset, name: str, part: int) -> str:
    digit = dataset.split_digit
    trained = part == TRAINING if digit is None else name[digit : digit + 1] not in TEST_DIGITS
    return "train" if trained else "test"


def _text(path: Path) -> list[str]:
    with reading(path):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _attributes(path: Path) -> Values:
    """Return file name -> (40,) bool; the list starts with a count and the attributes' names."""
    lines = _text(path)
    named = lines[1].split() if len(lines) > 1 else []
    if tuple(named) != CELEBA_ATTRIBUTES:
        raise ReveilError(
            f"{path}: line 2 does not name the {len(CELEBA_ATTRIBUTES)} attributes of CelebA"
        )
    values = _listed(path, lines, _flags, skip=2)
    if lines[0].strip() != str(len(values)):
        raise ReveilError(f"{path}: announces {lines[0][:20]!r} images but lists {len(values)}")
    return values


def _listed(
    path: Path, lines: list[str], read: Callable[[list[str]], Any], *, skip: int = 0
) -> Values:
    """Return file name -> what ``read`` makes of the rest of its line."""
    values: Values = {}
    for number, line in enumerate(lines[skip:], start=skip + 1):
        fields = line.split()
        try:
            values[fields[0]] = read(fields[1:])
        except (ValueError, IndexError):
            raise ReveilError(f"{path}: line {number}: {line[:80]!r} is not allowed") from None
    return values


def _flags(fields: list[str]) -> np.ndarray:
    if len(fields) != len(CELEBA_ATTRIBUTES) or not set(fields) <= {"-1", "1"}:
        raise ValueError
    return np.array(fields) == "1"


def _identity(fields: list[str]) -> int:
    (person,) = map(int, fields)
    if person < 1:
        raise ValueError
    return person


def _partition(fields: list[str]) -> int:
    (part,) = map(int, fields)
    return PARTITIONS.index(part)
