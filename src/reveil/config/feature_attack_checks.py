"""Checks of attacks on features: what one sets has an effect, and what it builds on exists."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil.config.presets import DEFAULT
from reveil.config.study import Study
from reveil.cvnn.methods import INFERENCE
from reveil.errors import not_allowed
from reveil.plugins import known

Values = Mapping[str, Any]

IMAGES = ("angle_search", "angle_regression", "blind", "decode", "two_image")
TRAINED = (*IMAGES, "infer")
# Keys that only some methods use. Elsewhere they must be as in the default.
USED_BY: dict[str, tuple[str, ...]] = {
    "scored_by": ("angle_search",),
    "scored_parts": ("angle_search",),
    "candidates": ("angle_search",),
    "refine": ("angle_search",),
    "consistent": ("angle_search", "angle_regression"),
    "parts": ("decode",),
    "align": ("blind", "two_image"),
    "decoder": IMAGES,
    "infer": ("infer",),
    "augment": ("infer",),
    "inner": INFERENCE,
    "neighbours": ("knn",),
    **dict.fromkeys(("width", "optimizer", "learning_rate", "batch_size", "precision"), TRAINED),
    **dict.fromkeys(("max_epochs", "patience", "min_epochs"), TRAINED),
}
# What an inference attack can build on: attacks that find an angle and decode what it gives.
INNER = ("angle_search", "blind")


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong; what a preset has from the one it stands on is told of that one."""
    presets = study.presets["feature_attacks"]
    names = [DEFAULT, *presets.names]
    attacks = {name: attack for name in names if (attack := study.feature_attack(name))}
    if DEFAULT not in attacks:
        return
    found = {
        name: dict(_alone(study, name, attack, attacks[DEFAULT]))
        for name, attack in attacks.items()
    }
    for name, attack in attacks.items():
        base = presets.chain(name)[-2] if name != DEFAULT else None
        for part, message in found[name].items():
            if not (base and part in found[base] and attack[part] == attacks[base][part]):
                yield f"feature_attacks.{name}.{part}: {message}"


def _alone(study: Study, name: str, attack: Values, default: Values) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong with it)."""
    method = attack["method"]
    plugged = known.built_on("feature_attacks", attack)
    for part, methods in USED_BY.items() if not plugged else ():
        if method not in methods and attack[part] != default[part]:
            yield (
                part,
                f"{attack[part]!r} has no effect with method {method!r}; allowed: "
                f"{default[part]!r}, which is the default, or method {' or '.join(methods)}",
            )
    if method == "blind" and attack["align"] == "none":
        yield "align", "'none' is not allowed with method 'blind'; allowed: quadrant, matched, ica"
    if attack["min_epochs"] > attack["max_epochs"]:
        yield (
            "min_epochs",
            f"{attack['min_epochs']} is not allowed; allowed: 0 to max_epochs, "
            f"{attack['max_epochs']}",
        )
    # The default's is that of all who do not say.
    if method in INFERENCE or name == DEFAULT:
        yield from _inner(study, attack["inner"])


def _inner(study: Study, name: str) -> Iterator[tuple[str, str]]:
    if not study.known("feature_attacks", name):
        names = study.presets["feature_attacks"].names
        yield "inner", not_allowed("inner", name, names).removeprefix("inner: ")
    elif (inner := study.feature_attack(name)) and inner["method"] not in INNER:
        yield (
            "inner",
            f"{name!r} is not allowed, as its method is {inner['method']!r}; allowed: attacks "
            f"whose method is {' or '.join(INNER)}",
        )
