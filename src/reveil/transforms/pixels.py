"""Operations that change the values of pixels and leave them in place.

Pillow computes these in C ``float`` or Python ``float`` and truncates, so one rounding more or
less changes bytes. Here every rounding is Pillow's: the same precision, the same order, one
operation at a time, or integers small enough to be exact.
"""

import math

import torch
from torch import Tensor

_LEVELS = 256
# Weights of red, green and blue.
_LUMA = (19595 / 65536, 38470 / 65536, 7471 / 65536)


def invert(images: Tensor) -> Tensor:
    """``ImageOps.invert``: 255 - x."""
    return ~images


def posterize(images: Tensor, bits: float) -> Tensor:
    """``ImageOps.posterize``: keep the highest ``bits`` bits."""
    return images & (_LEVELS - (1 << (8 - int(bits))))


def solarize(images: Tensor, threshold: float) -> Tensor:
    """``ImageOps.solarize``: invert every value that is not below ``threshold``, from 1 on."""
    # 255 - x is x with all bits turned, and 0 - 1 is a byte of ones. Comparing bytes takes several
    # times as long as limiting them to two neighbouring values.
    kept = min(math.ceil(threshold) - 1, 255)
    bright = images.clamp(kept, min(kept + 1, 255)).sub_(kept)
    return bright.neg_().bitwise_xor_(images)


def autocontrast(images: Tensor) -> Tensor:
    """``ImageOps.autocontrast``: stretch each channel from its extremes to 0..255."""
    rows = _rows(images)
    low = rows.amin(1, keepdim=True).double()
    width = rows.amax(1, keepdim=True).double() - low
    # A division of two tensors: by or of a scalar, torch multiplies with a rounded reciprocal.
    scale = torch.full_like(width, 255.0) / width.clamp(min=1)
    flat = width == 0
    scale.masked_fill_(flat, 1)
    offset = (low * scale).masked_fill_(flat, 0)
    ramp = torch.arange(_LEVELS, dtype=torch.float64, device=images.device)
    tables = _to_bytes((ramp * scale).sub_(offset))
    return tables.gather(1, rows.long()).view(images.shape)


def equalize(images: Tensor) -> Tensor:
    """``ImageOps.equalize``: flatten the histogram of each channel."""
    rows = _rows(images)
    index = rows.long()
    # One column more on the left: the sum up to a column is then the number of pixels below it.
    counts = torch.zeros(len(rows), _LEVELS + 1, dtype=torch.int32, device=rows.device)
    histogram = counts[:, 1:]
    histogram.scatter_add_(1, index, counts.new_ones(1, 1).expand_as(index))
    brightest = histogram.gather(1, rows.amax(1, keepdim=True).long())
    step = (rows.shape[1] - brightest) // 255
    # With a step of 0 the channel stays as it is: as if each value occurred once and the step
    # were 1.
    flat = step == 0
    counts.masked_fill_(flat, 1)
    counts[:, :1] = step // 2
    # Sums and quotients are small integers, exact in float32 (up to 2**24 pixels), which divides
    # many times faster than integers.
    sums = counts.cumsum(1, dtype=torch.int32)[:, :_LEVELS].float()
    tables = _to_bytes(sums.div_(step.clamp(min=1).float()))
    return tables.gather(1, index).view(images.shape)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """``ImageEnhance.Brightness``: blend with black."""
    return _to_bytes(images.float().mul_(factor))


def color(images: Tensor, factor: Tensor) -> Tensor:
    """``ImageEnhance.Color``: blend with the grey image; the identity on one channel."""
    if images.shape[1] == 1:
        return images.clone()
    pixels = images.float()
    return _to_bytes(_blend_(pixels, _luma(pixels), factor))


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """``ImageEnhance.Contrast``: blend with the image's mean luma, rounded half up."""
    pixels = images.float()
    grey = pixels if images.shape[1] == 1 else _luma(pixels)
    # The sum is an integer below 2**24, so float32 adds it exactly, whatever the order.
    total = grey.sum((1, 2, 3), keepdim=True).int()
    count = grey[0].numel()
    mean = (total * 2 + count) // (2 * count)
    return _to_bytes(_blend_(pixels, mean.float(), factor))


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """``ImageEnhance.Sharpness``: blend with the image smoothed by (1 1 1; 1 5 1; 1 1 1) / 13.

    The frame stays as it is.
    """
    width = images.shape[-1]
    # Neighbours are taken along the flat memory, which runs at full speed; only the pixels of the
    # frame see wrong ones, and they are restored below.
    pixels = images.float()
    flat = pixels.view(-1)
    columns = flat[:-2] + flat[1:-1]
    columns += flat[2:]
    smooth = columns[: -2 * width] + columns[width:-width]
    smooth += columns[2 * width :]
    centre = flat[width + 1 : -width - 1]
    # The sum of 13 shares is an integer and 13 is odd: rounding meets no tie, and the rounding of
    # the factor does not matter.
    smooth.add_(centre, alpha=4).mul_(1 / 13).round_()
    # As in ``_blend_``.
    centre.sub_(smooth)
    pixels.mul_(factor)
    centre.add_(smooth)
    blended = _to_bytes(pixels)
    for axis in (2, 3):
        for edge in (0, -1):
            blended.select(axis, edge).copy_(images.select(axis, edge))
    return blended


def _luma(pixels: Tensor) -> Tensor:
    """Pillow's ``convert("L")`` of float32 RGB (N, 3, H, W): (N, 1, H, W).

    ITU-R 601-2 in 16-bit fixed point. Every sum is below 256 in steps of 2**-16, exact in float32.
    """
    red, green, blue = pixels.split(1, dim=1)
    grey = red * _LUMA[0]
    return grey.add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2]).add_(0.5).floor_()


def _blend_(pixels: Tensor, degenerate: Tensor, factor: Tensor) -> Tensor:
    """``Image.blend(degenerate, image, factor)`` before clipping, into ``pixels``.

    Pillow's arithmetic is float32, the product and the sum rounded each. Fused, as
    ``torch.add(..., alpha=...)`` or ``lerp`` may, they round once and change bytes.

    Args:
        pixels: float32 integers 0..255, overwritten.
        degenerate: the same, of a shape that broadcasts to them.
        factor: (N, 1, 1, 1) float32.
    """
    return pixels.sub_(degenerate).mul_(factor).add_(degenerate)


def _to_bytes(values: Tensor) -> Tensor:
    """Truncate floats and clip them to 0..255; by way of int16, several times as fast.

    Entries of tables that no pixel looks up may overflow and hold anything.
    """
    return values.short().clamp_(0, 255).to(torch.uint8)


def _rows(images: Tensor) -> Tensor:
    """View (N, C, H, W) as one row per channel of an image: (N * C, H * W)."""
    return images.reshape(images.shape[0] * images.shape[1], -1)
