"""The 50 transformations compiled for one CPU core: image after image, all its steps in cache.

Importing this module needs numba. All that is compiled lies in this one file, constants included:
numba renews what it keeps on disk when this file changes, and knows of no other.

There are 100 steps: each operation of the library with either sign. A step is of one kind, which
says what is done, and has one row in each of the tables that this kind looks at. Images are
(channels, pixels) uint8 here, row after row. What no table says is done in integers, or in
Pillow's floating point: numba fuses and reorders none of it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

LEVELS = 256
NOTHING, POINT, BRIGHTNESS, COLOR, CONTRAST, SHARPNESS = range(6)
AUTOCONTRAST, EQUALIZE, SHIFT, MAP, SHEAR = range(6, 11)


class Tables(NamedTuple):
    """All steps for images of one size, P = H * W pixels.

    Attributes:
        kind: (100,) int64, one of the kinds above for step ``2 * index + negative``.
        row: (100,) int64, the step's row in the tables of its kind; 0 where it has none.
        points: (n, 256) uint8, the new value of each value.
        factors: (n,) float32, what an adjustment blends by; 1 is the image itself.
        shifts: (n, 2) int64, rows down and columns right to the pixel that is taken.
        origins: (n, P) uint32, the position each pixel is taken from.
        kept: (n, P) uint8, 255 where that lies inside, else 0.
        fill: (n, P) uint8, what stands elsewhere.
        taps: (n, (H + 3) * W) uint32, positions of the taps of a shear, see ``geometry.shear_map``.
        fractions: (n, P) float64, between second and third tap.
        sheared: (n, P) uint8, 255 where the sampled point lies inside, else 0.
    """

    kind: np.ndarray
    row: np.ndarray
    points: np.ndarray
    factors: np.ndarray
    shifts: np.ndarray
    origins: np.ndarray
    kept: np.ndarray
    fill: np.ndarray
    taps: np.ndarray
    fractions: np.ndarray
    sheared: np.ndarray


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return numba.njit(nogil=True, error_model="numpy")(function)


def _compiled_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` and keep the result on disk, where a place for it can be written."""
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:
        return _compiled(function)


@_compiled
def _point(source, target, table):
    for channel in range(source.shape[0]):
        for i in range(source.shape[1]):
            target[channel, i] = table[source[channel, i]]


@_compiled
def _blend(value, degenerate, factor):
    """``Image.blend`` of one value in float32, the product and the sum rounded each."""
    start = np.float32(degenerate)
    blended = start + (np.float32(value) - start) * factor
    return np.uint8(np.int32(min(max(blended, np.float32(0)), np.float32(255))))


@_compiled
def _brightness(source, target, factor):
    for channel in range(source.shape[0]):
        for i in range(source.shape[1]):
            target[channel, i] = _blend(source[channel, i], 0, factor)


@_compiled
def _luma(source, grey):
    """Pillow's ``convert("L")``: ITU-R 601-2 in 16-bit fixed point."""
    if source.shape[0] == 1:
        grey[:] = source[0]
        return
    for i in range(source.shape[1]):
        red, green, blue = source[0, i], source[1, i], source[2, i]
        grey[i] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16


@_compiled
def _color(source, target, factor, grey):
    _luma(source, grey)
    for channel in range(source.shape[0]):
        for i in range(source.shape[1]):
            target[channel, i] = _blend(source[channel, i], grey[i], factor)


@_compiled
def _contrast(source, target, factor, grey):
    _luma(source, grey)
    count = source.shape[1]
    total = 0
    for value in grey:
        total += value
    mean = (total * 2 + count) // (2 * count)
    for channel in range(source.shape[0]):
        for i in range(count):
            target[channel, i] = _blend(source[channel, i], mean, factor)


@_compiled
def _sharpness(source, target, factor, smooth, width):
    pixels = source.shape[1]
    inner = pixels - 2 * width - 2
    for channel in range(source.shape[0]):
        plane, out = source[channel], target[channel]
        # Neighbours along the flat memory; only the frame sees wrong ones, and it stays as it is.
        above, beside, below = plane, plane[width:], plane[2 * width :]
        for i in range(inner):
            total = above[i] + above[i + 1] + above[i + 2] + beside[i] + beside[i + 2]
            total += 5 * beside[i + 1] + below[i] + below[i + 1] + below[i + 2]
            # Rounded; 13 is odd, so there are no ties.
            smooth[i] = np.uint32(total + 6) // np.uint32(13)
        centre, blended = plane[width + 1 :], out[width + 1 :]
        for i in range(inner):
            blended[i] = _blend(centre[i], smooth[i], factor)
        out[: width + 1] = plane[: width + 1]
        out[max(pixels - width - 1, 0) :] = plane[max(pixels - width - 1, 0) :]
        for row in range(width, pixels, width):
            out[row - 1] = plane[row - 1]
            out[row] = plane[row]


@_compiled
def _autocontrast(source, target, table):
    for channel in range(source.shape[0]):
        plane = source[channel]
        low = high = plane[0]
        for value in plane:
            low = min(low, value)
            high = max(high, value)
        scale = 255.0 / (high - low) if high > low else 1.0
        offset = low * scale if high > low else 0.0
        for level in range(low, high + 1):
            table[level] = min(max(int(level * scale - offset), 0), 255)
        _point(source[channel : channel + 1], target[channel : channel + 1], table)


