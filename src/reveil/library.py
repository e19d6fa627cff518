"""The 50 operations of Gao et al. (CVPR 2021): AutoAugment's CIFAR-10 sub-policies, flattened."""

from dataclasses import dataclass

# Range of the value over levels 0..9, linear; None: the operation takes no value.
_RANGES: dict[str, tuple[float, float] | None] = {
    "shearY": (0.0, 0.3),
    "translateX": (0.0, 150 / 331),
    "translateY": (0.0, 150 / 331),
    "rotate": (0.0, 30.0),
    "color": (0.0, 0.5),
    "contrast": (0.0, 0.5),
    "sharpness": (0.0, 0.5),
    "brightness": (0.0, 0.5),
    "posterize": (8.0, 4.0),
    "solarize": (256.0, 0.0),
    "autocontrast": None,
    "equalize": None,
    "invert": None,
}
_SIGNED = frozenset(
    {"shearY", "translateX", "translateY", "color", "contrast", "sharpness", "brightness"}
)
_HIGHEST_LEVEL = 9

# One line per five operations, in the order of the released library.
_TABLE = """
    invert 7        contrast 6      rotate 2        translateX 9    sharpness 1
    sharpness 3     shearY 2        translateY 2    autocontrast 8  equalize 2
    shearY 5        posterize 5     color 3         brightness 5    sharpness 9
    brightness 9    equalize 5      equalize 1      contrast 7      sharpness 5
    color 5         translateX 5    equalize 7      autocontrast 8  translateY 3
    sharpness 6     brightness 6    color 8         solarize 0      invert 3
    equalize 0      autocontrast 0  equalize 8      equalize 3      color 5
    equalize 6      autocontrast 4  solarize 4      brightness 3    color 0
    solarize 1      autocontrast 3  translateY 3    translateY 3    autocontrast 2
    solarize 1      equalize 8      invert 3        translateY 3    autocontrast 1
"""


@dataclass(frozen=True)
class Operation:
    """One entry of the library.

    Attributes:
        index: position in the library, 0..49; what a policy name is made of.
        name: ``translateX``, ``equalize``, ...
        level: magnitude level, 0..9, in the released table.
        value: what the level means: a fraction of the width or height (translate), a coefficient
            (shear), degrees (rotate), the distance of the factor from 1 (colour, contrast,
            sharpness, brightness), bits kept (posterize), a threshold (solarize); None for
            operations without a magnitude.
        signed: whether each use draws a sign, +1 or -1, for the value.
    """

    index: int
    name: str
    level: int
    value: float | None
    signed: bool


def _value(name: str, level: int) -> float | None:
    limits = _RANGES[name]
    if limits is None:
        return None
    low, high = limits
    # As numpy.linspace does it, to the last bit: its end point is set, not computed.
    value = high if level == _HIGHEST_LEVEL else level * ((high - low) / _HIGHEST_LEVEL) + low
    return float(round(value)) if name == "posterize" else value


def _build() -> tuple[Operation, ...]:
    words = _TABLE.split()
    return tuple(
        Operation(index, name, int(level), _value(name, int(level)), name in _SIGNED)
        for index, (name, level) in enumerate(zip(words[::2], words[1::2], strict=True))
    )


LIBRARY: tuple[Operation, ...] = _build()

IDENTITY = "identity"


def operation_label(operation: Operation) -> str:
    """Return name and level, or the name alone where the operation ignores its level."""
    if operation.value is None:
        return operation.name
    return f"{operation.name} {operation.level}"


def function_name(operation: Operation) -> str:
    """Return the name of what the operation does: equal names are equal functions.

    Of the 50 entries 28 are distinct: most of AutoAugment's operations appear with levels they
    ignore, some twice with one level, and solarize 0 (from 256 on) and color 0 change nothing.
    """
    if (operation.name, operation.level) in {("solarize", 0), ("color", 0)}:
        return IDENTITY
    return operation_label(operation)
