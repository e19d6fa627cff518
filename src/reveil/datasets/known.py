"""The datasets that there are: those known here, and those of a configuration."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import environ
from types import MappingProxyType
from typing import Any

from reveil.datasets.faces import CELEBA, hiding, small_faces, synthetic_small_faces
from reveil.datasets.facts import FINE, Dataset
from reveil.datasets.folders import VARIABLE, of_facts, to_facts
from reveil.datasets.labels import FASHION_GROUPS
from reveil.datasets.plugged import FORMAT, of_plugins
from reveil.errors import ReveilError, not_allowed

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
    Dataset(
        name="cub-200",
        title="CUB-200-2011",
        family="cub-200",
        format="birds",
        channels=3,
        size=256,
        classes=200,
        counts=MappingProxyType({"train": 5_994, "test": 5_794}),
        mean=IMAGENET_STATISTICS[0],
        std=IMAGENET_STATISTICS[1],
        archives=("CUB_200_2011.tgz",),
        geometry="cover",
        crop=224,
        padding=0,
    ),
    CELEBA,
)


# As few images as the settings of a trial run need: some of every class, and test images beyond
# number 200, where the papers' index rules for the scores begin.
SYNTHETIC_COUNTS = MappingProxyType({"train": 400, "test": 300})
SUPERCLASSES = 20


def _coarse(dataset: Dataset, name: str, title: str, classes: int) -> Dataset:
    """Return a dataset of the same images whose labels are groups of the classes."""
    return replace(
        dataset,
        name=name,
        title=title,
        classes=classes,
        shares=dataset.home,
        extras=MappingProxyType({FINE: ("int64", 0)}),
    )


def _synthetic(real: Dataset, *archives: str, **changes: Any) -> Dataset:
    usual = {
        "name": f"{real.name}-synthetic",
        "title": f"{real.title} layout (synthetic)",
        "counts": SYNTHETIC_COUNTS,
        "archives": archives,
        "synthetic": True,
        "shares": "",
        "by_hand": "",
    }
    return replace(real, **(usual | changes))


_BY_NAME = {dataset.name: dataset for dataset in _PUBLISHED}

_SUPERCLASSES = _coarse(
    _BY_NAME["cifar100"], "cifar100-coarse", "CIFAR-100 superclasses", SUPERCLASSES
)
_GROUPS = tuple(
    _coarse(
        _BY_NAME[name],
        name.replace("mnist", "mnist-coarse"),
        _BY_NAME[name].title.replace("MNIST", "MNIST groups"),
        max(FASHION_GROUPS) + 1,
    )
    for name in ("fashion-mnist", "fashion-mnist-demo")
)


# Birds and faces at a quarter of the size, so that a trial on a CPU takes minutes.
_SYNTHETIC = (
    _synthetic(_BY_NAME["cifar10"], "cifar-10-synthetic.tar.gz"),
    _synthetic(_BY_NAME["cifar100"], "cifar-100-synthetic.tar.gz"),
    _synthetic(_BY_NAME["tiny-imagenet-200"], "tiny-imagenet-200-synthetic.zip"),
    _synthetic(_SUPERCLASSES, "cifar-100-synthetic.tar.gz", shares="cifar100-synthetic"),
    _synthetic(_BY_NAME["cub-200"], "CUB_200_2011-synthetic.tgz", size=64, crop=56),
    _synthetic(
        CELEBA,
        "img_align_celeba-synthetic.zip",
        "list_attr_celeba-synthetic.txt",
        "identity_CelebA-synthetic.txt",
        "list_eval_partition-synthetic.txt",
        size=64,
    ),
)

_FACES = (
    hiding(CELEBA, "celeba-30", "CelebA, 30 attributes"),
    hiding(_SYNTHETIC[-1], "celeba-30-synthetic", "CelebA, 30 attributes, layout (synthetic)"),
    *small_faces(CELEBA),
    *synthetic_small_faces(_SYNTHETIC[-1]),
)

_ALL = {
    dataset.name: dataset
    for dataset in (*_PUBLISHED, _SUPERCLASSES, *_GROUPS, *_SYNTHETIC, *_FACES)
}
DATASETS: Mapping[str, Dataset] = MappingProxyType(_ALL)


def register(folders: Iterable[Dataset]) -> None:
    """Make folders of images, and what plug-ins give, datasets, in place of all those before."""
    own = [name for name, data in _ALL.items() if data.folder or data.format == FORMAT]
    for name in own:
        del _ALL[name]
    _ALL.update({dataset.name: dataset for dataset in (*folders, *of_plugins())})


def environment() -> dict[str, str]:
    """Return the variable from which another process learns of the folders of images."""
    facts = {name: to_facts(dataset) for name, dataset in _ALL.items() if dataset.folder}
    return {VARIABLE: json.dumps(facts)}


register(of_facts(name, facts) for name, facts in json.loads(environ.get(VARIABLE, "{}")).items())


def get(name: str) -> Dataset:
    """Return the dataset called ``name``.

    Raises:
        ReveilError: there is none; the message names the nearest.
    """
    if name not in DATASETS:
        raise ReveilError(not_allowed("dataset", name, DATASETS))
    return DATASETS[name]
