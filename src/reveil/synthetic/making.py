"""The archives of all synthetic datasets, from the embedded images."""

from collections.abc import Mapping
from pathlib import Path

from reveil.datasets import DATASETS, IDX_ARCHIVES, Dataset
from reveil.files import atomic
from reveil.packing import stored_gzip, tar, zipped
from reveil.readers import read_idx
from reveil.synthetic import birds, cifar, faces, tiny_imagenet
from reveil.synthetic.images import Shapes, coloured, labels_of

EMBEDDED = Path(__file__).parents[3] / "resources/embedded/fashion-mnist-demo"


def archives(embedded: Path = EMBEDDED) -> dict[str, bytes]:
    """Return {file name: content} of the archives of all synthetic datasets.

    Args:
        embedded: folder of the archives of ``fashion-mnist-demo``.

    Raises:
        ReveilError: one of these is missing or damaged.
    """
    shapes = _shapes(embedded)
    contents: dict[str, bytes] = {}
    for dataset in DATASETS.values():
        if dataset.synthetic and not dataset.shares:
            contents |= _archives_of(dataset, shapes)
    return contents


def build(folder: str | Path, embedded: Path = EMBEDDED) -> list[Path]:
    """Write the archives below ``folder``, each whole or not at all, and return their paths."""
    paths = []
    for name, content in archives(embedded).items():
        path = Path(folder) / name
        with atomic(path) as temporary:
            temporary.write_bytes(content)
        paths.append(path)
    return paths


def _shapes(embedded: Path) -> dict[str, Shapes]:
    found = {}
    for split, pair in (("train", IDX_ARCHIVES[:2]), ("test", IDX_ARCHIVES[2:])):
        grey, garments = (
            read_idx(embedded / name, dimensions)
            for name, dimensions in zip(pair, (3, 1), strict=True)
        )
        found[split] = Shapes(grey, garments)
    return found


def _archives_of(dataset: Dataset, shapes: Mapping[str, Shapes]) -> dict[str, bytes]:
    if dataset.format == "faces":
        contents = faces.contents(dataset, shapes)
        return dict(zip(dataset.archives, contents, strict=True))
    (name,) = dataset.archives
    if dataset.format == "birds":
        return {name: stored_gzip(tar(birds.members(dataset, shapes)))}
    labels = {split: labels_of(dataset, split) for split in shapes}
    images = {
        split: coloured(shapes[split], labels[split], dataset.size, dataset.classes)
        for split in shapes
    }
    if dataset.format == "tiny-imagenet":
        return {name: zipped(tiny_imagenet.members(dataset, images, labels))}
    members = {"cifar10": cifar.cifar10_members, "cifar100": cifar.cifar100_members}
    return {name: stored_gzip(tar(members[dataset.format](images, labels)))}
