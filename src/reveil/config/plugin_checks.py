"""The plug-ins that a configuration names: read, made known, and checked against what is there."""

import os
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from reveil import datasets, policies
from reveil.config.derived import AFTER, WITH
from reveil.config.presets import preset_paths
from reveil.config.schema import DEFINITIONS, load_schema
from reveil.config.study import Study
from reveil.cvnn.names import is_private
from reveil.datasets.folders import PREFIX
from reveil.defence_names import parse as parse_defence
from reveil.errors import ReveilError, nearest
from reveil.models.names import parse as parse_model
from reveil.plugins import known, reading
from reveil.plugins.known import Declared
from reveil.policy_names import ONLY, PLAIN
from reveil.unir.names import is_reconstructor

Root = str | os.PathLike[str]
KEY = "plugins"
# Where files of others are put: a bundle brings a configuration along, and must bring no program.
FOREIGN = ("results", "logs", "resources/downloads")
# Kinds of presets whose keys a plug-in gets in one mapping with its parameters.
MERGED = ("attacks", "feature_attacks")
# The types that a value may have where the default of the parameter has one.
_LIKE = {float: (int, float)}


def register(config: Mapping[str, Any], root: Root) -> list[str]:
    """Make the names of a configuration's plug-ins known, in place of those of any before it.

    Args:
        config: the configuration, unchecked.
        root: of the repository, which paths may be relative to.

    Returns:
        What is wrong with the plug-ins.
    """
    listed = config.get(KEY)
    wrong = make_known(listed if isinstance(listed, list) else (), root)
    return [f"{KEY}[{index}]: {message}" for index, message in wrong]


def make_known(paths: Iterable[object], root: Root) -> list[tuple[int, str]]:
    """Make the names that files give known, in place of those of any before them.

    Args:
        paths: of the files, absolute or relative to ``root``; what is no text is passed over.
        root: of the repository.

    Returns:
        What is wrong: the position of a file, and the message. Other names stay known.
    """
    known.register([])
    datasets.register([])
    messages: list[tuple[int, str]] = []
    found: dict[known.Key, Declared] = {}
    for index, path in enumerate(paths):
        if not isinstance(path, str) or not path:
            continue  # told by the schema
        file = Path(root, Path(path).expanduser()).absolute()
        try:
            _refuse_foreign(file, root)
            given = reading.read(file)
        except ReveilError as error:
            messages.append((index, str(error)))
            continue
        for one in given:
            try:
                _place(one, found, root)
            except ReveilError as error:
                messages.append((index, str(error)))
    known.register(found.values())
    return messages


