"""What sizes of images private networks take, and how large their features are, without PyTorch.

The networks themselves say the same (:mod:`reveil.cvnn.networks`); a test holds both together.
"""

from collections.abc import Mapping
from typing import Any

from reveil.cvnn.names import PLUGGED, PrivateArchitecture, parse
from reveil.datasets import Dataset

PADDED = 32
# What a plug-in's takes, and what leaves it, its own code knows, which plans do not run.
LEAST = {"resnet": 8, "lenet": 12, "vgg16": 32, "alexnet": 32, PLUGGED: 1}
LEAST_OF_REPORTS_LENET = 32
# Of the features that the layers of the report's critic take.
LEAST_OF_CRITIC = 12


def input_size(dataset: Dataset, recipe: Mapping[str, Any]) -> int:
    """Return the height and width in pixels of what a network sees under a recipe."""
    fashion = dataset.family == "fashion-mnist"
    return PADDED if fashion and recipe["fmnist_pipeline"] != "native28" else dataset.input_size


def least_size(model: str) -> int:
    """Return the smallest height and width in pixels that a private network takes."""
    network = parse(model)
    if network.family == "lenet" and network.split == "report":
        return LEAST_OF_REPORTS_LENET
    return LEAST[network.family]


def feature_side(model: str, size: int) -> int:
    """Return the height and width of the features that leave the device, of a plug-in's at most.

    Args:
        model: name of a private network.
        size: height and width of the images in pixels, ``least_size`` at least.
    """
    network = parse(model)
    if network.family == "vgg16":
        return size // 4
    if network.family == "alexnet":
        stride = min(4, max(1, round(size / 56)))
        return _pooled(_pooled((size + 4 - 11) // stride + 1))
    if network.family == "lenet" and network.split == "report":
        return (size - 4) // 2
    return -(-size // 2) if _halves(network) else size


def _halves(network: PrivateArchitecture) -> bool:
    return network.family == "lenet" or network.split == "authors"


def _pooled(side: int) -> int:
    return (side - 3) // 2 + 1
