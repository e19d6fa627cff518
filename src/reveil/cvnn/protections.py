"""Protections: what the device does to its features before the cloud, or an attacker, sees them.

A protection is the policy of this study: a preset of ``config/protections`` by name, and a JSON
file for everything after the configuration. Used while the graph is planned, so it does not import
torch.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from reveil import policy_files
from reveil.errors import ReveilError, not_allowed

# The network as it is, in every study.
NONE = "none"

CHOICES: Mapping[str, tuple[Any, ...]] = {
    "kind": ("original", "additional", "noisy", "rotation"),
    "generator": ("none", "conv", "narrow", "wide"),
    "end": ("norm", "linear", "relu"),
    "critic": ("narrow", "wide", "report"),
    "adversary": ("none", "wgan-gp", "wgan-clip"),
    "fake_angles": ("uniform", "half", "quarters"),
    "counterpart": ("pair", "permutation", "previous", "noise"),
    "swap": ("none", "sample", "batch"),
    "weights": ("real", "complex"),
    "threshold": ("network", "one", "channel", "sample", "tensor"),
    "norm_over": ("channel", "position"),
    "norm_parts": ("modulus", "half"),
    "norm_test": ("running", "batch"),
    "coefficients": ("differentiated", "detached"),
    "noise": ("fresh", "shared"),
}


@dataclass(frozen=True)
class Protection:
    """What is done to features, by the sections of the methods document.

    Attributes:
        name: of the preset.
        kind: ``original``, the network as it is; ``additional``, with the generator's layers and
            nothing hidden; ``noisy``, features plus noise (2.4); ``rotation`` (1.1).
        generator: layers appended to the encoder (1.4): ``none``; ``conv``, one 3x3 convolution
            without bias, as the report's later code has; ``narrow``, C to 2C to C; ``wide``, the
            authors' C to 224 to C.
        end: of the encoder: ``norm``, a linear layer with batch norm; ``linear``, one without; or
            ``relu``.
        critic: layers of the WGAN's critic: those of the authors with the width of the generator
            (``narrow``, ``wide``), or those of the report.
        adversary: what the encoder is trained against: ``wgan-gp``, ``wgan-clip`` or ``none``.
        k: a true feature map stands among k - 1 false ones; at least 2.
        fake_angles: law of the false angles (1.4): ``uniform`` on [0, 2 pi), ``half`` on (0, pi),
            ``quarters``, an odd multiple of pi / 4, real or imaginary part at random.
        counterpart: the fooling counterpart b (1.1): ``pair``, halves of a batch are each other's;
            ``permutation`` of the batch; ``previous`` batch; ``noise`` of the magnitude of a.
        swap: whether a and b are exchanged with probability 1/2: never (``none``), drawn for each
            ``sample``, or for the whole ``batch`` (5).
        weights: of the processing module, ``real`` or ``complex``.
        threshold: c of the activation (1.2): ``one``; the mean modulus of a ``channel`` over the
            batch, of a channel of each ``sample``, or of the whole ``tensor``; ``network`` is one
            for ResNets and ``channel`` for the others.
        norm_over: batch norm takes one second moment per ``channel``, or per channel and
            ``position``, over the batch alone, as the report's code does.
        norm_parts: of the ``modulus``, E|f|^2, or ``half`` of it, as the authors' code has.
        norm_test: statistics of a test: ``running`` averages, or those of the test ``batch``.
        coefficients: whether activation and batch norm are ``differentiated`` through their
            coefficients, or these are ``detached``.
        gamma: strength of the noise in standard deviations, 0 without noise.
        noise: ``fresh``, N(0, 1) times the standard deviation of each feature, for every sample; or
            ``shared``, N(mean over the batch, 1), one draw for the batch.
    """

    name: str
    kind: str
    generator: str
    end: str
    critic: str
    adversary: str
    k: int
    fake_angles: str
    counterpart: str
    swap: str
    weights: str
    threshold: str
    norm_over: str
    norm_parts: str
    norm_test: str
    coefficients: str
    gamma: float
    noise: str

    @property
    def rotates(self) -> bool:
        """Whether features leave the device as a rotated complex map."""
        return self.kind == "rotation"


KEYS = tuple(field.name for field in fields(Protection) if field.name != "name")


def from_values(name: str, values: Mapping[str, Any]) -> Protection:
    """Return the protection of a complete preset.

    Args:
        name: of the preset.
        values: all of ``KEYS``, and no other.

    Raises:
        ReveilError: a key is missing or unknown, or a value is not allowed; all are named.
    """
    problems = [not_allowed("key", key, KEYS) for key in values if key not in KEYS]
    problems += [f"{key}: is missing" for key in KEYS if key not in values]
    problems += [p for key in KEYS if key in values and (p := _problem(key, values[key]))]
    problems = problems or relation_problems(values)
    if problems:
        raise ReveilError(f"protection {name!r}: " + "; ".join(problems))
    return Protection(name=name, **values)


def relation_problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong between the keys of a protection whose values are each allowed."""
    problems = []
    rotates, noisy = values["kind"] == "rotation", values["kind"] == "noisy"
    if values["adversary"] != "none" and not rotates:
        problems.append(
            f"adversary: {values['adversary']!r} has no effect with kind {values['kind']!r}; "
            "allowed: none, or kind rotation"
        )
    if noisy != (values["gamma"] > 0):
        problems.append(
            f"gamma: {values['gamma']!r} is not allowed with kind {values['kind']!r}; allowed: "
            + ("above 0" if noisy else "0, or kind noisy")
        )
    if values["kind"] == "additional" and values["generator"] == "none":
        problems.append("generator: 'none' is not allowed with kind 'additional', which adds it")
    if values["swap"] != "none" and not rotates:
        problems.append(
            f"swap: {values['swap']!r} has no effect with kind {values['kind']!r}; allowed: none"
        )
    return problems


def to_json(protection: Protection) -> dict[str, Any]:
    """Return what a policy file of this study holds."""
    return {"name": protection.name, "protection": {k: asdict(protection)[k] for k in KEYS}}


def read(path: str | os.PathLike[str]) -> Protection:
    """Read a policy file of this study.

    Raises:
        ReveilError: the file is missing, is no JSON, or does not say a valid protection.
    """
    return policy_files.read(path, from_json)


def from_json(content: Any) -> Protection:
    """Return the protection of what :func:`to_json` gave.

    Raises:
        ReveilError: it has another form, or does not say a valid protection.
    """
    keys = ["name", "protection"]
    if (
        not isinstance(content, dict)
        or sorted(content) != keys
        or not isinstance(content["protection"], dict)
    ):
        raise ReveilError("not a protection; allowed: a JSON object of name, protection")
    return from_values(str(content["name"]), content["protection"])


def _problem(key: str, value: Any) -> str | None:
    if key in CHOICES:
        return None if value in CHOICES[key] else not_allowed(key, value, CHOICES[key])
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key == "k" and not (number and isinstance(value, int) and value >= 2):
        return f"k: {value!r} is not allowed; allowed: whole numbers from 2"
    if key == "gamma" and not (number and value >= 0):
        return f"gamma: {value!r} is not allowed; allowed: numbers from 0"
    return None
