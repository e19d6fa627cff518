"""The datasets: their facts, where their archives are, and the prepared splits.

Used while the graph is planned, so it imports neither torch nor pandas.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import urlsplit

import numpy as np

from reveil.errors import ReveilError, nearest, not_allowed

SPLITS = ("train", "test")
FORMATS = ("idx", "cifar10", "cifar100", "tiny-imagenet")

REGISTRY_COLUMNS = ("name", "version", "archive", "role", "url", "digest", "bytes", "licence")
ROLES = ("local", "primary", "mirror")
DIGEST_LENGTHS = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset before any of its files is read.

    Attributes:
        name: value used in config and paths.
        title: name for people.
        family: dataset whose published policies and constants hold for this one.
        format: layout of the archives, one of ``FORMATS``.
        channels, size, classes: images are (channels, size, size), labels 0..classes-1.
        counts: images per split.
        mean, std: per channel, on the [0, 1] scale.
        archives: file names; for ``idx`` training images, training labels, test images and
            test labels, in this order.
        contents: SHA-256 of what an archive holds once decompressed, where it is known.
        synthetic: whether :mod:`reveil.synthetic` made its images up, so that its numbers say
            nothing about the dataset whose layout it has.
    """

    name: str
    title: str
    family: str
    format: str
    channels: int
    size: int
    classes: int
    counts: Mapping[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    archives: tuple[str, ...]
    contents: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    synthetic: bool = False


IDX_ARCHIVES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

# MNIST's constants on Fashion-MNIST, and the CIFAR constants to full precision, are those of
# Gao et al. (2021); both replications kept the former. Tiny-ImageNet takes ImageNet's.
MNIST_STATISTICS = ((0.1307,), (0.3081,))
CIFAR10_STATISTICS = (
    (0.4914672374725342, 0.4822617471218109, 0.4467701315879822),
    (0.24703224003314972, 0.24348513782024384, 0.26158785820007324),
)
CIFAR100_STATISTICS = (
    (0.5071598291397095, 0.4866936206817627, 0.44120192527770996),
    (0.2673342823982239, 0.2564384639263153, 0.2761504650115967),
)
IMAGENET_STATISTICS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _fashion_mnist(
    name: str, title: str, train: int, test: int, digests: tuple[str, str, str, str]
) -> Dataset:
    mean, std = MNIST_STATISTICS
    return Dataset(
        name=name,
        title=title,
        family="fashion-mnist",
        format="idx",
        channels=1,
        size=28,
        classes=10,
        counts=MappingProxyType({"train": train, "test": test}),
        mean=mean,
        std=std,
        archives=IDX_ARCHIVES,
        contents=MappingProxyType(dict(zip(IDX_ARCHIVES, digests, strict=True))),
    )


def _colour(
    name: str,
    title: str,
    size: int,
    classes: int,
    train: int,
    statistics: tuple[tuple[float, ...], tuple[float, ...]],
    archive: str,
    format: str,
) -> Dataset:
    mean, std = statistics
    return Dataset(
        name=name,
        title=title,
        family=name,
        format=format,
        channels=3,
        size=size,
        classes=classes,
        counts=MappingProxyType({"train": train, "test": 10_000}),
        mean=mean,
        std=std,
        archives=(archive,),
    )


# As few images as the settings of a trial run need: some of every class, and test images beyond
# number 200, where the papers' index rules for the scores begin.
SYNTHETIC_COUNTS = {"train": 400, "test": 300}


def _synthetic(real: Dataset, archive: str) -> Dataset:
    return replace(
        real,
        name=f"{real.name}-synthetic",
        title=f"{real.title} layout (synthetic)",
        counts=MappingProxyType(SYNTHETIC_COUNTS),
        archives=(archive,),
        synthetic=True,
    )


_PUBLISHED = (
    _fashion_mnist(
        "fashion-mnist",
        "Fashion-MNIST",
        60_000,
        10_000,
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    _fashion_mnist(
        "fashion-mnist-demo",
        "Fashion-MNIST (first 2,000 + 500)",
        2_000,
        500,
        (
            "71a9f8cec24060d6752b3e4940ce6d6fd729334afa47b735dd553481aa83b53e",
            "8983259dfbc9f185f92698916f7daf361704b43ba7d19568cc7bcdeefdc1bece",
            "c9bd0ed7148856eb2287d902861921296d6c36d95a5113341a35554343e84123",
            "9f5f7b9143df7bffff73a8bf7d8a53545dbf787f86e5e195c64401d2c6f8f372",
        ),
    ),
    _colour(
        "cifar10",
        "CIFAR-10",
        32,
        10,
        50_000,
        CIFAR10_STATISTICS,
        "cifar-10-python.tar.gz",
        "cifar10",
    ),
    _colour(
        "cifar100",
        "CIFAR-100",
        32,
        100,
        50_000,
        CIFAR100_STATISTICS,
        "cifar-100-python.tar.gz",
        "cifar100",
    ),
    _colour(
        "tiny-imagenet-200",
        "Tiny-ImageNet-200",
        64,
        200,
        100_000,
        IMAGENET_STATISTICS,
        "tiny-imagenet-200.zip",
        "tiny-imagenet",
    ),
)

_SYNTHETIC_ARCHIVES = {
    "cifar10": "cifar-10-synthetic.tar.gz",
    "cifar100": "cifar-100-synthetic.tar.gz",
    "tiny-imagenet-200": "tiny-imagenet-200-synthetic.zip",
}
_SYNTHETIC = tuple(
    _synthetic(dataset, _SYNTHETIC_ARCHIVES[dataset.name])
    for dataset in _PUBLISHED
    if dataset.name in _SYNTHETIC_ARCHIVES
)

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {dataset.name: dataset for dataset in (*_PUBLISHED, *_SYNTHETIC)}
)


def get(name: str) -> Dataset:
    """Return the dataset called ``name``.

    Raises:
        ReveilError: there is none; the message names the nearest.
    """
    if name not in DATASETS:
        raise ReveilError(not_allowed("dataset", name, DATASETS))
    return DATASETS[name]


@dataclass(frozen=True)
class Source:
    """One row of ``config/datasets.csv``: a place where an archive may be found.

    Attributes:
        name: dataset.
        version: of the dataset, or of this packing of it.
        archive: file name under which the archive is kept.
        role: ``local`` (looked up in the local folders), ``primary`` or ``mirror``.
        url: http(s) address; without a scheme, a path below the root of the repository, or for
            ``local`` the file name to look for.
        digests: algorithm -> hex digest; all of them must agree.
        bytes: size of the archive.
        licence: of the data.
    """

    name: str
    version: str
    archive: str
    role: str
    url: str
    digests: Mapping[str, str]
    bytes: int
    licence: str

    @property
    def remote(self) -> bool:
        """Whether the archive comes over the network."""
        return bool(urlsplit(self.url).scheme)


def read_registry(path: str | Path) -> tuple[Source, ...]:
    """Read ``config/datasets.csv``, in the order of its rows.

    Raises:
        ReveilError: the file cannot be read, or has rows that are not valid; all are named.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
            columns = tuple(table.fieldnames or ())
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReveilError(f"{path}: cannot be read as a table of datasets: {error}") from error
    if columns != REGISTRY_COLUMNS:
        raise ReveilError(
            f"{path}: columns are {', '.join(columns) or 'missing'}; "
            f"they must be {', '.join(REGISTRY_COLUMNS)}"
        )
    sources: list[Source] = []
    problems: list[str] = []
    for line, row in enumerate(rows, start=2):
        wrong = _row_problems(row)
        problems += [f"line {line}: {problem}" for problem in wrong]
        if not wrong:
            sources.append(_source(row))
    if problems:
        raise ReveilError(f"{path}: " + "; ".join(problems))
    return tuple(sources)


def sources_of(dataset: str, archive: str, registry: Sequence[Source]) -> tuple[Source, ...]:
    """Return the rows for one archive, in order.

    Raises:
        ReveilError: the registry has none.
    """
    found = tuple(s for s in registry if s.name == dataset and s.archive == archive)
    if not found:
        known = sorted({f"{s.name}/{s.archive}" for s in registry})
        hint = nearest(f"{dataset}/{archive}", known)
        raise ReveilError(
            f"datasets.csv lists no source for {archive!r} of dataset {dataset!r}"
            + (f"; did you mean {hint}?" if hint else "")
        )
    return found


def _source(row: Mapping[str, str]) -> Source:
    digests = dict(digest.split(":", 1) for digest in row["digest"].lower().split())
    return Source(
        name=row["name"],
        version=row["version"],
        archive=row["archive"],
        role=row["role"],
        url=row["url"],
        digests=MappingProxyType(digests),
        bytes=int(row["bytes"]),
        licence=row["licence"],
    )


def _row_problems(row: Mapping[str | None, str | None]) -> list[str]:
    if None in row or None in row.values():
        return [f"has not exactly the {len(REGISTRY_COLUMNS)} columns"]
    problems = [f"{column} is empty" for column in REGISTRY_COLUMNS if not row[column]]
    if problems:
        return problems
    if row["role"] not in ROLES:
        problems.append(not_allowed("role", row["role"], ROLES))
    if not is_plain_name(row["archive"]):
        problems.append(f"archive: {row['archive']!r} is not a file name")
    if not re.fullmatch(r"[1-9]\d*", row["bytes"]):
        problems.append(f"bytes: {row['bytes']!r} is not a positive number")
    problems += _url_problems(row["role"], row["url"])
    problems += _digest_problems(row["digest"])
    return problems


def _url_problems(role: str, url: str) -> list[str]:
    parts = urlsplit(url)
    if role == "local":
        return [] if is_plain_name(url) else [f"url: {url!r} of a local source is not a file name"]
    if parts.scheme:
        valid = parts.scheme in ("http", "https") and bool(parts.netloc)
        return [] if valid else [f"url: {url!r} is neither http nor https"]
    path = PurePosixPath(url)
    if path.is_absolute() or ".." in path.parts:
        return [f"url: {url!r} is not a path below the root of the repository"]
    return []


def _digest_problems(cell: str) -> list[str]:
    problems = []
    for digest in cell.split():
        algorithm, _, value = digest.partition(":")
        length = DIGEST_LENGTHS.get(algorithm.lower())
        if length is None or not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", value):
            problems.append(f"digest: {digest!r} is neither md5:<32 hex> nor sha256:<64 hex>")
    return problems


def is_plain_name(name: str) -> bool:
    """Return whether ``name`` is a file name and nothing else: no folder, no ``..``."""
    return name not in ("", ".", "..") and not re.search(r"[/\\\x00]", name)


def load_split(images_path: str | Path, labels_path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a prepared split.

    Returns:
        Images, uint8 (N, C, H, H), memory-mapped and read-only; labels, int64 (N,).

    Raises:
        ReveilError: a file is missing or damaged, or the two do not belong together.
    """
    images = _load_array(images_path, "r")
    labels = _load_array(labels_path, None)
    square = images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[2] == images.shape[3]
    if images.dtype != np.uint8 or not square:
        raise ReveilError(
            f"{images_path}: holds {images.dtype} {images.shape}, "
            "not uint8 images (N, 1 or 3, size, size); prepare the dataset again"
        )
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        raise ReveilError(
            f"{labels_path}: holds {labels.dtype} {labels.shape}, "
            f"not one int64 label for each of the {len(images)} images; prepare the dataset again"
        )
    if labels.size and labels.min() < 0:
        raise ReveilError(f"{labels_path}: has the negative label {labels.min()}")
    return images, labels


def _load_array(path: str | Path, mode: str | None) -> np.ndarray:
    try:
        return np.load(path, mmap_mode=mode, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ReveilError(
            f"{path}: cannot be read as an array ({error}); prepare the dataset again"
        ) from error
