"""Datasets that plug-ins give: the decorator has their facts, and its function their images."""

from types import MappingProxyType

from reveil.datasets.facts import SPLITS, Dataset
from reveil.plugins import known
from reveil.plugins.known import Declared

FORMAT = "plug-in"
# Where nothing is said: to [-1, 1].
_HALF = 0.5


def of_plugins() -> list[Dataset]:
    """Return the datasets of all plug-ins that are known."""
    return [_dataset(one) for one in known.every(known.DATASET)]


def _dataset(one: Declared) -> Dataset:
    facts = one.facts
    usual = (_HALF,) * facts["channels"]
    return Dataset(
        name=one.name,
        title=facts.get("title") or one.name,
        family=one.name,
        format=FORMAT,
        channels=facts["channels"],
        size=facts["size"],
        classes=facts["classes"],
        counts=MappingProxyType({split: facts[split] for split in SPLITS}),
        mean=tuple(facts.get("mean") or usual),
        std=tuple(facts.get("std") or usual),
        archives=(),
    )
