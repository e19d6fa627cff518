"""What policies and crops do to images, on real values and with gradients: the attacker's model.

The operations are those of :mod:`reveil.transforms` before rounding to bytes, on values from 0 to
1. Their gradients:

- shifts, rotation, shear, inversion and the blends (brightness, contrast, color, sharpness) are
  linear in the image, autocontrast and solarize so between their thresholds: the derivative;
- posterize and equalize are staircases, flat almost everywhere: the identity instead (straight
  through), as both rise with the value of the pixel;
- cutting values off at 0 and 1 passes the gradient on as well, so that a pixel that is too bright
  or too dark can come back.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from reveil.library import IDENTITY, LIBRARY, Operation, function_name
from reveil.transforms import pixels, transform, transform_mask

Sign = float | Tensor

_WHITE = 255
_ROTATION_FILL = 128 / _WHITE
# ITU-R 601-2, as Pillow's ``convert("L")`` rounds it.
_LUMA = (19595 / 65536, 38470 / 65536, 7471 / 65536)
_SMOOTH = ((1.0, 1.0, 1.0), (1.0, 5.0, 1.0), (1.0, 1.0, 1.0))


def shift(x: Tensor, t: Tensor, fill: float | Tensor = 0.0) -> Tensor:
    """Return Trans_t(x), Output(u) = Input(u + t) (Warmerdam et al. 2022).

    Bilinear, as an affine grid [[1, 0, t_x], [0, 1, t_y]] with ``align_corners=False`` samples it,
    and differentiable in ``t``. The two axes are independent, so it is a product with one small
    matrix for each, which unlike a gather has a gradient that is the same in every run.

    Args:
        x: (N, C, H, W).
        t: (N, 2) shifts (t_x, t_y) in half widths; positive moves content left and up.
        fill: what lies outside of the image, of a shape that broadcasts to ``x``.
    """
    rows, columns = (_taps(t[:, axis], x.shape[-1 - axis])[:, None] for axis in (1, 0))
    return rows @ (x - fill) @ columns.mT + fill


def apply(values: Tensor, operations: Sequence[int], signs: Sequence[Sign]) -> Tensor:
    """Apply operations of the library one after the other.

    Args:
        values: (N, C, H, W) from 0 to 1.
        operations: positions in ``LIBRARY``.
        signs: one for each; +1 or -1 for operations that move pixels. A blend's factor is 1 + sign
            * value, and its sign may also be a tensor (N,) of numbers from -1 to 1, one for each
            image, and have a gradient.
    """
    for index, sign in zip(operations, signs, strict=True):
        operation = LIBRARY[index]
        if function_name(operation) != IDENTITY:
            values = _FUNCTIONS[operation.name](values, operation, sign)
    return values


def is_blend(index: int) -> bool:
    """Return whether an operation blends two images, by a factor that can be learned."""
    operation = LIBRARY[index]
    return operation.name in _DEGENERATES and function_name(operation) != IDENTITY


def _taps(t: Tensor, length: int) -> Tensor:
    """Return the (N, L, L) weights of linear interpolation at positions moved by t half lengths.

    At whole pixels, as at t = 0, the derivative is that towards the next one.
    """
    position = torch.arange(length, dtype=t.dtype, device=t.device)
    moved = position + (t * length / 2)[:, None]
    first = moved.detach().floor()
    share = (moved - first)[..., None]
    left, right = (first[..., None] + step == position for step in (0, 1))
    return left * (1 - share) + right * share


def _move(values: Tensor, operation: Operation, sign: Sign) -> Tensor:
    """Take every pixel from where the operation on bytes takes it."""
    source, inside = _sources(operation.index, int(sign), *values.shape[-2:], values.device)
    moved = values.flatten(2)[..., source].view(values.shape)
    return torch.where(inside, moved, _ROTATION_FILL if operation.name == "rotate" else 0.0)


@lru_cache(maxsize=64)
def _sources(
    index: int, sign: int, height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return positions in the plane (H * W,) and whether they show the image, (H, W) bool."""
    rows = torch.arange(height, dtype=torch.uint8)[:, None].expand(height, width)
    columns = torch.arange(width, dtype=torch.uint8).expand(height, width)
    coordinates = torch.stack([rows, columns, columns])[None]
    signs = torch.tensor([sign])
    row, column, _ = transform(coordinates, index, signs)[0].long()
    inside = transform_mask(torch.ones(1, 1, height, width, dtype=torch.bool), index, signs)[0, 0]
    source = torch.where(inside, row * width + column, 0).view(-1)
    return source.to(device), inside.to(device)