@_compiled
def _equalize(source, target, table, counts, sums):
    for channel in range(source.shape[0]):
        plane = source[channel]
        counts[:] = 0
        for value in plane:
            counts[value] += 1
        brightest = LEVELS - 1
        while counts[brightest] == 0:
            brightest -= 1
        step = (len(plane) - counts[brightest]) // 255
        if step == 0:
            target[channel] = plane
            continue
        below = step // 2
        for level in range(LEVELS):
            sums[level] = below
            below += counts[level]
        # Sums below 2**24 are exact in float32, which divides many times faster than integers.
        for level in range(LEVELS):
            quotient = np.float32(sums[level]) / np.float32(step)
            table[level] = np.uint8(np.int32(min(quotient, np.float32(255))))
        _point(source[channel : channel + 1], target[channel : channel + 1], table)


@_compiled
def _shift(source, target, down, right, width):
    """Fill with black what the pixel ``down`` rows below and ``right`` columns on is not there."""
    pixels = source.shape[1]
    height = pixels // width
    # Rows run into each other along the flat memory: what one got from the next is blackened.
    offset = down * width + right
    for channel in range(source.shape[0]):
        out = target[channel]
        out[: max(-offset, 0)] = 0
        out[pixels - max(offset, 0) :] = 0
        kept = source[channel, max(offset, 0) : pixels + min(offset, 0)]
        moved = out[max(-offset, 0) :]
        for i in range(len(kept)):
            moved[i] = kept[i]
        for row in range(height):
            line = out[row * width : (row + 1) * width]
            line[: max(-right, 0)] = 0
            line[width - max(right, 0) :] = 0


@_compiled
def _map(source, target, origins, kept, fill):
    for channel in range(source.shape[0]):
        plane = source[channel]
        for i in range(source.shape[1]):
            target[channel, i] = (plane[origins[i]] & kept[i]) | fill[i]


@_compiled
def _shear(source, target, taps, fractions, kept, moved, width):
    """Four bicubic taps down each column, in Pillow's order (see ``geometry.shear_y``)."""
    for channel in range(source.shape[0]):
        plane = source[channel]
        for i in range(len(taps)):
            moved[i] = plane[taps[i]]
        second, third, fourth = moved[width:], moved[2 * width :], moved[3 * width :]
        for i in range(source.shape[1]):
            upper = np.float64(moved[i]) - np.float64(second[i])
            lower = np.float64(third[i]) - np.float64(fourth[i])
            linear = np.float64(third[i]) - np.float64(moved[i])
            d = fractions[i]
            value = (upper * 2 + lower) - d * (upper + lower)
            value = np.float64(second[i]) + d * (linear + d * value)
            target[channel, i] = np.uint8(np.int32(min(max(value, 0.0), 255.0))) & kept[i]


@_compiled
def _apply(source, target, step, tables, width, bytes_, table, counts, sums):
    """Write ``source`` after one step to ``target``, another array."""
    kind, row = tables.kind[step], tables.row[step]
    plane = bytes_[: source.shape[1]]
    if kind == POINT:
        _point(source, target, tables.points[row])
    elif kind == BRIGHTNESS:
        _brightness(source, target, tables.factors[row])
    elif kind == COLOR:
        _color(source, target, tables.factors[row], plane)
    elif kind == CONTRAST:
        _contrast(source, target, tables.factors[row], plane)
    elif kind == SHARPNESS:
        _sharpness(source, target, tables.factors[row], plane, width)
    elif kind == AUTOCONTRAST:
        _autocontrast(source, target, table)
    elif kind == EQUALIZE:
        _equalize(source, target, table, counts, sums)
    elif kind == SHIFT:
        _shift(source, target, tables.shifts[row, 0], tables.shifts[row, 1], width)
    elif kind == MAP:
        _map(source, target, tables.origins[row], tables.kept[row], tables.fill[row])
    elif kind == SHEAR:
        fractions, kept = tables.fractions[row], tables.sheared[row]
        _shear(source, target, tables.taps[row], fractions, kept, bytes_, width)
    else:
        target[:] = source


@_compiled_once
def run(images, steps, tables, width, out):
    """Take every image through its steps.

    Args:
        images: (N, C, P) uint8, contiguous, C 1 or 3.
        steps: (N, S) int64, 0..99 or -1 for none, in the order of application.
        tables: for images of this size.
        width: W in pixels; P is a multiple of it.
        out: (N, C, P) uint8, contiguous; the result, overwritten.
    """
    scratch = np.empty(images.shape[1:], np.uint8)
    bytes_ = np.empty(tables.taps.shape[1], np.uint8)
    table = np.empty(LEVELS, np.uint8)
    counts, sums = np.empty(LEVELS, np.int32), np.empty(LEVELS, np.int32)
    for n in range(len(images)):
        left = 0
        for step in steps[n]:
            left += step >= 0
        source = images[n]
        if left == 0:
            out[n] = source
        for step in steps[n]:
            if step >= 0:
                left -= 1
                # By turns, so that the last one writes the result.
                target = out[n] if left % 2 == 0 else scratch
                _apply(source, target, step, tables, width, bytes_, table, counts, sums)
                source = target
