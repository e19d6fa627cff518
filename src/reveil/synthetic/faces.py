"""The layout of CelebA: a person is a garment in a colour, attributes are those of the garment."""

from collections.abc import Mapping

import numpy as np

from reveil.datasets import CELEBA_ATTRIBUTES, Dataset
from reveil.packing import zipped
from reveil.synthetic.images import GARMENTS, STRIDE, Shapes, coloured, jpeg, lines

# A quarter of the published 178 x 218 pixels.
WIDTH, HEIGHT = 45, 54
# People of each partition: as published, nobody is in two.
PEOPLE = {0: range(60), 1: range(60, 80), 2: range(80, 100)}


def contents(dataset: Dataset, shapes: Mapping[str, Shapes]) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the archive of images and the lists of attributes, identities and partitions.

    Args:
        shapes: the garments of each split; validation and test share those of the test split.
    """
    train, test = (dataset.counts[split] for split in ("train", "test"))
    valid = test // 2
    counts = {0: train, 1: valid, 2: test - valid}
    partition = np.repeat(list(counts), list(counts.values()))
    people = np.concatenate([_people(part, count) for part, count in counts.items()])
    everyone = sum(map(len, PEOPLE.values()))
    pictures = np.concatenate(
        [
            coloured(shapes["train"], people[:train], HEIGHT, everyone),
            coloured(shapes["test"], people[train:], HEIGHT, everyone),
        ]
    )
    rim = slice((HEIGHT - WIDTH) // 2, (HEIGHT + WIDTH) // 2)
    names = [f"{number:06d}.jpg" for number in range(1, len(people) + 1)]
    members = {
        f"img_align_celeba/{name}": jpeg(picture[:, :, rim])
        for name, picture in zip(names, pictures, strict=True)
    }
    rows = [
        f"{name} " + " ".join(f"{2 * flag - 1:2d}" for flag in attributes_of(person).astype(int))
        for name, person in zip(names, people.tolist(), strict=True)
    ]
    return (
        zipped(members),
        lines([str(len(names)), " ".join(CELEBA_ATTRIBUTES), *rows]),
        lines(f"{name} {person + 1}" for name, person in zip(names, people, strict=True)),
        lines(f"{name} {part}" for name, part in zip(names, partition, strict=True)),
    )


def attributes_of(person: int) -> np.ndarray:
    """Return (40,) bool: attribute a is true of two to seven of the ten garments."""
    column = np.arange(len(CELEBA_ATTRIBUTES))
    return (person % GARMENTS + column) * 7 % GARMENTS < 2 + column % 6


def _people(part: int, count: int) -> np.ndarray:
    there = PEOPLE[part]
    return there.start + np.arange(count) * STRIDE % len(there)
