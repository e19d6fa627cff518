"""What the configurations of two runs differ in.

A run keeps its configuration in ``config.yaml``, and the presets that it means in
``in-force.yaml``, once it was packed or those files were asked for.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from reveil.compare.notes import Difference, differences, read_json
from reveil.compare.runs import Pair
from reveil.config import read_yaml
from reveil.errors import ReveilError
from reveil.front import flat

CONFIG = "config.yaml"
IN_FORCE = "in-force.yaml"
# Names the folder that a run lies in, and no result.
LEFT_OUT = ("run",)
RECIPES = "recipes"


def both_keep(name: str, first: Path, second: Path) -> bool:
    """Return whether both runs keep a file."""
    return all((folder / name).is_file() for folder in (first, second))


def said_by(folder: Path) -> dict[str, Any]:
    """Return the keys of a run's configuration and of the presets in force, none without either.

    Raises:
        ReveilError: a file cannot be read.
    """
    there = [folder / name for name in (CONFIG, IN_FORCE) if (folder / name).is_file()]
    return {key: value for path in there for key, value in _said(path).items()}


def differing_keys(first: Path, second: Path) -> list[Difference]:
    """Return the keys in which the kept files differ, in the order of the alphabet.

    Of a preset that both have in force, the values are those written out.

    Raises:
        ReveilError: a file cannot be read.
    """
    found = {}
    if both_keep(CONFIG, first, second):
        found = _by_key(*(_said(folder / CONFIG) for folder in (first, second)))
    if both_keep(IN_FORCE, first, second):
        written = [_mapping(folder / IN_FORCE) for folder in (first, second)]
        found |= _by_key(*_shared_presets(*written))
    return sorted(found.values(), key=lambda difference: difference[0])


def other_policies(first: Path, second: Path, found: list[Pair]) -> list[str]:
    """Return the policies of common rows whose files say something else in the two runs.

    What a search found, or a preset means, has the same name in every run.

    Raises:
        ReveilError: a file cannot be read.
    """
    tables = [pair.both[0][["dataset", "model", "policy"]] for pair in found]
    names = pd.concat(tables).drop_duplicates() if tables else pd.DataFrame()
    odd = []
    for dataset, model, policy in names.itertuples(index=False):
        place = Path("policies", dataset, model, f"{policy}.json")
        said = [read_json(folder / place) for folder in (first, second)]
        if None not in said and said[0] != said[1]:
            odd.append(f"{policy} of {dataset}, {model}")
    return odd


def _mapping(path: Path) -> Mapping[str, Any]:
    content = read_yaml(path)
    if not isinstance(content, Mapping):
        raise ReveilError(f"{path}: is no configuration, which is a mapping of keys")
    return content


def _said(path: Path) -> dict[str, Any]:
    return {key: value for key, value in flat(_mapping(path)) if key not in LEFT_OUT}


def _by_key(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Difference]:
    return {difference[0]: difference for difference in differences(first, second)}


def _shared_presets(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the switches of the presets that both have; the others follow from the studies."""
    sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for kind in first.keys() & second.keys():
        named = [side[kind] if isinstance(side[kind], Mapping) else {} for side in (first, second)]
        shared = {name: [side[name] for side in named] for name in named[0] if name in named[1]}
        if kind == RECIPES:
            shared = _alike(shared)
        for name, presets in shared.items():
            for side, preset in zip(sides, presets, strict=True):
                side.update(flat({kind: {name: preset}}))
    return sides


def _alike(recipes: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return recipes by their name alone where they differ alike on every dataset and model."""
    of_name: dict[str, dict[str, list[Any]]] = {}
    for page, both in recipes.items():
        of_name.setdefault(page.split(" for ")[0], {})[page] = both
    found: dict[str, list[Any]] = {}
    for name, pages in of_name.items():
        away = [
            list(_by_key(*(dict(flat(side)) for side in both)).values()) for both in pages.values()
        ]
        if all(each == away[0] for each in away):
            found[name] = next(iter(pages.values()))
        else:
            found |= pages
    return found
