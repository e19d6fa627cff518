"""Operations that move pixels, and what they do to a mask of image content.

Pillow maps every output pixel's centre to a point of the source. Which source pixels that means
depends on the size and the sign alone, so it is worked out once, in Pillow's own arithmetic, and
kept.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

ROTATION_FILL = 128


def translate(images: Tensor, fraction: float, axis: int) -> Tensor:
    """``Image.transform`` with a shift, NEAREST, black fill.

    Args:
        images: (N, C, H, W) uint8 or bool.
        fraction: signed share of the width or height; positive moves content left or up.
        axis: 2 for rows (translateY), 3 for columns (translateX).
    """
    length = images.shape[axis]
    shift = translation(fraction, length)
    kept = length - abs(shift)
    moved = torch.zeros_like(images)
    target = moved.narrow(axis, max(-shift, 0), kept)
    target.copy_(images.narrow(axis, max(shift, 0), kept))
    return moved


def translation(fraction: float, length: int) -> int:
    """Return by how many of ``length`` pixels a shift by ``fraction`` moves content up or left.

    The centre of output pixel 0 lies at 0.5, and Pillow takes the pixel its image falls in.
    """
    return math.floor(fraction * length + 0.5)


def rotate(images: Tensor, degrees: float) -> Tensor:
    """``Image.rotate`` (NEAREST, about the centre, counter-clockwise) over grey 128.

    The papers composite the rotated RGBA image over (128, 128, 128, 128) with its own alpha as the
    mask; alpha is 0 or 255, so that is a choice between the two.
    """
    source, inside = rotation_map(degrees, *images.shape[-2:], images.device)
    # In bytes; filling by a mask takes several times as long.
    content = inside.to(torch.uint8)
    return _take(images, source).mul_(content).add_((1 - content) * ROTATION_FILL)


def shear_y(images: Tensor, coefficient: float) -> Tensor:
    """``Image.transform`` with y_source = y + coefficient * x, BICUBIC, black fill.

    Columns stay columns, so Pillow's bicubic patch reduces to four taps down one column.
    """
    height, width = images.shape[-2:]
    column_taps, fraction, inside = shear_map(coefficient, height, width, images.device)
    sheared = _take(images, column_taps, rows=height + 3).short()
    first, second, third, fourth = (sheared[..., k : k + height, :] for k in range(4))
    # Pillow's BICUBIC macro: second + d * (linear + d * (quadratic - d * cubic)), summed in double
    # and truncated, so the order of operations decides bytes. The coefficients are integers, exact
    # in any type.
    upper, lower = first - second, third - fourth
    cubic = upper + lower
    quadratic = torch.add(lower, upper, alpha=2)
    linear = third - first
    term = cubic.double()
    value = quadratic.double().sub_(term.mul_(fraction)).mul_(fraction)
    value.add_(term.copy_(linear)).mul_(fraction).add_(term.copy_(second))
    return value.short().clamp_(0, 255).to(torch.uint8).mul_(inside.to(torch.uint8))


def rotate_mask(mask: Tensor, degrees: float) -> Tensor:
    """Rotate a bool mask (N, 1, H, W) as ``rotate`` moves pixels; corners are not content."""
    source, inside = rotation_map(degrees, *mask.shape[-2:], mask.device)
    return _take(mask, source) & inside


def shear_mask(mask: Tensor, coefficient: float) -> Tensor:
    """Shear a bool mask (N, 1, H, W): content where the sampled point falls on a content pixel."""
    height, width = mask.shape[-2:]
    _, _, inside = shear_map(coefficient, height, width, mask.device)
    rows, columns = _grid(height, width)
    nearest = (rows + 0.5 + coefficient * (columns + 0.5)).floor().long().clamp_(0, height - 1)
    return _take(mask, (nearest * width + columns).view(-1).to(mask.device)) & inside


def _take(images: Tensor, source: Tensor, rows: int | None = None) -> Tensor:
    """Gather pixels of every plane by their position in the plane; ``source`` (P,) int64."""
    batch, channels, height, width = images.shape
    planes = images.reshape(batch * channels, height * width)
    taken = torch.gather(planes, 1, source.expand(len(planes), -1))
    return taken.view(batch, channels, rows or height, width)


def _grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    rows = torch.arange(height)[:, None].expand(height, width)
    columns = torch.arange(width).expand(height, width)
    return rows, columns


@lru_cache(maxsize=32)
def rotation_map(
    degrees: float, height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return source positions (H * W,) int64 and whether they lie inside, (H, W) bool.

    Pillow maps centres in 16.16 fixed point.
    """
    angle = -math.radians(degrees % 360.0)
    cosine, sine = round(math.cos(angle), 15), round(math.sin(angle), 15)
    down = round(-math.sin(angle), 15)
    centre_x, centre_y = width / 2, height / 2
    offset_x = cosine * -centre_x + sine * -centre_y + centre_x
    offset_y = down * -centre_x + cosine * -centre_y + centre_y

    rows, columns = _grid(height, width)
    start_x = _fixed(offset_x + cosine * 0.5 + sine * 0.5)
    start_y = _fixed(offset_y + down * 0.5 + cosine * 0.5)
    x = (start_x + columns * _fixed(cosine) + rows * _fixed(sine)) >> 16
    y = (start_y + columns * _fixed(down) + rows * _fixed(cosine)) >> 16
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    source = torch.where(inside, y * width + x, 0).view(-1)
    return source.to(device), inside.to(device)


def _fixed(value: float) -> int:
    return math.floor(value * 65536.0 + 0.5)


@lru_cache(maxsize=32)
def shear_map(
    coefficient: float, height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the four taps of every output pixel need.

    Returns:
        Source positions ((H + 3) * W,) int64: each column moved by its whole number of rows, one
        row above and two below included, with the edge rows repeated; the fractions (H, W)
        float64 between second and third tap; and whether the point lies inside, (H, W) bool.
    """
    rows, columns = _grid(height, width)
    y = coefficient * (columns + 0.5).double() + (rows + 0.5).double()
    inside = (y >= 0) & (y < height)
    y = y - 0.5
    fraction = y - y.floor()
    offset = (y.floor().long() - rows)[0]
    tap_rows = torch.arange(-1, height + 2)[:, None] + offset
    source = tap_rows.clamp(0, height - 1) * width + torch.arange(width)
    return source.view(-1).to(device), fraction.to(device), inside.to(device)
