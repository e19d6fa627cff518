"""The layout of CUB-200-2011: garments as birds, in pictures of two shapes, some of them grey."""

from collections.abc import Mapping

from reveil.datasets import Dataset
from reveil.synthetic.images import GARMENTS, Shapes, coloured, jpeg, labels_of, lines

LONG, SHORT = 44, 32
# As among the published ones, a few pictures have no colour.
GREY_EVERY = 50

Members = dict[str, bytes]


def members(dataset: Dataset, shapes: Mapping[str, Shapes]) -> Members:
    """Return {name: content} of the members of the archive.

    Args:
        shapes: the garments of each split.
    """
    found: list[tuple[int, bytes, bool]] = []
    for split in ("train", "test"):
        labels = labels_of(dataset, split)
        pictures = coloured(shapes[split], labels, LONG, dataset.classes)
        for row, (label, picture) in enumerate(zip(labels.tolist(), pictures, strict=True)):
            rim = slice((LONG - SHORT) // 2, (LONG + SHORT) // 2)
            shaped = picture[:, rim] if row % 2 else picture[:, :, rim]
            shaped = shaped[1] if row % GREY_EVERY == GREY_EVERY - 1 else shaped
            found.append((label, jpeg(shaped), split == "train"))
    # Numbered class by class, training and test images of a class next to each other.
    found.sort(key=lambda item: item[0])
    classes = [_class_name(label) for label in range(dataset.classes)]
    names = [f"{classes[label]}/Garment_{n:04d}.jpg" for n, (label, _, _) in enumerate(found, 1)]
    lists = {
        "classes.txt": classes,
        "images.txt": names,
        "image_class_labels.txt": [label + 1 for label, _, _ in found],
        "train_test_split.txt": [int(trained) for _, _, trained in found],
    }
    content: Members = {
        file: lines(f"{number} {value}" for number, value in enumerate(values, start=1))
        for file, values in lists.items()
    }
    content |= {
        f"images/{name}": picture for name, (_, picture, _) in zip(names, found, strict=True)
    }
    return {f"CUB_200_2011/{name}": value for name, value in content.items()}


def _class_name(label: int) -> str:
    return f"{label + 1:03d}.Garment_{label % GARMENTS}_colour_{label // GARMENTS}"
