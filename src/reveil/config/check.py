"""All that is wrong with a configuration, found before anything runs."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reveil.config import (
    attack_checks,
    bounds_checks,
    defence_checks,
    experiment_checks,
    folder_checks,
    image_checks,
    name_checks,
    plugin_checks,
    policy_checks,
    private_checks,
    unir_checks,
)
from reveil.config.experiments import study_of
from reveil.config.presets import DEFAULT, KINDS, Presets, preset_paths, read_yaml
from reveil.config.schema import (
    DEFINITIONS,
    Problem,
    load_schema,
    missing_keys,
    problems,
    section,
    without,
)
from reveil.config.study import Study
from reveil.errors import ReveilError
from reveil.plugins import known

Config = Mapping[str, Any]
Root = str | os.PathLike[str]
Broken = frozenset[tuple[str, ...]]

CHECKS = (
    plugin_checks.check,
    name_checks.check,
    image_checks.check,
    policy_checks.check,
    defence_checks.check,
    attack_checks.check,
    bounds_checks.check,
    experiment_checks.check,
)
# By study.
OTHER_CHECKS = {
    "cvnn": (private_checks.check, experiment_checks.check),
    "unir": (unir_checks.check, experiment_checks.check),
}


def validate(config: Config, root: Root) -> None:
    """Raise one ``ReveilError`` that lists all that is wrong with ``config``, if anything is.

    Args:
        config: the merged configuration.
        root: folder of the repository, which holds the presets and the schema.
    """
    messages = check(config, root)
    if messages:
        count = "1 error" if len(messages) == 1 else f"{len(messages)} errors"
        raise ReveilError("\n  ".join([f"the configuration has {count}:", *messages]))


def require_experiment(config: Config, root: Root, name: str) -> None:
    """Raise a ``ReveilError`` unless an experiment can be done under a valid configuration."""
    presets = {kind: Presets.load(config, root, kind) for kind in KINDS}
    study = Study(config, root, presets, frozenset(), study_of(name))
    messages = list(dict.fromkeys(experiment_checks.check_experiment(study, name)))
    if messages:
        raise ReveilError("\n  ".join([f"experiment {name!r} cannot be done:", *messages]))


def check(config: Config, root: Root) -> list[str]:
    """Return all that is wrong with ``config`` and with the presets below ``root``.

    What fails the schema is taken out before the checks that relate keys to each other, and what
    it was taken out of is left out of them, so that one mistake neither hides another nor is told
    twice. The folders of images that ``config`` names are datasets from here on, and the names
    of its plug-ins are known.
    """
    unread = plugin_checks.register(config, root) if isinstance(config, Mapping) else []
    schema = plugin_checks.extended(load_schema(root))
    wrong = problems(config, schema)
    messages = [*unread, *map(str, wrong)]
    broken = _broken(wrong)
    presets: dict[str, Presets] = {}
    clean = without(dict(config), wrong)
    messages += folder_checks.register(clean, wrong, root)
    for kind in KINDS:
        files, found, bad = _preset_files(root, kind, schema)
        messages += found
        broken |= bad
        presets[kind] = Presets(kind, files, _changes(kind, clean.get(kind), files, wrong))
    if all(DEFAULT in presets[kind].files for kind in KINDS):
        study = Study(clean, root, presets, broken)
        messages += [message for part in CHECKS for message in part(study)]
        for name, parts in OTHER_CHECKS.items():
            other = replace(study, name=name)
            messages += [message for part in parts for message in part(other)]
    return list(dict.fromkeys(messages))


def _broken(wrong: list[Problem]) -> Broken:
    """Return what had a wrong value: (kind, name), or (kind,) for a whole section."""
    if any(not problem.key for problem in wrong):
        return frozenset((kind,) for kind in KINDS)
    keys = (tuple(map(str, problem.key[:2])) for problem in wrong)
    return frozenset(key for key in keys if key[0] in KINDS)


def _changes(
    kind: str, clean: Any, files: Mapping[str, Any], wrong: list[Problem]
) -> dict[str, Mapping[str, Any]]:
    """Return the changes to the presets of a kind.

    A name that was taken out, or whose base was, stays with a base that stands in, so that those
    who use the name are not told that it is unknown.
    """
    own = clean if isinstance(clean, Mapping) else {}
    changes = {
        name: value
        for name, value in own.items()
        # Among derived names, such as full-after-10, the empty one stands for anything.
        if name and isinstance(name, str) and isinstance(value, Mapping)
    }
    for section_name, *names in (map(str, problem.key) for problem in wrong if problem.key):
        lost = len(names) == 1 or names[1:] == ["base"]
        if section_name == kind and lost and names[0] and names[0] not in files:
            changes[names[0]] = {**changes.get(names[0], {}), "base": DEFAULT}
    return changes


def _preset_files(
    root: Root, kind: str, schema: Mapping[str, Any]
) -> tuple[dict[str, Mapping[str, Any]], list[str], Broken]:
    """Return the valid part of the presets of a kind, what is wrong with them, and with which."""
    files: dict[str, Mapping[str, Any]] = {}
    messages: list[str] = []
    broken: set[tuple[str, ...]] = set()
    paths = preset_paths(root, kind)
    for name, path in paths.items():
        content, found = _preset_file(path, root, section(schema, DEFINITIONS[kind]))
        messages += found
        if found:
            broken.add((kind, name))
        if not (found and name == DEFAULT):
            files[name] = content
    files |= known.presets(kind)
    if DEFAULT not in paths:
        messages.append(f"config/{kind}/{DEFAULT}.yaml: is missing")
    return files, messages, frozenset(broken)


def _preset_file(
    path: Path, root: Root, rules: Mapping[str, Any]
) -> tuple[Mapping[str, Any], list[str]]:
    """Return the valid part of a preset, and what is wrong with the rest."""
    try:
        content = read_yaml(path)
    except ReveilError as error:
        return {}, [str(error)]
    wrong = problems(content, rules)
    if path.stem == DEFAULT:
        told = {problem.key for problem in wrong}
        absent = [key for key in missing_keys(content, rules, rules) if key not in told]
        wrong += [Problem(key, "is missing, but the default has every key") for key in absent]
    shown = path.relative_to(root)
    return without(content, wrong), [f"{shown}: {problem}" for problem in wrong]
