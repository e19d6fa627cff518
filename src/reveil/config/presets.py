"""Presets: a file per protocol, recipe, attack, operator and so on, with what it changes."""

import os
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from reveil.config import derived
from reveil.errors import ReveilError, not_allowed
from reveil.plugins import known

KINDS = (
    "protocols",
    "recipes",
    "attacks",
    "protections",
    "feature_attacks",
    "operators",
    "reconstructions",
    "experiments",
)
DEFAULT = "default"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """Return what a YAML file holds; an empty file or one of comments only holds ``{}``.

    Raises:
        ReveilError: the file cannot be read or is not YAML; the message names file and line.
    """
    return deepcopy(_shared(path))


def _shared(path: str | os.PathLike[str]) -> Any:
    """Return what ``read_yaml`` does, to be read only: everyone gets the same object."""
    try:
        stat = os.stat(path)
        content = _read_yaml(str(path), stat.st_mtime_ns, stat.st_size)
    except (OSError, UnicodeDecodeError) as error:
        raise ReveilError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise ReveilError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    return {} if content is None else content


@cache
def _read_yaml(path: str, modified: int, size: int) -> Any:
    # Parsed once per state of the file, however many files there are.
    with open(path, encoding="utf-8") as stream:
        return yaml.load(stream, Loader=_Loader)  # noqa: S506 - a safe loader, in C where built


def _preset_files(root: str | os.PathLike[str], kind: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the content of the preset files of a kind by name, to be read only.

    Raises:
        ReveilError: a file cannot be read or is not YAML.
    """
    folder = Path(root, "config", kind)
    try:
        # Files that vanish meanwhile, or links to nowhere, are told by whoever reads them.
        with os.scandir(folder) as entries:
            states = sorted(_state(entry) for entry in entries if entry.name.endswith(".yaml"))
    except OSError:
        states = []
    return _contents(str(folder), tuple(states))


def _state(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    try:
        stat = entry.stat()
    except OSError:
        return entry.name, 0, 0
    return entry.name, stat.st_mtime_ns, stat.st_size


@cache
def _contents(
    folder: str, states: tuple[tuple[str, int, int], ...]
) -> Mapping[str, Mapping[str, Any]]:
    # Put together once per state of the folder: planning loads presets two thousand times.
    return {Path(name).stem: _shared(os.path.join(folder, name)) for name, *_ in states}


def preset_paths(root: str | os.PathLike[str], kind: str) -> dict[str, Path]:
    """Return the preset files of a kind by name, ``default`` among them."""
    return {path.stem: path for path in sorted(Path(root, "config", kind).glob("*.yaml"))}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` with the values of ``above``: mappings merge, all else is replaced."""
    merged = {key: deepcopy(value) for key, value in below.items() if key not in above}
    for key, value in above.items():
        old = below.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        merged[key] = merge(old, value) if both else deepcopy(value)
    return merged


class Presets:
    """The presets of one kind together with what the configuration changes in them.

    Args:
        kind: one of ``KINDS``.
        files: content of the preset files by name, and of the presets that plug-ins give.
        changes: the section ``kind`` of the configuration.
    """

    def __init__(
        self, kind: str, files: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Any]
    ) -> None:
        self.kind, self.files, self.changes = kind, files, changes

    @classmethod
    def load(cls, config: Mapping[str, Any], root: str | os.PathLike[str], kind: str) -> "Presets":
        """Read the preset files below ``root``, and take the changes from ``config``."""
        # Not copied, as merging them copies.
        files = _preset_files(root, kind)
        if given := known.presets(kind):
            files = {**files, **given}
        return cls(kind, files, config.get(kind) or {})

    @property
    def names(self) -> list[str]:
        """All names that can be used: presets, then the user's own."""
        return [name for name in {**self.files, **self.changes} if name != DEFAULT]

    def layers(self, name: str) -> list[Mapping[str, Any]]:
        """Return the mappings to lay over each other for ``name``, the default first.

        Raises:
            ReveilError: an unknown name, or a chain of ``base`` that comes back to itself.
        """
        parts = (self.files, self.changes)
        layers = [part[link] for link in self.chain(name) for part in parts if link in part]
        _, changes = self.split(name)
        return [*layers, changes] if changes else layers

    def split(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return the name that ``name`` is derived from, and what it changes; see ``derived``.

        Raises:
            ReveilError: the name of a derived recipe is not written as it has to be.
        """
        return derived.split(name, self.names) if self.kind == "recipes" else (name, {})

    def chain(self, name: str) -> list[str]:
        """Return the names that ``name`` stands on, ``default`` first and itself last.

        Of a derived recipe, those of the recipe that it is derived from.

        Raises:
            ReveilError: an unknown name, or a chain of ``base`` that comes back to itself.
        """
        chain: list[str] = []
        while not chain or chain[-1] != DEFAULT:
            link = self._base(chain[-1]) if chain else self.split(name)[0]
            if link in chain:
                shown = " -> ".join([*chain, link])
                raise ReveilError(f"{self.kind}.{link}.base: the chain {shown} has no end")
            if link not in self.files and link not in self.changes:
                key = f"{self.kind}.{chain[-1]}.base" if chain else self.kind
                raise ReveilError(not_allowed(key, link, [*self.names, DEFAULT]))
            chain.append(link)
        return chain[::-1]

    def _base(self, name: str) -> str:
        own = [part[name] for part in (self.files, self.changes) if name in part]
        return next((layer["base"] for layer in own if "base" in layer), DEFAULT)
