"""CUB-200-2011: JPEG images of many sizes and lists of them in a compressed tar archive.

Images keep the order of ``images.txt``, which sorts them by class, within the official split of
``train_test_split.txt``.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from reveil.datasets import LABELS, Dataset
from reveil.errors import ReveilError
from reveil.readers.blocks import PICTURES, Block, Blocks
from reveil.readers.pictures import decode
from reveil.readers.tars import opened, wanted_members
from reveil.readers.zips import LONGEST_MEMBER

FOLDER = "CUB_200_2011"
LISTS = ("images.txt", "image_class_labels.txt", "train_test_split.txt")

T = TypeVar("T")


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the images of a split as they come in the archive, with the rows they belong to."""
    path = archives / dataset.archives[0]
    chosen = _chosen(path, split)
    wanted = {f"{FOLDER}/images/{name}": row for row, (name, _) in enumerate(chosen)}
    left = dict(wanted)
    labels = np.array([label for _, label in chosen], dtype=np.int64)
    images: list[np.ndarray] = []
    rows: list[int] = []
    with opened(path) as archive:
        for name, stream in wanted_members(path, archive, wanted, LONGEST_MEMBER):
            images.append(decode(stream.read(), f"{path}: {name}", dataset))
            rows.append(left.pop(name))
            if len(rows) == PICTURES or not left:
                yield Block(np.stack(images), {LABELS: labels[rows]}, np.array(rows))
                images, rows = [], []
            if not left:
                return
    if left:
        raise ReveilError(f"{path}: has no member {next(iter(left))}")


def _chosen(path: Path, split: str) -> list[tuple[str, int]]:
    """Return (file name below images/, label from 0) of a split's images, in their order."""
    texts = _lists(path)
    names = _column(path, LISTS[0], texts, str)
    labels = _column(path, LISTS[1], texts, int)
    trained = _column(path, LISTS[2], texts, int)
    for file, values in zip(LISTS[1:], (labels, trained), strict=True):
        missing = names.keys() ^ values.keys()
        if missing:
            raise ReveilError(f"{path}: {LISTS[0]} and {file} do not agree on image {min(missing)}")
    if len(set(names.values())) != len(names):
        raise ReveilError(f"{path}: {LISTS[0]} names an image twice")
    odd = next((i for i, value in trained.items() if value not in (0, 1)), None)
    if odd is not None:
        raise ReveilError(f"{path}: {LISTS[2]} has {trained[odd]} for image {odd}, not 0 or 1")
    wanted = int(split == "train")
    return [(names[i], labels[i] - 1) for i in sorted(names) if trained[i] == wanted]


def _lists(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    named = {f"{FOLDER}/{name}": name for name in LISTS}
    with opened(path) as archive:
        for member, stream in wanted_members(path, archive, named, LONGEST_MEMBER):
            found[named[member]] = stream.read().decode("utf-8", "replace")
            if len(found) == len(LISTS):
                return found
    missing = next(name for name in LISTS if name not in found)
    raise ReveilError(f"{path}: has no member {FOLDER}/{missing}")


def _column(
    path: Path, name: str, texts: Mapping[str, str], kind: Callable[[str], T]
) -> dict[int, T]:
    """Return image number -> value of a list with two columns."""
    values: dict[int, T] = {}
    for number, line in enumerate(texts[name].splitlines(), start=1):
        try:
            image, value = line.split()
            values[int(image)] = kind(value)
        except ValueError:
            raise ReveilError(
                f"{path}: {name}, line {number}: {line[:80]!r} is not an image's number and a value"
            ) from None
    return values
