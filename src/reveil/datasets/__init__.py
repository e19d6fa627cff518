"""The datasets: their facts, where their archives are, and the prepared splits.

Used while the graph is planned, so it imports neither torch nor pandas.
"""

from reveil.datasets.arrays import load_split
from reveil.datasets.facts import (
    ATTRIBUTES,
    FINE,
    FORMATS,
    IDENTITY,
    LABELS,
    PADDING,
    SPLITS,
    Dataset,
    Folder,
)
from reveil.datasets.folders import files_of, to_facts
from reveil.datasets.known import (
    CIFAR10_STATISTICS,
    CIFAR100_STATISTICS,
    DATASETS,
    IDX_ARCHIVES,
    IMAGENET_STATISTICS,
    MNIST_STATISTICS,
    environment,
    get,
    register,
)
from reveil.datasets.labels import CELEBA_ATTRIBUTES, CELEBA_HIDDEN, CELEBA_LABEL, FASHION_GROUPS
from reveil.datasets.registry import (
    REGISTRY_COLUMNS,
    ROLES,
    Source,
    is_plain_name,
    read_registry,
    sources_of,
)

__all__ = [
    "ATTRIBUTES",
    "CELEBA_ATTRIBUTES",
    "CELEBA_HIDDEN",
    "CELEBA_LABEL",
    "CIFAR10_STATISTICS",
    "CIFAR100_STATISTICS",
    "DATASETS",
    "Dataset",
    "FASHION_GROUPS",
    "FINE",
    "FORMATS",
    "Folder",
    "IDENTITY",
    "IDX_ARCHIVES",
    "IMAGENET_STATISTICS",
    "LABELS",
    "MNIST_STATISTICS",
    "PADDING",
    "REGISTRY_COLUMNS",
    "ROLES",
    "SPLITS",
    "Source",
    "environment",
    "files_of",
    "get",
    "is_plain_name",
    "load_split",
    "read_registry",
    "register",
    "sources_of",
    "to_facts",
]
