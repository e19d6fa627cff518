"""What the compiled transformations look up, made by the code that transforms tensors."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from reveil.library import IDENTITY, LIBRARY, Operation, function_name
from reveil.transforms import batched, geometry
from reveil.transforms.kernels import (
    AUTOCONTRAST,
    BRIGHTNESS,
    COLOR,
    CONTRAST,
    EQUALIZE,
    LEVELS,
    MAP,
    NOTHING,
    POINT,
    SHARPNESS,
    SHEAR,
    SHIFT,
    Tables,
)

_ADJUSTMENTS = {
    "brightness": BRIGHTNESS,
    "color": COLOR,
    "contrast": CONTRAST,
    "sharpness": SHARPNESS,
}


@lru_cache(maxsize=4)
def build(height: int, width: int) -> Tables:
    """Return the tables for images of one size."""
    kinds, rows = [], []
    parts: dict[str, list[np.ndarray]] = {name: [] for name in Tables._fields[2:]}
    for operation in LIBRARY:
        for sign in (1, -1):
            kind, entry = _step(operation, sign, height, width)
            kinds.append(kind)
            rows.append(min((len(parts[name]) for name in entry), default=0))
            for name, part in entry.items():
                parts[name].append(part)
    stacked = {name: np.stack(part) for name, part in parts.items()}
    return Tables(np.array(kinds), np.array(rows), **stacked)


def _step(
    operation: Operation, sign: int, height: int, width: int
) -> tuple[int, dict[str, np.ndarray]]:
    """Return the kind of a step, and its entries in the tables of that kind by name."""
    name, value = operation.name, operation.value
    cpu = torch.device("cpu")
    if function_name(operation) == IDENTITY:
        return NOTHING, {}
    if name == "autocontrast":
        return AUTOCONTRAST, {}
    if name == "equalize":
        return EQUALIZE, {}
    if name in _ADJUSTMENTS:
        return _ADJUSTMENTS[name], {"factors": np.float32(1 + sign * value)}
    if name == "translateX":
        return SHIFT, {"shifts": np.array([0, geometry.translation(sign * value, width)])}
    if name == "translateY":
        return SHIFT, {"shifts": np.array([geometry.translation(sign * value, height), 0])}
    if name == "rotate":
        origins, inside = geometry.rotation_map(value, height, width, cpu)
        kept = _mask(inside)
        fill = ~kept & geometry.ROTATION_FILL
        return MAP, {"origins": origins.numpy().astype(np.uint32), "kept": kept, "fill": fill}
    if name == "shearY":
        taps, fractions, inside = geometry.shear_map(sign * value, height, width, cpu)
        return SHEAR, {
            "taps": taps.numpy().astype(np.uint32),
            "fractions": fractions.numpy().ravel(),
            "sheared": _mask(inside),
        }
    return POINT, {"points": _point(operation, sign)}


def _point(operation: Operation, sign: int) -> np.ndarray:
    """Return what an operation makes of each value, whatever its neighbours are."""
    signs = torch.tensor([sign])
    every = torch.arange(LEVELS, dtype=torch.uint8).view(1, 1, 1, LEVELS)
    return batched.transform(every, operation, signs).view(LEVELS).numpy()


def _mask(inside: Tensor) -> np.ndarray:
    return inside.numpy().ravel() * np.uint8(255)
