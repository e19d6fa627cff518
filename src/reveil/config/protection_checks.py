"""Checks of the protections: their keys go together, and what is set has an effect."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil.config.presets import DEFAULT
from reveil.config.resolve import protection_values
from reveil.config.study import Study
from reveil.cvnn.protections import relation_problems

Values = Mapping[str, Any]

# Keys that only one kind uses. Elsewhere they must be as in the default.
USED_BY = {
    "noise": "noisy",
    **dict.fromkeys(("critic", "k", "fake_angles", "counterpart", "weights"), "rotation"),
    **dict.fromkeys(("threshold", "norm_over", "norm_parts", "norm_test"), "rotation"),
    "coefficients": "rotation",
}
# The network as it is has no layers of the generator, and ends in its own ReLU.
ORIGINAL = {"generator": ("none", "none, or kind additional"), "end": ("relu", "relu")}


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong; what a preset has from the one it stands on is told of that one."""
    presets = study.presets["protections"]
    names = [name for name in (DEFAULT, *presets.names) if study.sound("protections", name)]
    values = {name: protection_values(presets, name) for name in names}
    if DEFAULT not in values:
        return
    found = {name: dict(_alone(values[name], values[DEFAULT])) for name in names}
    for name in names:
        base = presets.chain(name)[-2] if name != DEFAULT else None
        for part, message in found[name].items():
            if not (base and part in found[base] and values[name][part] == values[base][part]):
                yield f"protections.{name}.{message}"


def _alone(values: Values, default: Values) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong with it)."""
    kind = values["kind"]
    for message in relation_problems(values):
        yield message.partition(":")[0], message
    for part, user in USED_BY.items():
        if kind != user and values[part] != default[part]:
            yield (
                part,
                f"{part}: {values[part]!r} has no effect with kind {kind!r}; allowed: "
                f"{default[part]!r}, which is the default, or kind {user}",
            )
    if kind == "original":
        for part, (only, allowed) in ORIGINAL.items():
            if values[part] != only:
                yield (
                    part,
                    f"{part}: {values[part]!r} is not allowed with kind 'original', which is the "
                    f"network as it is; allowed: {allowed}",
                )
