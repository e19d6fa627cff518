"""Presets whose values become frozen settings: what one may say, and the policy file it fills.

Used while the graph is planned, so it does not import torch.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, TypeVar

from reveil import policy_files
from reveil.errors import ReveilError, not_allowed
from reveil.plugins import known

# What stands for a number that is found from the data.
AUTO = "auto"
# The field of settings that holds the values of a plug-in.
PARAMETERS = "parameters"

Settings = TypeVar("Settings")
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Range:
    """The values of a key that are allowed.

    Attributes:
        allowed: in words.
        holds: whether a value, of any type, is one of them.
    """

    allowed: str
    holds: Callable[[Any], bool]

    def or_auto(self) -> "Range":
        """Return this range with ``AUTO``."""
        return Range(f"{AUTO}, {self.allowed}", lambda value: value == AUTO or self.holds(value))


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Return whether a value is a finite number; true and false are none."""
    return (is_whole(value) or isinstance(value, float)) and math.isfinite(value)


def whole_from(least: int) -> Range:
    """Return the range of the whole numbers from ``least``."""
    return Range(f"whole numbers from {least}", lambda value: is_whole(value) and value >= least)


SWITCH = Range("true, false", lambda value: isinstance(value, bool))
POSITIVE = Range("numbers above 0", lambda value: is_finite(value) and value > 0)
NOT_NEGATIVE = Range("numbers from 0", lambda value: is_finite(value) and value >= 0)


def _no_relations(values: Values) -> list[str]:
    return []


@dataclass(frozen=True)
class PresetKind(Generic[Settings]):
    """How the presets of one kind become frozen settings.

    Attributes:
        name: of the kind in messages, and the key of a policy file that holds the values.
        settings: dataclass of ``name``, of the preset, one field a key, and where plug-ins may give
            one of the choices ``parameters``.
        choices: key -> its closed set of values.
        ranges: key -> its range; every key has one of the two.
        relations: returns what is wrong between values that are each allowed.
        plugged: kind of presets in :data:`reveil.plugins.known.PRESETS`; empty without plug-ins.
    """

    name: str
    settings: type[Settings]
    choices: Mapping[str, tuple[Any, ...]]
    ranges: Mapping[str, Range]
    relations: Callable[[Values], list[str]] = _no_relations
    plugged: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys of a complete preset, in the order of the fields."""
        own = ("name", PARAMETERS)
        return tuple(field.name for field in fields(self.settings) if field.name not in own)

    def from_values(self, name: str, values: Values) -> Settings:
        """Return the settings of a complete preset.

        Args:
            name: of the preset.
            values: all of ``keys``, and ``parameters`` where a plug-in takes some.

        Raises:
            ReveilError: a key is missing or unknown, or a value is not allowed; all are named.
        """
        keys = self.keys
        own = dict(values.get(PARAMETERS) or {})
        values = {key: value for key, value in values.items() if key != PARAMETERS}
        if own and known.built_on(self.plugged, values) is None:
            raise ReveilError(f"{self.name} {name!r}: {PARAMETERS}: are those of a plug-in")
        problems = [not_allowed("key", key, keys) for key in values if key not in keys]
        problems += [f"{key}: is missing" for key in keys if key not in values]
        given = (self._problem(key, values[key]) for key in keys if key in values)
        problems += [problem for problem in given if problem]
        problems = problems or self.relations(values)
        if problems:
            raise ReveilError(f"{self.name} {name!r}: " + "; ".join(problems))
        return self.settings(name=name, **values, **({PARAMETERS: own} if own else {}))

    def to_json(self, settings: Settings) -> dict[str, Any]:
        """Return what a policy file holds: ``name``, and the values by the name of the kind."""
        values = asdict(settings)
        said = {key: values[key] for key in self.keys}
        own = {PARAMETERS: values[PARAMETERS]} if values.get(PARAMETERS) else {}
        return {"name": values["name"], self.name: {**said, **own}}

    def from_json(self, content: Any) -> Settings:
        """Return the settings of what :meth:`to_json` gave.

        Raises:
            ReveilError: it has another form, or does not say valid settings.
        """
        if (
            not isinstance(content, dict)
            or set(content) != {"name", self.name}
            or not isinstance(content[self.name], dict)
        ):
            article = "an" if self.name[0] in "aeiou" else "a"
            raise ReveilError(
                f"not {article} {self.name}; allowed: a JSON object of name, {self.name}"
            )
        return self.from_values(str(content["name"]), content[self.name])

    def read(self, path: str | os.PathLike[str]) -> Settings:
        """Read a policy file.

        Raises:
            ReveilError: the file is missing, is no JSON, or does not say valid settings.
        """
        return policy_files.read(path, self.from_json)

    def _given(self, key: str) -> tuple[str, ...]:
        """Return the values of a key that plug-ins give."""
        *what, chooses = known.PRESETS.get(self.plugged, ("", "", ""))
        return known.names(*what) if key == chooses else ()

    def _problem(self, key: str, value: Any) -> str | None:
        if key in self.choices:
            choices = (*self.choices[key], *self._given(key))
            return None if value in choices else not_allowed(key, value, choices)
        allowed = self.ranges[key]
        if allowed.holds(value):
            return None
        return f"{key}: {value!r} is not allowed; allowed: {allowed.allowed}"
