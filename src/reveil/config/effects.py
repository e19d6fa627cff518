"""What the checks of presets share: a mistake is told once, of the preset that makes it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reveil.config.presets import DEFAULT
from reveil.config.resolve import values_of
from reveil.config.study import Study

Values = Mapping[str, Any]
Alone = Callable[[Values, Values], Iterator[tuple[str, str]]]


def told(study: Study, kind: str, alone: Alone, within: str = "") -> Iterator[str]:
    """Yield what is wrong with presets; what one has from its base is told of that one.

    Args:
        study: whose presets.
        kind: of presets.
        alone: yields (key, what is wrong with it), of the keys of a preset and those of the
            default.
        within: the mapping of a preset that is looked at, all of it where nothing is said.
    """
    presets = study.presets[kind]
    names = [name for name in (DEFAULT, *presets.names) if study.sound(kind, name)]
    values = {name: values_of(presets, name) for name in names}
    if within:
        values = {name: complete[within] for name, complete in values.items()}
    if DEFAULT not in values:
        return
    found = {name: dict(alone(values[name], values[DEFAULT])) for name in names}
    for name in names:
        base = presets.chain(name)[-2] if name != DEFAULT else None
        for part, message in found[name].items():
            if not (base and part in found[base] and values[name][part] == values[base][part]):
                yield f"{'.'.join(filter(None, (kind, name, within, part)))}: {message}"


def without_effect(
    values: Values, default: Values, chosen_by: str, used_by: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong) for the keys that a preset sets to no effect.

    Args:
        values, default: every key of the preset and of the default.
        chosen_by: the key that decides which others have an effect.
        used_by: its values that use a key.
    """
    choice = values[chosen_by]
    for part, users in used_by.items():
        if choice not in users and values[part] != default[part]:
            yield (
                part,
                f"{values[part]!r} has no effect with {chosen_by} {choice!r}; allowed: "
                f"{default[part]!r}, which is the default, or {chosen_by} {' or '.join(users)}",
            )
