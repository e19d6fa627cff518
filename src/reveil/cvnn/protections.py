"""Protections: what the device does to its features before the cloud, or an attacker, sees them.

A protection is the policy of this study: a preset of ``config/protections`` by name, and a JSON
file for everything after the configuration. Used while the graph is planned, so it does not import
torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reveil.preset_values import PresetKind, Range, is_whole, whole_from

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
RANGES: Mapping[str, Range] = {
    "k": whole_from(2),
    "gamma": Range(
        "numbers from 0",
        lambda value: (is_whole(value) or isinstance(value, float)) and value >= 0,
    ),
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
        parameters: of a plug-in's protection.
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
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def rotates(self) -> bool:
        """Whether features leave the device as a rotated complex map."""
        return self.kind == "rotation"

    @property
    def disturbs(self) -> bool:
        """Whether features are changed with the help of noise: added here, or by a plug-in."""
        return self.kind == "noisy" or self.plugged

    @property
    def plugged(self) -> bool:
        """Whether a plug-in says what is done."""
        return self.kind not in CHOICES["kind"]


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


KIND = PresetKind(
    "protection", Protection, CHOICES, RANGES, relation_problems, plugged="protections"
)
KEYS = KIND.keys
from_values, to_json, from_json, read = KIND.from_values, KIND.to_json, KIND.from_json, KIND.read
