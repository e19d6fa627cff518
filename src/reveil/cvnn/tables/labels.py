"""What a reader sees in place of the names of protections and attacks on features."""

from collections.abc import Iterable

from reveil.cvnn.protections import NONE
from reveil.tables.labels import SOURCES

SOURCE_TITLES = SOURCES["cvnn"]
ADDITIONAL = "additional"
# Protocol -> whose procedure its rows follow.
_PROTOCOLS = {
    "fixed-cvnn": "ours, the recommended one",
    "knijff2021": f"that of {SOURCE_TITLES['knijff2021']}, by their code",
    "xiang2022": f"that of the code that the authors of {SOURCE_TITLES['original']} released",
}

_POLICIES = {
    NONE: "Unprotected",
    ADDITIONAL: "Additional layers",
    "noisy-20": "Noise, gamma 0.2",
    "noisy-50": "Noise, gamma 0.5",
    "noisy-100": "Noise, gamma 1.0",
    "noisy-20-shared": "Noise, gamma 0.2, one draw a batch",
    "noisy-50-shared": "Noise, gamma 0.5, one draw a batch",
    "noisy-100-shared": "Noise, gamma 1.0, one draw a batch",
    "rotation": "Rotation",
    "rotation-k4": "Rotation, k = 4",
    "rotation-k8": "Rotation, k = 8",
    "rotation-k16": "Rotation, k = 16",
    "rotation-k32": "Rotation, k = 32",
    "rotation-swap": "Rotation, swap",
    "rotation-relu": "Rotation, ReLU end",
    "rotation-clip": "Rotation, clipped critic",
    "rotation-permuted": "Rotation, b from a permutation",
    "core-relu-off-keep": "ReLU end",
    "core-relu-off-swap": "ReLU end, swap",
    "core-relu-wgan-swap": "ReLU end, WGAN, swap",
    "core-linear-off-keep": "Linear end",
    "core-linear-off-swap": "Linear end, swap",
    "report-old": "Report, ReLU end",
    "report-linear": "Report, linear end",
    "report-swap": "Report, swap without WGAN",
    "report-clip": "Report, clipped critic",
    "released": "Authors' code of 2022",
}
_ATTACKS = {
    "inversion1": "Inversion 1",
    "inversion1-both": "Inversion 1, both parts scored",
    "inversion1-plain": "Inversion 1, plain decoder",
    "inversion1-released": "Inversion 1, released form",
    "inversion1-regressed": "Inversion 1, regressed angle",
    "inversion2-joint": "Inversion 2, parts together",
    "inversion2-joint-long": "Inversion 2, parts together, long",
    "inversion2-joint-plain": "Inversion 2, parts together, plain decoder",
    "inversion2-report": "Inversion 2, parts together, report's decoder",
    "inversion2-separate": "Inversion 2, parts apart",
    "inversion2-separate-plain": "Inversion 2, parts apart, plain decoder",
    "blind-quadrant": "Quadrant, no learning",
    "blind-matched": "Matched filter, no learning",
    "blind-ica": "Fourth moments, no learning",
    "two-image": "Two images",
    "two-image-quadrant": "Two images after quadrant",
    "two-image-matched": "Two images after matched filter",
    "two-image-ica": "Two images after fourth moments",
    "infer-images": "Inference, trained on images",
    "infer-reconstructions": "Inference, trained on reconstructions",
    "infer-features": "Inference, trained on features",
    "knn-1": "1 nearest neighbour",
    "knn-3": "3 nearest neighbours",
    "knn-5": "5 nearest neighbours",
}


def policy_label(policy: str) -> str:
    """Return the label of a protection, its name if it has none."""
    return _POLICIES.get(policy, policy)


def attack_label(attack: str) -> str:
    """Return the label of an attack on features, its name if it has none."""
    return _ATTACKS.get(attack, attack)


def protocol_note(protocols: Iterable[str]) -> str:
    """Return the sentence that says whose procedure the rows of known protocols follow."""
    found = [name for name in dict.fromkeys(protocols) if name in _PROTOCOLS]
    told = "; ".join(f"{name}: {_PROTOCOLS[name]}" for name in found)
    return f"Protocols. {told}." if found else ""


def policy_order(policy: str) -> tuple[int, str]:
    """Return a sort key: baselines, then protections from the recommended one on, then others."""
    return _place(policy, _POLICIES)


def attack_order(attack: str) -> tuple[int, str]:
    """Return a sort key: inversion, without learning, two images, inference, then others."""
    return _place(attack, _ATTACKS)


def _place(name: str, labels: dict[str, str]) -> tuple[int, str]:
    known = list(labels)
    return (known.index(name) if name in labels else len(known)), name
