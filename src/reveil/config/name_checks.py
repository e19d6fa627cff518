"""Checks of names: whatever the configuration names must exist."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from reveil import datasets
from reveil.config.other_study import with_home
from reveil.config.presets import KINDS, Presets
from reveil.config.study import Study
from reveil.cvnn.names import is_private
from reveil.errors import ReveilError, nearest, not_allowed
from reveil.models.names import check_name
from reveil.unir.names import is_reconstructor


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    yield from _registry(study)
    for kind in KINDS:
        yield from _presets(study.presets[kind])
    for kind in ("protocols", "attacks"):
        for key, name in study.entries(kind):
            if not study.known(kind, name):
                message = not_allowed(key, name, study.presets[kind].names)
                yield with_home(study, kind, name, message) if kind == "attacks" else message
    yield from _recipes_of_protocols(study)
    yield from _special_cases(study.presets["recipes"])
    for key, name in study.entries("datasets"):
        if name not in datasets.DATASETS:
            yield not_allowed(key, name, datasets.DATASETS)
    for key, name in study.entries("models"):
        for message in caught(partial(check_name, name), key):
            yield with_home(study, "models", name, message)
    yield from _networks(study)


def _registry(study: Study) -> Iterator[str]:
    registry = study.config.get("datasets", {}).get("registry")
    if registry and not Path(study.root, registry).is_file():
        yield f"datasets.registry: {registry!r} is not a file of the repository"
    for key in ("lpips_weights", "inception_weights"):
        weights = study.config.get("datasets", {}).get(key)
        if weights and not Path(study.root, weights).is_file():
            yield f'datasets.{key}: {weights!r} is not a file; allowed: a file, or ""'


def _presets(presets: Presets) -> Iterator[str]:
    """Every name that is changed must lead to a preset."""
    for name, change in presets.changes.items():
        key = f"{presets.kind}.{name}"
        if name in presets.files and "base" in change:
            yield f"{key}.base: {name!r} is a preset; only names of your own have a base"
        elif name not in presets.files and "base" not in change:
            yield f"{key}: {_no_preset(name, presets.files)}"
    for name in {**presets.files, **presets.changes}:
        yield from caught(partial(presets.chain, name))


def _recipes_of_protocols(study: Study) -> Iterator[str]:
    """The recipes that a protocol names must exist; its variants do not tell it again."""
    protocols = study.presets["protocols"]
    for layers in (protocols.files, protocols.changes):
        for name, layer in layers.items():
            for role, recipe in (layer.get("recipes") or {}).items():
                yield from check_recipe(study, f"protocols.{name}.recipes.{role}", recipe)


def check_recipe(study: Study, key: str, name: str) -> Iterator[str]:
    """Yield what is wrong with the name of a recipe at ``key``."""
    presets = study.presets["recipes"]
    try:
        base, _ = presets.split(name)
    except ReveilError as error:
        yield with_key(key, error)
        return
    if not study.known("recipes", base):
        yield not_allowed(key, name, presets.names)


def _special_cases(recipes: Presets) -> Iterator[str]:
    """Special cases of recipes must name datasets and models."""
    for where, layers in (("config/recipes/", recipes.files), ("recipes.", recipes.changes)):
        for name, layer in layers.items():
            for place in layer.get("datasets") or {}:
                key = f"{where}{name}{'.yaml: ' if '/' in where else '.'}datasets.{place}"
                yield from _check_place(key, place)


def _check_place(key: str, place: str) -> Iterator[str]:
    dataset, _, model = place.partition("/")
    if dataset not in datasets.DATASETS:
        yield not_allowed(key, dataset, datasets.DATASETS)
    # What precedes the first hyphen stands for a whole family.
    if model and model != "resnet20" and not (is_private(model) or is_reconstructor(model)):
        yield from caught(partial(check_name, model), key)


def _networks(study: Study) -> Iterator[str]:
    """Two models of the study must not be one network, whose files they would share."""
    told: set[tuple[str, str]] = set()
    keys = {name: key for key, name in study.existing("models")}
    seen: dict[tuple[str, str, str], str] = {}
    for place in study.places():
        first = seen.setdefault((place.protocol, place.dataset, place.network), place.model)
        if first != place.model and (first, place.model) not in told:
            told.add((first, place.model))
            yield (
                f"{keys[place.model]}: {place.model!r} is the same network as {keys[first]}, "
                f"{first!r}: protocol {place.protocol!r} means {place.network} by both on "
                f"{place.dataset}; name one of them"
            )


def _no_preset(name: str, presets: Mapping[str, object]) -> str:
    known = sorted(presets)
    hint = nearest(name, known)
    message = (
        f"no preset is called {name!r}, and a name of your own needs the key base; "
        f"allowed: {', '.join(known)}"
    )
    return f"{message}; did you mean {hint!r}?" if hint else message


def caught(call: Callable[[], object], key: str | None = None) -> Iterator[str]:
    """Call ``call`` and yield the message of the mistake it reports, under ``key`` if given."""
    try:
        call()
    except ReveilError as error:
        yield str(error) if key is None else with_key(key, error)


def with_key(key: str, error: ReveilError) -> str:
    """Return the message of ``error`` with its general subject replaced by the key."""
    return f"{key}: {re.sub(r'^[a-z]+: ', '', str(error))}"
