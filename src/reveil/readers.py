"""From verified archives to ``{split}/images.npy`` and ``{split}/labels.npy``.

Every reader yields blocks of one split, in the order in which the images keep their numbers, so
that no more than a block has to be in memory. Nothing is extracted to disk.
"""

import gzip
import hashlib
import io
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from reveil.datasets import IDX_ARCHIVES, SPLITS, Dataset
from reveil.errors import ReveilError
from reveil.files import atomic, write_npy
from reveil.progress import Progress
from reveil.torchvision_guard import import_torchvision

BLOCK = 1000
# An image of 64 x 64 pixels takes a few kilobytes; an archive that says otherwise is not ours.
LONGEST_MEMBER = 1 << 24
CIFAR_LABELS = {"cifar10": "labels", "cifar100": "fine_labels"}

Blocks = Iterator[tuple[np.ndarray, np.ndarray]]


def prepare(dataset: Dataset, archives: str | Path, destination: str | Path) -> None:
    """Write both splits below ``destination``, each file whole or not at all.

    ``{split}/images.npy`` is uint8 (N, C, H, W), ``{split}/labels.npy`` int64 (N,).

    Args:
        dataset: layout, counts and ranges that the archives must agree with.
        archives: folder of the files named in ``dataset.archives``.
        destination: folder of the dataset.

    Raises:
        ReveilError: an archive is missing, damaged or not of this dataset; it is named.
    """
    for split in SPLITS:
        write_split(dataset, split, Path(archives), Path(destination) / split)


def write_split(dataset: Dataset, split: str, archives: Path, folder: Path) -> None:
    """Write one split; see :func:`prepare`."""
    count = dataset.counts[split]
    shape = (count, dataset.channels, dataset.size, dataset.size)
    labels = np.empty(count, dtype=np.int64)
    progress = Progress(f"prepare {dataset.name} {split}, images", count)
    with atomic(folder / "images.npy") as temporary:
        images = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        done = 0
        for block, block_labels in READERS[dataset.format](dataset, archives, split):
            _check_block(dataset, split, archives, block, block_labels, done)
            images[done : done + len(block)] = block
            labels[done : done + len(block)] = block_labels
            done += len(block)
            progress.step(len(block))
        if done != count:
            raise ReveilError(
                f"{_named(dataset, archives)}: holds {done} {split} images instead of {count}"
            )
        images.flush()
        del images
        write_npy(folder / "labels.npy", labels)


def _check_block(
    dataset: Dataset,
    split: str,
    archives: Path,
    images: np.ndarray,
    labels: np.ndarray,
    done: int,
) -> None:
    where, shape = _named(dataset, archives), (dataset.channels, dataset.size, dataset.size)
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise ReveilError(
            f"{where}: holds {images.dtype} images {images.shape[1:]} instead of uint8 {shape}"
        )
    if len(images) != len(labels):
        raise ReveilError(f"{where}: holds {len(images)} images but {len(labels)} labels ({split})")
    if done + len(images) > dataset.counts[split]:
        raise ReveilError(f"{where}: holds more than {dataset.counts[split]} {split} images")
    if len(labels) and (labels.min() < 0 or labels.max() >= dataset.classes):
        raise ReveilError(
            f"{where}: has labels from {labels.min()} to {labels.max()} ({split}) "
            f"instead of 0 to {dataset.classes - 1}"
        )


def _named(dataset: Dataset, archives: Path) -> Path:
    return archives / dataset.archives[0] if len(dataset.archives) == 1 else archives


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ReveilError(f"{path}: no such archive; fetch the dataset first") from error
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ReveilError(
            f"{path}: truncated or damaged ({error}); remove it and fetch the dataset again"
        ) from error


def _idx_blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    pair = IDX_ARCHIVES[:2] if split == "train" else IDX_ARCHIVES[2:]
    paths = [archives / name for name in pair]
    images, labels = (
        read_idx(path, dimensions, dataset.contents.get(path.name))
        for path, dimensions in zip(paths, (3, 1), strict=True)
    )
    yield images[:, None], labels


