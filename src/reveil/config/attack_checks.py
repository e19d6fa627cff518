"""Checks of the attacks: what an attack sets must have an effect, and suit the victims."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil import datasets
from reveil.config.presets import DEFAULT
from reveil.config.study import Study
from reveil.datasets import Dataset
from reveil.plugins import known

Values = Mapping[str, Any]

# Keys that only some values of another one use. Elsewhere they must be as in the default.
USED_BY: dict[str, tuple[str, tuple[str, ...]]] = {
    "optimizer": ("method", ("optimise", "translation", "aware")),
    "bounds": ("method", ("translation",)),
    "padding": ("method", ("translation",)),
    "factors": ("method", ("aware",)),
    "prune_at": ("method", ("aware",)),
    "keep": ("method", ("aware",)),
    "max_hypotheses": ("method", ("aware",)),
    "reduction": ("objective", ("l1", "l2")),
}
# Keys whose default is a choice too, and their values that go with a method.
ALLOWED: dict[str, dict[str, tuple[Any, ...]]] = {
    "optimise": {"knows": ("nothing",)},
    "lbfgs": {
        "decay": ("none",),
        "warmup": (0,),
        "langevin": (0,),
        "signed": ("hard", "none"),
        "knows": ("nothing",),
    },
    "aware": {"knows": ("policy",)},
}


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    presets = study.presets["attacks"]
    attacks = {name: study.attack(name) for name in (DEFAULT, *presets.names)}
    default = attacks[DEFAULT]
    found = {n: dict(_alone(n, a, default)) if a and default else {} for n, a in attacks.items()}
    for name, messages in found.items():
        # What a preset has from the one it stands on is told of that one.
        base = presets.chain(name)[-2] if messages and name != DEFAULT else None
        for part, message in messages.items():
            if not (base and part in found[base] and attacks[name][part] == attacks[base][part]):
                yield message
    data = [datasets.get(name) for _, name in study.existing("datasets")]
    for protocol, switches in study.protocols().items():
        for _, name in study.entries("attacks"):
            if attack := attacks.get(name):
                yield from scene_problems(name, attack, protocol, switches["scene"])
                for dataset in data:
                    yield from label_problems(name, attack, protocol, switches["scene"], dataset)


def scene_problems(name: str, attack: Values, protocol: str, scene: Values) -> Iterator[str]:
    """Yield why an attack cannot be done on the victims of a protocol.

    Args:
        name: of the attack.
        attack: with every key.
        protocol: its name.
        scene: of the protocol, with every key.
    """
    needs = {"features": {"batch": 1, "bn_mode": "eval"}, "bn_statistics": {"bn_mode": "eval"}}
    for key, values in needs.items():
        for switch, value in values.items():
            if attack[key] and scene[switch] != value:
                yield (
                    f"attacks.{name}.{key}: {attack[key]!r} is not allowed on the victims of "
                    f"protocol {protocol!r}, whose scene.{switch} is {scene[switch]!r}; allowed: "
                    f"0, or scene.{switch}: {value}"
                )
    if attack["method"] == "aware" and scene["batch"] > 1:
        yield (
            f"attacks.{name}.method: 'aware' is not allowed on the victims of protocol "
            f"{protocol!r}, whose scene.batch is {scene['batch']}; allowed: optimise, lbfgs or "
            "translation, or scene.batch: 1"
        )


def label_problems(
    name: str, attack: Values, protocol: str, scene: Values, dataset: Dataset
) -> Iterator[str]:
    """Yield why an attack cannot find the classes behind a gradient; it takes each at most once.

    The arguments are those of :func:`scene_problems`, and the dataset.
    """
    if attack["label"] == "idlg" and scene["batch"] > dataset.classes:
        yield (
            f"attacks.{name}.label: 'idlg' is not allowed on the victims of protocol {protocol!r} "
            f"on {dataset.name}: it finds a class at most once, and of {dataset.classes} classes "
            f"no {scene['batch']}, which is scene.batch; allowed: known or joint, or scene.batch "
            f"up to {dataset.classes}"
        )


def _alone(name: str, attack: Values, default: Values) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong with it), whatever the victims do."""

    def told(part: str, reason: str) -> tuple[str, str]:
        return part, f"attacks.{name}.{part}: {attack[part]!r} {reason}"

    plugged = known.built_on("attacks", attack)
    for part, (other, values) in USED_BY.items() if not plugged else ():
        if attack[other] not in values and attack[part] != default[part]:
            yield told(
                part,
                f"has no effect with {other} {attack[other]!r}; allowed: {default[part]!r}, which "
                f"is the default, or {other} {' or '.join(values)}",
            )
    for part, values in ALLOWED.get(attack["method"], {}).items():
        if attack[part] not in values:
            allowed = ", ".join(map(str, values))
            yield told(part, f"is not allowed with method {attack['method']!r}; allowed: {allowed}")
    named = attack["method"] == "translation" and isinstance(attack["bounds"], str)
    if named and attack["knows"] != "policy":
        yield told(
            "knows",
            f"is not allowed with bounds {attack['bounds']!r}, which follow from the policy; "
            "allowed: policy, or two numbers as bounds",
        )
    limits = attack["bounds"]
    if attack["method"] == "translation" and not isinstance(limits, str) and not any(limits):
        yield told("bounds", "is not allowed, as it shifts nothing; allowed: one number above 0")
    if attack["features"] and attack["label"] == "joint":
        yield told(
            "features",
            "is not allowed with label 'joint', as they are read from the row of a known class; "
            "allowed: 0",
        )
    if attack["warmup"] >= attack["iterations"]:
        yield told(
            "warmup",
            f"is not allowed with {attack['iterations']} iterations; allowed: 0 to "
            f"{attack['iterations'] - 1}",
        )