def _shear_y(values: Tensor, operation: Operation, sign: Sign) -> Tensor:
    """Pillow's bicubic interpolation down each column, at y + coefficient * x."""
    height, width = values.shape[-2:]
    rows = torch.arange(height, dtype=values.dtype, device=values.device)[:, None]
    columns = torch.arange(width, dtype=values.dtype, device=values.device)
    y = rows + 0.5 + sign * operation.value * (columns + 0.5)
    inside = (y >= 0) & (y < height)
    whole = (y - 0.5).floor()
    d = y - 0.5 - whole
    taps = (whole.long() + step for step in (-1, 0, 1, 2))
    first, second, third, fourth = (
        values.gather(2, tap.clamp(0, height - 1).expand(values.shape)) for tap in taps
    )
    cubic = first - second + third - fourth
    quadratic = cubic + first - second
    value = second + d * (third - first + d * (quadratic - d * cubic))
    return torch.where(inside, _cut(value), 0.0)


def _blend(values: Tensor, operation: Operation, sign: Sign) -> Tensor:
    degenerate = _DEGENERATES[operation.name](values)
    factor = 1 + sign * operation.value
    if isinstance(factor, Tensor):
        factor = factor.view(-1, 1, 1, 1)
    return _cut(degenerate + factor * (values - degenerate))


def _grey(values: Tensor) -> Tensor:
    if values.shape[1] == 1:
        return values
    weights = torch.tensor(_LUMA, dtype=values.dtype, device=values.device).view(1, 3, 1, 1)
    return (values * weights).sum(1, keepdim=True)


def _smooth(values: Tensor) -> Tensor:
    """Return the image smoothed but for its frame, which stays as it is."""
    kernel = torch.tensor(_SMOOTH, dtype=values.dtype, device=values.device) / 13
    planes = functional.conv2d(values.flatten(0, 1)[:, None], kernel[None, None])
    inner = functional.pad(planes.view(*values.shape[:2], *planes.shape[-2:]), (1, 1, 1, 1))
    frame = torch.ones_like(values[0, 0], dtype=torch.bool)
    frame[1:-1, 1:-1] = False
    return torch.where(frame, values, inner)


def _autocontrast(values: Tensor, operation: Operation, sign: Sign) -> Tensor:
    low = values.amin((2, 3), keepdim=True)
    width = values.amax((2, 3), keepdim=True) - low
    flat = width < 1 / _WHITE
    return torch.where(flat, values, (values - low) / torch.where(flat, 1.0, width))


def _solarize(values: Tensor, operation: Operation, sign: Sign) -> Tensor:
    # The byte of a value is its nearest; those below a threshold that is no integer stay too.
    lowest = -(-operation.value // 1)
    return torch.where(values * _WHITE < lowest - 0.5, values, 1 - values)


def _posterize(values: Tensor, operation: Operation, sign: Sign) -> Tensor:
    return _straight(values, pixels.posterize(_bytes(values), operation.value))


def _equalize(values: Tensor, operation: Operation, sign: Sign) -> Tensor:
    return _straight(values, pixels.equalize(_bytes(values)))


def _bytes(values: Tensor) -> Tensor:
    return (values.detach() * _WHITE).round().clamp(0, _WHITE).to(torch.uint8)


def _straight(values: Tensor, levels: Tensor) -> Tensor:
    """Return the bytes ``levels`` on the scale of ``values``, with the gradient of these."""
    return values + (levels.to(values.dtype) / _WHITE - values).detach()


def _cut(values: Tensor) -> Tensor:
    return values + (values.clamp(0, 1) - values).detach()


_DEGENERATES: dict[str, Callable[[Tensor], Tensor]] = {
    "brightness": torch.zeros_like,
    "color": _grey,
    "contrast": lambda values: _grey(values).mean((1, 2, 3), keepdim=True),
    "sharpness": _smooth,
}
_FUNCTIONS: dict[str, Callable[[Tensor, Operation, Sign], Tensor]] = {
    **dict.fromkeys(("translateX", "translateY", "rotate"), _move),
    **dict.fromkeys(_DEGENERATES, _blend),
    "shearY": _shear_y,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "posterize": _posterize,
    "solarize": _solarize,
    "invert": lambda values, operation, sign: 1 - values,
}
