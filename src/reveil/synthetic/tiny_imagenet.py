"""The layout of Tiny-ImageNet-200."""

from collections.abc import Mapping

import numpy as np

from reveil.datasets import Dataset
from reveil.synthetic.images import STRIDE, jpeg, lines

Members = dict[str, bytes]


def members(
    dataset: Dataset, images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]
) -> Members:
    """Return {name: content} of the members of the archive."""
    names = [f"n9{label:07d}" for label in range(dataset.classes)]
    mixed = [names[label * STRIDE % dataset.classes] for label in range(dataset.classes)]
    box = f"0\t0\t{dataset.size - 1}\t{dataset.size - 1}"
    found: Members = {
        "wnids.txt": lines(mixed),
        "words.txt": lines(f"{name}\tsynthetic class {name}" for name in names),
    }
    boxes: dict[str, list[str]] = {name: [] for name in names}
    for image, label in zip(images["train"], labels["train"].tolist(), strict=True):
        name = names[label]
        file = f"{name}_{len(boxes[name])}.JPEG"
        boxes[name].append(f"{file}\t{box}")
        found[f"train/{name}/images/{file}"] = jpeg(image)
    found |= {f"train/{name}/{name}_boxes.txt": lines(rows) for name, rows in boxes.items()}
    annotations = []
    for number, label in enumerate(labels["test"].tolist()):
        annotations.append(f"val_{number}.JPEG\t{names[label]}\t{box}")
        found[f"val/images/val_{number}.JPEG"] = jpeg(images["test"][number])
    found["val/val_annotations.txt"] = lines(annotations)
    return {f"tiny-imagenet-200/{name}": content for name, content in found.items()}
