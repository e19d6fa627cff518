"""Settings of the measurement operators: what a policy file of this study says.

An operator is the policy of this study: a preset of ``config/operators`` by name, and a JSON file
for everything after the configuration. Used while the graph is planned, so it does not import
torch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reveil.preset_values import (
    AUTO,
    NOT_NEGATIVE,
    POSITIVE,
    SWITCH,
    PresetKind,
    Range,
    is_finite,
    is_whole,
    whole_from,
)

CHOICES: Mapping[str, tuple[Any, ...]] = {
    "kind": ("identity", "pixels", "rectangle", "extract", "blur", "row-runs", "project"),
    "count": ("exact", "bernoulli"),
    "kernel": ("mean", "gaussian"),
}
_PART = Range("numbers above 0 and up to 1", lambda value: is_finite(value) and 0 < value <= 1)
RANGES: Mapping[str, Range] = {
    **dict.fromkeys(("per_channel", "rescale", "keep", "last_position", "with_theta"), SWITCH),
    "share": Range("numbers from 0 to below 1", lambda value: is_finite(value) and 0 <= value < 1),
    "fill": Range("numbers from -1 to 1", lambda value: is_finite(value) and -1 <= value <= 1),
    "height": _PART,
    "width": _PART,
    "side": whole_from(0),
    "kernel_size": Range(
        "odd numbers from 1", lambda value: is_whole(value) and value >= 1 and value % 2 == 1
    ),
    "kernel_radius": POSITIVE,
    "noise_std": NOT_NEGATIVE,
    "padding": whole_from(0).or_auto(),
    "angles": whole_from(1),
}

# Who uses a key, by kind; every other kind must leave it as it is in the default.
USED_BY: Mapping[str, tuple[str, ...]] = {
    "share": ("pixels", "row-runs"),
    "per_channel": ("pixels", "row-runs"),
    "count": ("pixels",),
    "fill": ("pixels", "rectangle", "extract", "row-runs"),
    "rescale": ("pixels",),
    **dict.fromkeys(("height", "width", "side", "last_position"), ("rectangle", "extract")),
    "keep": ("rectangle",),
    **dict.fromkeys(("kernel", "kernel_size", "kernel_radius", "noise_std"), ("blur",)),
    **dict.fromkeys(("padding", "angles", "with_theta"), ("project",)),
}
# Kinds whose y lines up with x, and is x or `fill` at each place.
MASKS = ("identity", "pixels", "rectangle", "row-runs")
# Closer to `fill` than this, a value of an image could be taken for a missing one in float32.
_APART = 1e-5


@dataclass(frozen=True)
class OperatorSettings:
    """What an operator does to an image x in [-1, 1], by section 2 of the methods document.

    Attributes:
        name: of the preset.
        kind: ``identity``; ``pixels``, single values or sites removed (2.1 Remove-Pixel, -Dark; 2.4
            Block-pixels); ``rectangle``, one removed or kept (2.1 Patch-Band; 2.4 Block-patch,
            Keep-patch); ``extract``, a rectangle moved to the centre (2.4); ``blur`` and noise (2.1
            Convolve-Noise; 2.4 Convolve + noise); ``row-runs`` removed (2.2); ``project``, sums
            along one axis of the rotated image (2.4).
        share: p, of the values that are removed, in [0, 1).
        per_channel: single channel values are removed; else sites, all channels together.
        count: ``exact``, floor(p N) of the N values of each image; ``bernoulli``, each with
            probability p.
        fill: of a missing value, in [-1, 1]; 0 is mid-grey.
        rescale: kept values are multiplied by 1 / (1 - p), as in AmbientGAN's code.
        height, width: of the rectangle, shares a and b of the image's in (0, 1]; rounded down.
        side: of a square in pixels, in place of height and width; 0: these.
        keep: whether the rectangle is kept and the rest removed.
        last_position: whether the last offset, H - h, is drawn; AmbientGAN's code leaves it out.
        kernel: ``mean``, all weights 1 / k^2; or ``gaussian``, exp(-(i^2 + j^2) / (2 r^2)).
        kernel_size: k, odd; 1 does not blur.
        kernel_radius: r, in pixels.
        noise_std: standard deviation of the Gaussian noise, on the scale of x.
        padding: pixels added to each side before the rotation; ``auto``: the fewest that lose no
            corner, which is AmbientGAN's 6 for 28 and 14 for 64 pixels.
        angles: how many projections a measurement has.
        with_theta: whether the angles are appended to the measurement.
        parameters: of a plug-in's operator.
    """

    name: str
    kind: str
    share: float
    per_channel: bool
    count: str
    fill: float
    rescale: bool
    height: float
    width: float
    side: int
    keep: bool
    last_position: bool
    kernel: str
    kernel_size: int
    kernel_radius: float
    noise_std: float
    padding: int | str
    angles: int
    with_theta: bool
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def masks(self) -> bool:
        """Whether a measurement is the image with values missing."""
        return self.kind in MASKS

    @property
    def observable(self) -> bool:
        """Whether y alone tells which values are missing (section 2.3).

        An 8-bit value v is v / 127.5 - 1 in x, which is never 0; -1 and 1 are black and white.
        """
        factor = self.factor
        return self.masks and all(
            abs(factor * (v / 127.5 - 1) - self.fill) > _APART for v in range(256)
        )

    @property
    def factor(self) -> float:
        """What kept values are multiplied by: 1, or 1 / (1 - p) if ``rescale``."""
        return 1 / (1 - self.share) if self.rescale else 1.0

    def extent(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width in pixels of the rectangle in an image of that size."""
        if self.side:
            return self.side, self.side
        return whole_part(self.height, height), whole_part(self.width, width)

    def margin(self, size: int) -> int:
        """Return the pixels added to each side of a square image before it is rotated."""
        if self.padding == AUTO:
            return math.ceil(size * (math.sqrt(2) - 1) / 2)
        return int(self.padding)


def whole_part(share: float, of: int) -> int:
    """Return floor(share * of) of the share as it is written: 0.29 of 100 is 29, not 28."""
    return math.floor(Fraction(str(share)) * of)


def relation_problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong between the keys of an operator whose values are each allowed."""
    if values["rescale"] and values["fill"] != 0:
        return [
            f"fill: {values['fill']!r} is not allowed with rescale, which keeps the mean of an "
            "image whose missing values are 0; allowed: 0, or rescale false"
        ]
    return []


def shape_problems(settings: OperatorSettings, shape: tuple[int, int, int]) -> list[str]:
    """Return why images of a shape (C, H, W) cannot be measured; the keys are named."""
    _, height, width = shape
    problems = []
    if settings.kind == "project" and height != width:
        problems.append(f"kind: 'project' rotates square images; these are {height} x {width}")
    if settings.kind == "row-runs" and width < 2:
        problems.append(f"kind: 'row-runs' needs rows of two pixels or more; these have {width}")
    if settings.kind in USED_BY["side"]:
        extent = settings.extent(height, width)
        if settings.side > min(height, width):
            problems.append(
                f"side: {settings.side} is not allowed for images of {height} x {width}; allowed: "
                f"0 to {min(height, width)}"
            )
        elif not all(extent):
            problems.append(
                f"height, width: {settings.height}, {settings.width} are {extent[0]} x {extent[1]} "
                f"pixels of {height} x {width}; allowed: at least one pixel each"
            )
    return problems


KIND = PresetKind(
    "operator", OperatorSettings, CHOICES, RANGES, relation_problems, plugged="operators"
)
KEYS = KIND.keys
from_values, to_json, from_json, read = KIND.from_values, KIND.to_json, KIND.from_json, KIND.read