def read_idx(path: Path, dimensions: int, digest: str | None = None) -> np.ndarray:
    """Return the array of a gzip-compressed IDX file of unsigned bytes.

    Args:
        path: the archive.
        dimensions: how many the array must have.
        digest: SHA-256 that the decompressed content must have; None to take any.

    Raises:
        ReveilError: the file is missing, damaged or something else.
    """
    with _reading(path), gzip.open(path) as stream:
        content = stream.read()
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


# Of NumPy's own reconstruction of arrays, and nothing else. The function has moved within NumPy;
# the archives, written by Python 2, name its first home.
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_PICKLE_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _PICKLE_GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in it") from None


def _cifar_blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    path = archives / dataset.archives[0]
    members = cifar_members(dataset.format, split)
    batches = _cifar_batches(path, members, CIFAR_LABELS[dataset.format])
    for member in members:
        if member not in batches:
            raise ReveilError(f"{path}: has no member {member}")
        rows, labels = batches[member]
        yield rows.reshape(-1, 3, dataset.size, dataset.size), labels


def cifar_members(format: str, split: str) -> list[str]:
    """Return the members that hold a split of ``cifar10`` or ``cifar100``, in order."""
    datasets = import_torchvision().datasets
    layout = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[format]
    files = layout.train_list if split == "train" else layout.test_list
    return [f"{layout.base_folder}/{name}" for name, _ in files]


def _cifar_batches(
    path: Path, members: list[str], label_key: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    # One pass in the archive's order: going back in a compressed stream means starting over.
    batches = {}
    with _reading(path), tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.name in members and member.isfile():
                stream = archive.extractfile(member)
                batches[member.name] = _cifar_batch(stream, f"{path}: {member.name}", label_key)
    return batches


def _cifar_batch(stream: BinaryIO, where: str, label_key: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        loaded = _ArrayUnpickler(stream, encoding="latin1").load()
    except (EOFError, OSError, zlib.error, tarfile.TarError):
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise ReveilError(f"{where}: not a batch of CIFAR images: {error}") from error
    batch = loaded if isinstance(loaded, dict) else {}
    batch = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in batch.items()}
    rows, labels = batch.get("data"), batch.get(label_key)
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2:
        raise ReveilError(f"{where}: 'data' is no uint8 array of two dimensions")
    if rows.shape[1] != 3 * 32 * 32:
        raise ReveilError(f"{where}: its images have {rows.shape[1]} bytes instead of 3072")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise ReveilError(f"{where}: {label_key!r} is no list of integers")
    return rows, np.array(labels, dtype=np.int64)


def _tiny_imagenet_blocks(dataset: Dataset, archives: Path, split: str) -> Blocks:
    path = archives / dataset.archives[0]
    with _reading(path), zipfile.ZipFile(path) as archive:
        _check_names(path, archive)
        classes = _classes(path, archive, dataset)
        items = _train_items(archive, classes) if split == "train" else _val_items(archive, classes)
        for start in range(0, len(items), BLOCK):
            block = items[start : start + BLOCK]
            images = [_decode(path, archive, name, dataset.size) for name, _ in block]
            yield np.stack(images), np.array([label for _, label in block], dtype=np.int64)


def _check_names(path: Path, archive: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ".." in parts or ":" in name:
            raise ReveilError(f"{path}: member {name!r} points outside the archive")


def _text(archive: zipfile.ZipFile, name: str) -> list[str]:
    return _member(archive, name).decode("utf-8").splitlines()


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    member = f"tiny-imagenet-200/{name}"
    try:
        size = archive.getinfo(member).file_size
    except KeyError:
        raise ReveilError(f"{archive.filename}: has no member {member}") from None
    if size > LONGEST_MEMBER:
        raise ReveilError(f"{archive.filename}: member {member} has {size} bytes")
    return archive.read(member)


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


def _decode(path: Path, archive: zipfile.ZipFile, name: str, size: int) -> np.ndarray:
    content = _member(archive, name)
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if image.size != (size, size):
                raise ReveilError(f"{path}: {name} is {image.size} pixels, not {(size, size)}")
            pixels = np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ReveilError(f"{path}: {name} is not a whole JPEG image: {error}") from error
    return pixels.transpose(2, 0, 1)


READERS = {
    "idx": _idx_blocks,
    "cifar10": _cifar_blocks,
    "cifar100": _cifar_blocks,
    "tiny-imagenet": _tiny_imagenet_blocks,
}
