"""The layout of CIFAR-10 and CIFAR-100."""

from collections.abc import Mapping

import numpy as np

from reveil.packing import pickled
from reveil.synthetic.images import GARMENTS

Members = dict[str, bytes]


def cifar10_members(images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> Members:
    """Return {name: content} of the members of the archive of CIFAR-10."""
    parts = np.array_split(np.arange(len(labels["train"])), 5)
    members = {
        f"data_batch_{number}": _cifar_batch(
            images["train"][part],
            f"training batch {number} of 5",
            {"labels": labels["train"][part]},
        )
        for number, part in enumerate(parts, start=1)
    }
    members["test_batch"] = _cifar_batch(
        images["test"], "testing batch 1 of 1", {"labels": labels["test"]}
    )
    names = [f"garment_{label}" for label in range(GARMENTS)]
    members["batches.meta"] = pickled({"label_names": names, "num_vis": 3072})
    return {f"cifar-10-batches-py/{name}": content for name, content in members.items()}


def cifar100_members(images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> Members:
    """Return {name: content} of the members of the archive of CIFAR-100."""
    members = {
        split: _cifar_batch(
            images[split],
            f"{split}ing batch 1 of 1",
            {"fine_labels": labels[split], "coarse_labels": labels[split] // 5},
        )
        for split in ("train", "test")
    }
    fine = [f"garment_{label % GARMENTS}_colour_{label // GARMENTS}" for label in range(100)]
    coarse = [f"group_{group}" for group in range(20)]
    members["meta"] = pickled({"fine_label_names": fine, "coarse_label_names": coarse})
    return {f"cifar-100-python/{name}": content for name, content in members.items()}


def _cifar_batch(images: np.ndarray, title: str, labels: Mapping[str, np.ndarray]) -> bytes:
    files = [f"synthetic_{row:05d}.png" for row in range(len(images))]
    columns = {key: values.tolist() for key, values in labels.items()}
    rows = images.reshape(len(images), -1)
    return pickled({"filenames": files, "batch_label": title, **columns, "data": rows})
