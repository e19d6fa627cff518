"""Checks of the protections: their keys go together, and what is set has an effect."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil.config import effects
from reveil.config.study import Study
from reveil.cvnn.protections import relation_problems

Values = Mapping[str, Any]

# Keys that only one kind uses. Elsewhere they must be as in the default.
_ROTATION = ("rotation",)
USED_BY = {
    "noise": ("noisy",),
    **dict.fromkeys(("critic", "k", "fake_angles", "counterpart", "weights"), _ROTATION),
    **dict.fromkeys(("threshold", "norm_over", "norm_parts", "norm_test"), _ROTATION),
    "coefficients": _ROTATION,
}
# The network as it is has no layers of the generator, and ends in its own ReLU.
ORIGINAL = {"generator": ("none", "none, or kind additional"), "end": ("relu", "relu")}


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong; what a preset has from the one it stands on is told of that one."""
    yield from effects.told(study, "protections", _alone)


def _alone(values: Values, default: Values) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong with it)."""
    for message in relation_problems(values):
        part, _, said = message.partition(": ")
        yield part, said
    yield from effects.without_effect(values, default, "kind", USED_BY)
    if values["kind"] == "original":
        for part, (only, allowed) in ORIGINAL.items():
            if values[part] != only:
                yield (
                    part,
                    f"{values[part]!r} is not allowed with kind 'original', which is the network "
                    f"as it is; allowed: {allowed}",
                )
