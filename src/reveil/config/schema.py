"""The schema of the configuration, and its errors in words a user can act on."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from reveil.config.presets import read_yaml
from reveil.errors import nearest

Schema = Mapping[str, Any]
Key = tuple[str | int, ...]

SCHEMA_FILE = Path("workflow", "schemas", "config.schema.yaml")
DEFINITIONS = {
    "protocols": "protocol",
    "recipes": "recipe",
    "attacks": "attack",
    "protections": "protection",
    "feature_attacks": "feature_attack",
    "operators": "operator",
    "reconstructions": "reconstruction",
    "experiments": "experiment",
}

# Keys of presets that only those have who build on something.
NOT_IN_DEFAULTS = ("base", "parameters")

_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys",
}


def _is_integer(_: object, value: Any) -> bool:
    # To JSON 60.0 is an integer; to Python's range() it is not.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: Any) -> bool:
    # YAML writes .inf and .nan, and 1.0e+999 for the first; JSON has none of them.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max


def _matches(
    _: object, pattern: str, value: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    # To Python's "$" a text that ends in a line break is as good as one without.
    if isinstance(value, str) and (not re.search(pattern, value) or "\n" in value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = extend(
    Draft202012Validator,
    validators={"pattern": _matches},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a value.

    Attributes:
        key: path of the value that is wrong.
        message: what is wrong with it and what is allowed, without the key.
    """

    key: Key
    message: str

    def __str__(self) -> str:
        return f"{key_name(self.key)}: {self.message}"


def load_schema(root: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the schema of the configuration of the repository at ``root``."""
    return read_yaml(Path(root, SCHEMA_FILE))


def section(schema: Schema, name: str) -> dict[str, Any]:
    """Return the schema of one definition, such as ``recipe``, that stands on its own."""
    return {**schema["$defs"][name], "$defs": schema["$defs"]}


def resolved(schema: Schema, root: Schema) -> dict[str, Any]:
    """Return ``schema`` with its reference replaced by what it refers to."""
    merged = dict(schema)
    while "$ref" in merged:
        target = root["$defs"][merged.pop("$ref").removeprefix("#/$defs/")]
        merged = {**target, **merged}
    return merged


def problems(value: Any, schema: Schema) -> list[Problem]:
    """Return all that is wrong with ``value``, in the order of its keys."""
    found = (p for error in _Validator(schema).iter_errors(value) for p in _explain(error))
    return sorted(dict.fromkeys(found), key=lambda problem: [str(k) for k in problem.key])


def missing_keys(value: Any, schema: Schema, root: Schema, key: Key = ()) -> Iterator[Key]:
    """Yield the keys that ``schema`` describes and a default has to have, but has not."""
    schema = resolved(schema, root)
    if not isinstance(value, Mapping):
        return
    for name, below in schema.get("properties", {}).items():
        if name in value:
            yield from missing_keys(value[name], below, root, (*key, name))
        elif name not in NOT_IN_DEFAULTS:
            yield (*key, name)


def without(value: Any, wrong: Iterable[Problem]) -> Any:
    """Return a copy of ``value`` without its wrong values; in a list None takes their place."""
    copy = deepcopy(value)
    for problem in wrong:
        if not problem.key:
            return {}
        holder, last = copy, problem.key[-1]
        try:
            for part in problem.key[:-1]:
                holder = holder[part]
        except (KeyError, IndexError, TypeError):
            continue  # it went with a wrong value around it
        if isinstance(holder, list):
            holder[last] = None
        elif isinstance(holder, dict):
            holder.pop(last, None)
    return copy


def key_name(key: Sequence[str | int]) -> str:
    """Return ``studies.ats.policies[2]`` for ``("studies", "ats", "policies", 2)``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".") or "configuration"


def allowed(schema: Schema) -> str:
    """Return in words what a value may be."""
    if "x-allowed" in schema:
        entries = "a list of: " if schema.get("type") == "array" else ""
        return entries + schema["x-allowed"]
    if "enum" in schema:
        return ", ".join(map(_plain, schema["enum"]))
    if "const" in schema:
        return _plain(schema["const"])
    if "anyOf" in schema:
        return " or ".join(map(allowed, schema["anyOf"]))
    types = schema.get("type", [])
    kinds = [types] if isinstance(types, str) else types
    words = [" or ".join(_TYPES[kind] for kind in kinds), *_bounds(schema)]
    return " ".join(words) or "anything"


def choices(schema: Schema) -> list[str]:
    """Return the names that a value may be, as far as the schema lists them."""
    named = [*schema.get("x-names", []), *schema.get("enum", [])]
    named += [schema["const"]] if "const" in schema else []
    for part in schema.get("anyOf", []):
        named += choices(part)
    return [_plain(name) for name in named]


def _bounds(schema: Schema) -> Iterator[str]:
    words = {"minimum": "from", "exclusiveMinimum": "above"}
    words |= {"maximum": "up to", "exclusiveMaximum": "below"}
    yield from (f"{words[key]} {schema[key]}" for key in words if key in schema)
    if "pattern" in schema:
        yield f"like {schema['pattern']}"
    if "minItems" in schema:
        yield f"with {schema['minItems']} or more entries"
    if schema.get("minLength"):
        yield "that is not empty"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _explain(error: ValidationError) -> Iterator[Problem]:
    key: Key = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        for name in [name for name in error.instance if name not in known]:
            yield Problem((*key, name), _unknown_key(name, known))
    elif error.validator == "required":
        for name in [name for name in error.validator_value if name not in error.instance]:
            yield Problem((*key, name), "is missing")
    elif error.validator == "uniqueItems":
        for index, item in enumerate(error.instance):
            if item in error.instance[:index]:
                yield Problem((*key, index), f"{item!r} is in the list twice")
    elif "propertyNames" in error.absolute_schema_path:
        yield Problem((*key, str(error.instance)), f"this name is not {allowed(error.schema)}")
    else:
        yield Problem(key, _bad_value(error.instance, error.schema))


def _unknown_key(name: object, known: Sequence[str]) -> str:
    hint = nearest(name, known)
    message = f"unknown key; allowed here: {', '.join(known)}"
    return f"{message}; did you mean {hint!r}?" if hint else message


def _bad_value(value: Any, schema: Schema) -> str:
    said = "an empty value" if value is None else repr(value)
    message = f"{said} is not allowed; allowed: {allowed(schema)}"
    infinite = isinstance(value, float) and not _is_number(None, value)
    if infinite and schema.get("type") == "number":
        return f"{message}, and finite"
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+[eE][+-]?\d+", value):
        return f"{message}; YAML reads {value} as text: write it with a point, as in 1.0e-4"
    numeric = isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?", value)
    if numeric and schema.get("type") in ("integer", "number"):
        # With --config 'seeds=[0, 1]' Snakemake makes texts of what is within brackets.
        return f"{message}; this one is text: write it without quotes, in a file for --configfile"
    hint = nearest(_plain(value), choices(schema))
    return f"{message}; did you mean {hint!r}?" if hint else message
