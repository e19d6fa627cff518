"""Folders of images of one's own: datasets that a configuration names, ``folder-{name}``.

Images lie anywhere below the folder; they keep the order of their paths. Where it is asked for, the
subfolder that they lie in is their class.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from reveil.datasets.facts import SPLITS, Dataset, Folder
from reveil.errors import ReveilError

PREFIX = "folder-"
# What other processes learn of the folders from; they do not read the configuration.
VARIABLE = "REVEIL_FOLDERS"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
FITS = MappingProxyType({"crop": "cover", "stretch": "stretch"})
BY_SUBFOLDER = "folder"
CLASSES = "folders"
# What the parts of a dataset are called, where these are folders.
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation"}

Settings = Mapping[str, Any]


def measure(name: str, settings: Settings, root: str | os.PathLike[str]) -> Dataset:
    """Return the dataset of a folder, whose images are counted for it.

    Args:
        name: in the configuration, without the prefix.
        settings: ``path``, ``size``, ``fit``, ``test`` and, where they are there, ``box`` and
            ``labels``.
        root: of the repository, which a path may be relative to.

    Raises:
        ReveilError: there is no such folder, no image for one of the splits, nothing in the box, or
            an image without a class.
    """
    left, top, right, bottom = box = settings.get("box") or [0, 0, 1, 1]
    if left >= right or top >= bottom:
        raise ReveilError(f"box: {box} holds no pixel; allowed: left < right and top < bottom")
    path = Path(root, Path(settings["path"]).expanduser()).absolute()
    files = _files(path, settings["path"])
    test = settings["test"]
    found = divided(list(files), tuple(test) if isinstance(test, list) else test)
    for split in SPLITS:
        if not found[split]:
            raise ReveilError(
                f"test: {test!r} leaves none of the {len(files)} images of {settings['path']} "
                f"for the split {split}"
            )
    listed = "\n".join(f"{file} {size}" for file, size in files.items())
    facts = {
        **settings,
        "classes": _classes(found, test) if settings.get("labels") == CLASSES else [],
        "path": str(path),
        "counts": {split: len(found[split]) for split in SPLITS},
        "content": _digest(listed).hex(),
    }
    return of_facts(f"{PREFIX}{name}", facts)


def stand_in(name: str) -> Dataset:
    """Return what takes the place of a folder that something is wrong with.

    Those who use its name are not told that it is unknown, nor that it has too few images.
    """
    counts = dict.fromkeys(SPLITS, 1_000_000)
    facts = {"path": "", "size": 64, "fit": "crop", "test": 0.5, "counts": counts, "content": ""}
    facts["classes"] = ["0", "1"]
    return of_facts(f"{PREFIX}{name}", facts)


def of_facts(name: str, facts: Settings) -> Dataset:
    """Return the dataset of which :func:`to_facts` told, under its whole name."""
    test = facts["test"]
    return Dataset(
        name=name,
        title=name.removeprefix(PREFIX),
        family=name,
        format="folder",
        channels=3,
        size=facts["size"],
        classes=max(1, len(facts["classes"])),
        counts=MappingProxyType(dict(facts["counts"])),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        archives=(),
        geometry=FITS[facts["fit"]],
        box=tuple(facts.get("box", ())),
        padding=0,
        folder=Folder(
            path=facts["path"],
            test=tuple(test) if isinstance(test, list) else test,
            content=facts["content"],
            classes=tuple(facts["classes"]),
        ),
    )


def to_facts(dataset: Dataset) -> dict[str, Any]:
    """Return plain values that tell all of the dataset of a folder."""
    folder = dataset.folder
    return {
        "path": folder.path,
        "size": dataset.size,
        "fit": next(fit for fit, geometry in FITS.items() if geometry == dataset.geometry),
        "test": list(folder.test) if isinstance(folder.test, tuple) else folder.test,
        "box": list(dataset.box),
        "counts": dict(dataset.counts),
        "content": folder.content,
        "classes": list(folder.classes),
    }


def files_of(dataset: Dataset, path: Path, split: str) -> list[str]:
    """Return the paths of a split's images below the folder ``path``, in the order of their rows.

    Raises:
        ReveilError: the folder is gone, or has no images any more.
    """
    files = _files(path, str(path))
    return divided(list(files), dataset.folder.test)[split]


def class_of(file: str, test: float | str | tuple[str, ...]) -> str:
    """Return the name of the class of a file: the first folder below that of its split, or ""."""
    parents = PurePosixPath(file).parts[:-1]
    named = parents[1:] if test == BY_SUBFOLDER else parents
    return named[0] if named else ""


def _classes(found: Mapping[str, list[str]], test: float | str | tuple[str, ...]) -> list[str]:
    """Return the names of the classes, sorted, of which all have images to train on."""
    of_split = {
        split: {class_of(file, test): file for file in reversed(files)}
        for split, files in found.items()
    }
    for files in of_split.values():
        if "" in files:
            raise ReveilError(
                f"labels: {CLASSES!r} is not allowed, as {files['']} lies in no folder of its own "
                "class; allowed: every image in a subfolder, or no key labels"
            )
    names = sorted({name for files in of_split.values() for name in files})
    if test != BY_SUBFOLDER and _PARTS.issuperset(map(str.lower, names)):
        raise ReveilError(
            f"labels: {CLASSES!r} is not allowed with test: {test!r}, as the classes would be "
            f"{', '.join(names)}; allowed: test: folder, for the parts train and test"
        )
    for name in sorted(of_split["test"].keys() - of_split["train"].keys()):
        raise ReveilError(
            f"labels: {CLASSES!r} is not allowed, as class {name!r} has images to test on "
            f"({of_split['test'][name]}) and none to train on; allowed: classes with images in "
            "both parts, or another key test"
        )
    if len(of_split["train"]) < 2:
        raise ReveilError(
            f"labels: {CLASSES!r} is not allowed, as all images are of the class "
            f"{next(iter(of_split['train']))!r}; allowed: two subfolders and more"
        )
    return sorted(of_split["train"])


def divided(files: list[str], test: float | str | tuple[str, ...]) -> dict[str, list[str]]:
    """Return the files of each split, in their order.

    Args:
        files: paths below the folder.
        test: see :class:`reveil.datasets.facts.Folder`. A share is drawn by the digests of the
            paths, so that it is the same on every machine and mixes what lies side by side.
    """
    if test == BY_SUBFOLDER:
        return {split: [f for f in files if f.startswith(f"{split}/")] for split in SPLITS}
    if isinstance(test, tuple):
        chosen = {f for f in files if PurePosixPath(f).name.startswith(test)}
    else:
        mixed = sorted(files, key=_digest)
        chosen = set(mixed[: round(test * len(files))])
    return {
        "train": [f for f in files if f not in chosen],
        "test": [f for f in files if f in chosen],
    }


def _files(path: Path, shown: str) -> dict[str, int]:
    """Return path below the folder -> size in bytes of its images, sorted; nothing hidden."""
    if not path.is_dir():
        raise ReveilError(f"path: {shown!r} is not a folder ({path})")
    found = {}
    try:
        for parent, folders, names in os.walk(path):
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
            below = Path(parent).relative_to(path).as_posix()
            for name in names:
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    file = name if below == "." else f"{below}/{name}"
                    found[file] = os.stat(f"{parent}/{name}").st_size
    except OSError as error:
        raise ReveilError(f"path: {shown!r} cannot be read: {error}") from error
    if not found:
        raise ReveilError(f"path: {shown!r} has no images; allowed: {', '.join(SUFFIXES)}")
    return dict(sorted(found.items()))


def _digest(text: str) -> bytes:
    # Names of files need not be valid Unicode.
    return hashlib.sha256(os.fsencode(text)).digest()
