"""Tiny-ImageNet-200: JPEG images and their annotations in a zip archive."""

import zipfile
from pathlib import Path, PurePosixPath

import numpy as np

from reveil.datasets import LABELS, Dataset
from reveil.errors import ReveilError
from reveil.readers.blocks import BLOCK, Block, Blocks, reading
from reveil.readers.pictures import decode
from reveil.readers.zips import check_names, member_of

FOLDER = "tiny-imagenet-200"


def blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    """Yield the images of a split, ordered as an image folder: by class, then by file name."""
    path = archives / dataset.archives[0]
    with reading(path), zipfile.ZipFile(path) as archive:
        check_names(path, archive)
        classes = _classes(path, archive, dataset)
        items = _train_items(archive, classes) if split == "train" else _val_items(archive, classes)
        for start in range(0, len(items), BLOCK):
            block = items[start : start + BLOCK]
            images = [
                decode(_member(archive, name), f"{path}: {name}", dataset) for name, _ in block
            ]
            labels = np.array([label for _, label in block], dtype=np.int64)
            yield Block(np.stack(images), {LABELS: labels})


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    return member_of(archive, f"{FOLDER}/{name}")


def _text(archive: zipfile.ZipFile, name: str) -> list[str]:
    return _member(archive, name).decode("utf-8").splitlines()


def _classes(path: Path, archive: zipfile.ZipFile, dataset: Dataset) -> dict[str, int]:
    # An image folder numbers its classes by sorted name; so did Drabent et al. (2022).
    names = sorted(line.strip() for line in _text(archive, "wnids.txt") if line.strip())
    if len(set(names)) != dataset.classes:
        raise ReveilError(
            f"{path}: wnids.txt names {len(set(names))} classes instead of {dataset.classes}"
        )
    return {name: label for label, name in enumerate(names)}


def _train_items(archive: zipfile.ZipFile, classes: dict[str, int]) -> list[tuple[str, int]]:
    found = []
    for name in archive.namelist():
        parts = PurePosixPath(name).parts
        if len(parts) == 5 and parts[1] == "train" and parts[3] == "images" and name[-1] != "/":
            if parts[2] not in classes:
                raise ReveilError(f"{archive.filename}: class of {name} is not in wnids.txt")
            found.append(("/".join(parts[1:]), classes[parts[2]]))
    return sorted(found, key=lambda item: (item[1], item[0]))


def _val_items(archive: zipfile.ZipFile, classes: dict[str, int]) -> list[tuple[str, int]]:
    found = []
    for number, line in enumerate(_text(archive, "val/val_annotations.txt"), start=1):
        fields = line.split("\t")
        if len(fields) < 2 or fields[1] not in classes:
            raise ReveilError(
                f"{archive.filename}: val_annotations.txt, line {number}: no class of wnids.txt"
            )
        found.append((f"val/images/{fields[0]}", classes[fields[1]]))
    return sorted(found, key=lambda item: (item[1], item[0]))
