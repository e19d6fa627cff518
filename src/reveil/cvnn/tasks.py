"""What a private network learns of an image, and what inference attacks want to know beyond it.

An inference attack is of interest where the attacker wants a property that the network was not
trained for (Xiang et al. 2020): a class finer than the task's, or other attributes. Which of both a
dataset has follows from the arrays that it keeps beside ``labels.npy``, and from the attributes
that its task leaves out. Used while the graph is planned, so it does not import torch.
"""

from dataclasses import dataclass

from reveil import datasets
from reveil.datasets import ATTRIBUTES, FINE, LABELS, Dataset


@dataclass(frozen=True)
class Target:
    """A property of images, and where a prepared split keeps it.

    Attributes:
        file: array beside ``images.npy``.
        outputs: number of classes, or of attributes: outputs of a network that is to tell it.
        columns: of the array, where the property is a set of attributes that are each true or
            false; empty where it is one class of several.
        title: for people, in the plural.
    """

    file: str
    outputs: int
    title: str
    columns: tuple[int, ...] = ()

    @property
    def multilabel(self) -> bool:
        """Whether any number of the outputs may be true at once."""
        return bool(self.columns)


def task(dataset: str | Dataset) -> Target:
    """Return what a private network is trained for: the labels, or the attributes not hidden.

    Raises:
        ReveilError: there is no such dataset.
    """
    known = _known(dataset)
    if ATTRIBUTES in known.extras:
        width = known.extras[ATTRIBUTES][1]
        return _attributes(tuple(c for c in range(width) if c not in known.hidden))
    return Target(LABELS, known.classes, "superclasses" if FINE in known.extras else "classes")


def hidden(dataset: str | Dataset) -> Target | None:
    """Return what inference attacks infer, or None where a dataset holds nothing beyond the task.

    The classes behind superclasses, or the attributes that are not in the task.

    Raises:
        ReveilError: there is no such dataset.
    """
    known = _known(dataset)
    if known.hidden:
        return _attributes(known.hidden)
    if FINE in known.extras:
        return Target(FINE, datasets.get(known.family).classes, "classes")
    return None


def task_classes(dataset: str | Dataset) -> int:
    """Return the number of outputs of a network for the task."""
    return task(dataset).outputs


def _attributes(columns: tuple[int, ...]) -> Target:
    return Target(ATTRIBUTES, len(columns), "attributes", columns)


def _known(dataset: str | Dataset) -> Dataset:
    return datasets.get(dataset) if isinstance(dataset, str) else dataset
