"""Checks of the names in a study's section whose policies and attacks are presets."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from reveil import datasets
from reveil.config.name_checks import caught
from reveil.config.other_study import with_home
from reveil.config.study import Study
from reveil.errors import not_allowed


def check(study: Study, kinds: Mapping[str, str]) -> Iterator[str]:
    """Yield which names do not exist.

    Args:
        study: whose section is looked at.
        kinds: of the presets, by the lists that name them: ``policies`` and ``attacks``.
    """
    for entry, name in study.entries("protocols"):
        if not study.known("protocols", name):
            yield not_allowed(entry, name, study.presets["protocols"].names)
    for part, kind in kinds.items():
        yield from unknown(study, part, kind, study.entries(part))
    for entry, name in study.entries("datasets"):
        if name not in datasets.DATASETS:
            yield not_allowed(entry, name, datasets.DATASETS)
    for entry, name in study.entries("models"):
        for message in caught(partial(study.check_model, name), entry):
            yield with_home(study, "models", name, message)


def unknown(
    study: Study, part: str, kind: str, entries: Iterable[tuple[str, Any]]
) -> Iterator[str]:
    """Yield which names are none of a kind of presets.

    Args:
        study: that they were given to.
        part: ``policies`` or ``attacks``.
        kind: of the presets.
        entries: (key, name).
    """
    for key, name in entries:
        if not study.known(kind, name):
            yield with_home(study, part, name, not_allowed(key, name, study.presets[kind].names))
