"""Reconstructions: how an image is made from its measurement, and what each method applies to.

A reconstruction is the attack of this study: a preset of ``config/reconstructions`` by name. Used
while the graph is planned, so it does not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reveil.errors import ReveilError, not_allowed
from reveil.plugins import known
from reveil.preset_values import POSITIVE, PresetKind, Range, whole_from
from reveil.unir.operators.settings import OperatorSettings

# Modules of ``reveil.unir.reconstruct``, each with a mapping ``METHODS`` of names to classes.
MODULES: Mapping[str, str] = {
    "network": "trained",
    "keep": "simple",
    "mean-image": "simple",
    "mean-fill": "simple",
    "median": "local",
    "normalised": "local",
    "tv": "variation",
    "biharmonic": "library",
    "wiener": "library",
    "richardson-lucy": "library",
    "image-prior": "image_prior",
}
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "method": tuple(MODULES),
    "weights": ("last", "averaged"),
}
RANGES: Mapping[str, Range] = {
    **dict.fromkeys(("sigma", "learning_rate", "delta", "weight"), POSITIVE),
    **dict.fromkeys(("iterations", "width"), whole_from(1)),
    "noise_to_signal": POSITIVE.or_auto(),
}
# Who uses a key; every other method must leave it as it is in the default.
USED_BY: Mapping[str, tuple[str, ...]] = {
    "weights": ("network",),
    "sigma": ("normalised",),
    "iterations": ("tv", "richardson-lucy", "image-prior"),
    "learning_rate": ("tv", "image-prior"),
    "delta": ("tv",),
    "weight": ("tv",),
    "noise_to_signal": ("wiener",),
    "width": ("image-prior",),
}
# Methods that need nothing but the measurement and its operator.
UNTRAINED = tuple(method for method in MODULES if method not in ("network", "mean-image"))

_MASK = "images with missing values that can be told from the others"
_BLUR = "blurred images"
_ALIGNED = f"{_MASK}, {_BLUR}"
_IMAGE = "measurements that are images"
_NEEDS: Mapping[str, str] = {
    "network": _IMAGE,
    "keep": _IMAGE,
    **dict.fromkeys(("mean-image", "tv", "image-prior"), _ALIGNED),
    **dict.fromkeys(("mean-fill", "median", "normalised", "biharmonic"), _MASK),
    **dict.fromkeys(("wiener", "richardson-lucy"), _BLUR),
}


@dataclass(frozen=True)
class MethodSettings:
    """How an image is made from its measurement, by section 8.2 of the methods document.

    Attributes:
        name: of the preset.
        method: a key of ``MODULES``, or the name that a plug-in gives.
        weights: of the network: ``last``, or ``averaged`` over training.
        sigma: of the Gaussian of the normalised convolution, in pixels.
        iterations: of Adam, or of Richardson and Lucy.
        learning_rate: of Adam.
        delta: in sqrt(dx^2 + dy^2 + delta), for pixels in [-1, 1].
        weight: of the total variation against half the squared error, where y is blurred; values
            that are observed without noise are kept, whatever the weight.
        noise_to_signal: K of Wiener's filter; ``auto``: noise_std^2 / P with P, the variance of the
            image, estimated from each measurement as var(y) - noise_std^2.
        width: channels of the deep image prior's network.
        parameters: of a plug-in's method.
    """

    name: str
    method: str
    weights: str
    sigma: float
    iterations: int
    learning_rate: float
    delta: float
    weight: float
    noise_to_signal: float | str
    width: int
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)


KIND = PresetKind("reconstruction", MethodSettings, CHOICES, RANGES, plugged="reconstructions")
KEYS = KIND.keys
from_values = KIND.from_values


def is_plugged(method: str) -> bool:
    """Return whether a plug-in gives a method."""
    return known.find(known.ATTACK, method, known.UNIR) is not None


def applies(method: str, operator: OperatorSettings) -> bool:
    """Return whether a method can reconstruct what an operator measures.

    Raises:
        ReveilError: the method is unknown.
    """
    if is_plugged(method):
        return True
    if method not in _NEEDS:
        raise ReveilError(not_allowed("method", method, MODULES))
    blurred, masked = operator.kind == "blur", operator.masks and operator.observable
    return {
        _MASK: masked,
        _BLUR: blurred,
        _ALIGNED: masked or blurred,
        _IMAGE: operator.kind != "project",
    }[_NEEDS[method]]


def require(method: str, operator: OperatorSettings) -> None:
    """Refuse a method that cannot reconstruct what an operator measures.

    Raises:
        ReveilError: it cannot, or is unknown; what it applies to is named.
    """
    if not applies(method, operator):
        raise ReveilError(
            f"method: {method!r} is not applicable to operator {operator.name!r} of kind "
            f"{operator.kind!r}; allowed: {_NEEDS[method]}"
        )
