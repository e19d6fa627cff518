"""The folders of images that a configuration names: made datasets, and checked."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reveil import datasets
from reveil.config.schema import Problem
from reveil.datasets import Dataset, folders
from reveil.errors import ReveilError

KEY = ("datasets", "folders")


def register(
    config: Mapping[str, Any], wrong: Iterable[Problem], root: str | os.PathLike[str]
) -> list[str]:
    """Make the folders of a configuration datasets, instead of those of any before it.

    A folder that something is wrong with becomes one, too, so that those who use its name are not
    told that it is unknown.

    Args:
        config: the configuration without its wrong values.
        wrong: what was taken out of it.
        root: folder of the repository.

    Returns:
        What is wrong with the folders themselves.
    """
    messages: list[str] = []
    broken = {
        str(problem.key[2]) for problem in wrong if problem.key[:2] == KEY and problem.key[2:]
    }
    named = config.get("datasets", {}).get("folders") or {}
    datasets.register(
        [
            *_measured({k: v for k, v in named.items() if k not in broken}, root, messages),
            *map(folders.stand_in, sorted(broken)),
        ]
    )
    return messages


def _measured(
    named: Mapping[str, Any], root: str | os.PathLike[str], messages: list[str]
) -> Iterator[Dataset]:
    for name, settings in named.items():
        try:
            yield folders.measure(name, settings, root)
        except ReveilError as error:
            messages.append(f"{'.'.join(KEY)}.{name}.{error}")
            yield folders.stand_in(name)