def extended(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of the configuration with the methods and kinds that plug-ins give."""
    whole = deepcopy(dict(schema))
    for kind, (plugin, study, key) in known.PRESETS.items():
        named = whole["$defs"][DEFINITIONS[kind]]["properties"][key]
        named["enum"] = [*named["enum"], *known.names(plugin, study)]
    return whole


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong with the parameters of presets."""
    for kind in known.PRESETS:
        presets = study.presets[kind]
        for name, change in presets.changes.items():
            given = change.get("parameters")
            if not given or not study.sound(kind, name):
                continue
            links = [link for link in presets.layers(name) if known.PRESETS[kind][2] in link]
            one = known.built_on(kind, links[-1]) if links else None
            yield from _parameters(f"{kind}.{name}", given, one, links)


def _parameters(
    key: str, given: Mapping[str, Any], one: Declared | None, links: list[Any]
) -> Iterator[str]:
    if one is None:
        said = next(iter(links[-1].values())) if links else "of the default"
        yield (
            f"{key}.parameters: has no effect, as what the preset builds on ({said}) is no "
            "plug-in's; allowed: none"
        )
        return
    for part, value in given.items():
        if part not in one.parameters:
            hint = nearest(part, one.parameters)
            said = ", ".join(one.parameters) or "none"
            told = f"; did you mean {hint!r}?" if hint else ""
            yield f"{key}.parameters.{part}: unknown key; allowed here: {said}{told}"
            continue
        usual = one.parameters[part]
        like = isinstance(value, _LIKE.get(type(usual), type(usual)))
        # To Python, True is a whole number.
        if usual is None or (like and isinstance(value, bool) == isinstance(usual, bool)):
            continue
        yield (
            f"{key}.parameters.{part}: {value!r} is not allowed; allowed: values like the "
            f"default, {usual!r} ({one.where})"
        )


def _refuse_foreign(file: Path, root: Root) -> None:
    """Refuse a file that somebody else may have put where it is.

    Raises:
        ReveilError: it lies in such a folder.
    """
    for folder in FOREIGN:
        if file.resolve().is_relative_to(Path(root, folder).resolve()):
            raise ReveilError(
                f"{file.name}: lies below {folder}, where files of others are put, and is not run; "
                "allowed: a file of your own elsewhere"
            )


def _place(one: Declared, found: dict[known.Key, Declared], root: Root) -> None:
    """Add a name, unless it means something already.

    Raises:
        ReveilError: it does.
    """
    if one.key in found:
        other = found[one.key]
        raise ReveilError(f"{one.where}: {one.kind} {one.name!r} is that of {other.where} already")
    if one.kind == known.MODEL:
        for other in found.values():
            if (other.kind, other.name) == (known.MODEL, one.name):
                raise ReveilError(
                    f"{one.where}: model {one.name!r} is a network of {other.study} already "
                    f"({other.where}); allowed: a name for each, as it is part of its files' path"
                )
    if reason := _taken(one, root):
        raise ReveilError(f"{one.where}: {one.kind} {one.name!r} is not allowed: {reason}")
    for kind in MERGED:
        plugin, study, _ = known.PRESETS[kind]
        if (one.kind, one.study) == (plugin, study) and (same := _keys(kind, one, root)):
            raise ReveilError(
                f"{one.where}: parameter {same[0]!r} is a key of {kind} already; allowed: others"
            )
    found[one.key] = one


def _keys(kind: str, one: Declared, root: Root) -> list[str]:
    keys = load_schema(root)["$defs"][DEFINITIONS[kind]]["properties"]
    return [name for name in one.parameters if name in keys]


def _taken(one: Declared, root: Root) -> str | None:
    """Return what a name means already, or why it cannot be told from other names."""
    if one.name in ("none", "default"):
        return "it has a meaning of its own"
    if one.kind == known.DATASET:
        if one.name.startswith(PREFIX):
            return f"names with {PREFIX} are those of folders"
        return "a dataset here has the name" if one.name in datasets.DATASETS else None
    if one.kind == known.MODEL:
        network = is_private(one.name) or is_reconstructor(one.name) or _means(parse_model, one)
        return "a network here has the name" if network else None
    if one.kind == known.DEFENCE:
        if any(part in f"-{one.name}-" for part in (WITH, AFTER)):
            return f"names of recipes have {WITH} and {AFTER}"
        return "a defence here has the name" if _means(parse_defence, one) else None
    if (one.kind, one.study) == (known.POLICY, known.ATS):
        if one.name.startswith((ONLY, PLAIN)):
            return f"names of policies have {ONLY} and {PLAIN} before others"
        known_one = _means(lambda n: policies.resolve_alias(n, "cifar100", "convnet", "a", 0), one)
        return "a policy here has the name" if known_one else None
    kind = next(k for k, (*what, _) in known.PRESETS.items() if (one.kind, one.study) == (*what,))
    values = _methods(kind, root)
    if one.name in preset_paths(root, kind) or one.name in values:
        return f"a preset of config/{kind}, or a method, has the name"
    return None


def _methods(kind: str, root: Root) -> list[str]:
    key = known.PRESETS[kind][2]
    return load_schema(root)["$defs"][DEFINITIONS[kind]]["properties"][key]["enum"]


def _means(parse: Any, one: Declared) -> bool:
    try:
        parse(one.name)
    except ReveilError:
        return False
    return True
