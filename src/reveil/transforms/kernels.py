"""The 50 transformations compiled for one CPU core: image after image, all its steps in cache.

Importing this module needs numba. All that is compiled lies in this one file, constants included:
numba renews what it keeps on disk when this file changes, and knows of no other.

There are 100 steps: each operation of the library with either sign. A step is of one kind, which
says what is done, and has one row in each of the tables that this kind looks at. Images are
(channels, pixels) uint8 here, row after row. What no table says is done in integers, or in
Pillow's floating point: numba fuses and reorders none of it.

What gives equal values equal results is computed of the 256 values where the processor looks up 64
bytes at once (AVX-512 VBMI), else of the pixels.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from reveil.compiling import compiled, compiled_once

LEVELS = 256
RAMP = np.arange(LEVELS, dtype=np.uint8)
# How many lookups one instruction makes.
LANES = 64
# By what numba compiles for, which its settings may make another processor than this one.
WIDE_LOOKUP = "+avx512vbmi" in cpu_target.target_context.codegen().magic_tuple()[2]
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


@intrinsic
def _look_up(typing, source, start, table, target):
    """Write ``table[source[i]]`` to ``target[i]`` for the ``LANES`` values from ``start`` on."""

    def generate(context, builder, signature, arguments):
        lanes = ir.VectorType(ir.IntType(8), LANES)

        def place(number, at):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.bitcast(builder.gep(array.data, [at]), lanes.as_pointer())

        def constant(at):
            return ir.Constant(arguments[1].type, at)

        values = builder.load(place(0, arguments[1]), align=1)
        first, second, third, fourth = (
            builder.load(place(2, constant(quarter * LANES)), align=1) for quarter in range(4)
        )
        # Takes bytes of two registers by the lower seven bits of each value.
        take = builder.module.declare_intrinsic(
            "llvm.x86.avx512.vpermi2var.qi.512", (), ir.FunctionType(lanes, [lanes] * 3)
        )
        low, high = (
            builder.call(take, [left, values, right])
            for left, right in ((first, second), (third, fourth))
        )
        upper = builder.icmp_signed("<", values, ir.Constant(lanes, [0] * LANES))
        builder.store(builder.select(upper, high, low), place(3, arguments[1]), align=1)
        return context.get_dummy_value()

    return types.void(source, types.intp, table, target), generate


@compiled
def _copy(source, target):
    plane, out = source.ravel(), target.ravel()
    for i in range(len(plane)):
        out[i] = plane[i]


@compiled
def _point(source, target, table):
    plane, out = source.ravel(), target.ravel()
    done = 0
    if WIDE_LOOKUP:
        done = len(plane) // LANES * LANES
        for start in range(0, done, LANES):
            _look_up(plane, start, table, out)
    for i in range(done, len(plane)):
        out[i] = table[plane[i]]


@compiled
def _blend(value, degenerate, factor):
    """``Image.blend`` of one value in float32, the product and the sum rounded each."""
    start = np.float32(degenerate)
    blended = start + (np.float32(value) - start) * factor
    return np.uint8(np.int32(min(max(blended, np.float32(0)), np.float32(255))))


@compiled
def _fade(source, target, level, factor, table):
    """Blend with an image of one level."""
    if WIDE_LOOKUP:
        for i in range(LEVELS):
            table[i] = _blend(RAMP[i], level, factor)
        _point(source, target, table)
    else:
        plane, out = source.ravel(), target.ravel()
        for i in range(len(plane)):
            out[i] = _blend(plane[i], level, factor)


@compiled
def _luma(source, grey):
    """Pillow's ``convert("L")``: ITU-R 601-2 in 16-bit fixed point."""
    if source.shape[0] == 1:
        grey[:] = source[0]
        return
    for i in range(source.shape[1]):
        red, green, blue = source[0, i], source[1, i], source[2, i]
        grey[i] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16


@compiled
def _color(source, target, factor, grey):
    _luma(source, grey)
    for channel in range(source.shape[0]):
        for i in range(source.shape[1]):
            target[channel, i] = _blend(source[channel, i], grey[i], factor)


@compiled
def _contrast(source, target, factor, grey, table):
    _luma(source, grey)
    count = source.shape[1]
    total = 0
    for value in grey:
        total += value
    _fade(source, target, (total * 2 + count) // (2 * count), factor, table)


@compiled
def _sharpness(source, target, factor, smooth, width):
    pixels = source.shape[1]
    inner = pixels - 2 * width - 2
    for channel in range(source.shape[0]):
        plane, out = source[channel], target[channel]
        # Neighbours along the flat memory; only the frame sees wrong ones, and it stays as it is.
        above, beside, below = plane, plane[width:], plane[2 * width :]
        for i in range(inner):
            total = np.uint16(above[i]) + above[i + 1] + above[i + 2] + beside[i] + beside[i + 2]
            total += 5 * beside[i + 1] + below[i] + below[i + 1] + below[i + 2]
            # Rounded; 13 is odd, so there are no ties.
            smooth[i] = np.uint16(total + 6) // np.uint16(13)
        centre, blended = plane[width + 1 :], out[width + 1 :]
        for i in range(inner):
            blended[i] = _blend(centre[i], smooth[i], factor)
        for i in range(width):
            out[i] = plane[i]
            out[pixels - width + i] = plane[pixels - width + i]
        for row in range(width, pixels, width):
            out[row - 1] = plane[row - 1]
            out[row] = plane[row]


@compiled
def _stretch(values, out, scale, offset):
    for i in range(len(values)):
        value = np.float64(values[i]) * scale - offset
        out[i] = np.uint8(np.int32(min(max(value, 0.0), 255.0)))


@compiled
def _autocontrast(source, target, table):
    for channel in range(source.shape[0]):
        plane, out = source[channel], target[channel]
        low = high = plane[0]
        for value in plane:
            low = min(low, value)
            high = max(high, value)
        scale = 255.0 / (high - low) if high > low else 1.0
        offset = low * scale if high > low else 0.0
        if WIDE_LOOKUP:
            _stretch(RAMP, table, scale, offset)
            _point(plane, out, table)
        else:
            _stretch(plane, out, scale, offset)


@compiled
def _count(plane, counts):
    """Write how often each value occurs to the first row of ``counts`` (4, 256)."""
    counts[:] = 0
    # A counter that was just written to is slow to read: neighbours, often alike, count apart.
    paired = len(plane) // 4 * 4
    for i in range(0, paired, 4):
        counts[0, plane[i]] += 1
        counts[1, plane[i + 1]] += 1
        counts[2, plane[i + 2]] += 1
        counts[3, plane[i + 3]] += 1
    for i in range(paired, len(plane)):
        counts[0, plane[i]] += 1
    for level in range(LEVELS):
        counts[0, level] += counts[1, level] + counts[2, level] + counts[3, level]


@compiled
def _equalize(source, target, table, counters, sums):
    for channel in range(source.shape[0]):
        plane = source[channel]
        _count(plane, counters)
        counts = counters[0]
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
        divisor = np.float32(step)
        for level in range(LEVELS):
            quotient = np.float32(sums[level]) / divisor
            table[level] = np.uint8(np.int32(min(quotient, np.float32(255))))
        _point(plane, target[channel], table)


@compiled
def _shift(source, target, down, right, width):
    """Fill with black what the pixel ``down`` rows below and ``right`` columns on is not there."""
    pixels = source.shape[1]
    # Rows run into each other along the flat memory: what one got from the next is blackened.
    offset = down * width + right
    for channel in range(source.shape[0]):
        out = target[channel]
        kept = source[channel, max(offset, 0) : pixels + min(offset, 0)]
        moved = out[max(-offset, 0) :]
        for i in range(len(kept)):
            moved[i] = kept[i]
        for i in range(max(-offset, 0)):
            out[i] = 0
        for i in range(len(kept) + max(-offset, 0), pixels):
            out[i] = 0
        if right == 0:
            continue
        for row in range(0, pixels, width):
            line = out[row : row + width]
            line[: max(-right, 0)] = 0
            line[width - max(right, 0) :] = 0


@compiled
def _map(source, target, origins, kept, fill):
    for channel in range(source.shape[0]):
        plane, out = source[channel], target[channel]
        for i in range(len(plane)):
            out[i] = plane[origins[i]]
        for i in range(len(plane)):
            out[i] = (out[i] & kept[i]) | fill[i]


@compiled
def _shear(source, target, taps, fractions, kept, moved, width):
    """Four bicubic taps down each column, in Pillow's order (see ``geometry.shear_y``)."""
    for channel in range(source.shape[0]):
        plane = source[channel]
        for i in range(len(taps)):
            moved[i] = plane[taps[i]]
        second, third, fourth = moved[width:], moved[2 * width :], moved[3 * width :]
        for i in range(source.shape[1]):
            upper = np.int32(moved[i]) - np.int32(second[i])
            lower = np.int32(third[i]) - np.int32(fourth[i])
            linear = np.int32(third[i]) - np.int32(moved[i])
            d = fractions[i]
            value = np.float64(upper * 2 + lower) - d * np.float64(upper + lower)
            value = np.float64(second[i]) + d * (np.float64(linear) + d * value)
            target[channel, i] = np.uint8(np.int32(min(max(value, 0.0), 255.0))) & kept[i]


@compiled_once
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
    plane = bytes_[: images.shape[2]]
    table = np.empty(LEVELS, np.uint8)
    counters, sums = np.empty((4, LEVELS), np.int32), np.empty(LEVELS, np.int32)
    # Handing all tables to a function for every image takes longer than many a step.
    kinds, rows, points, factors, shifts, origins, kept, fill, taps, fractions, sheared = tables
    for n in range(images.shape[0]):
        left = 0
        for slot in range(steps.shape[1]):
            left += steps[n, slot] >= 0 and kinds[steps[n, slot]] != NOTHING
        source = images[n]
        if left == 0:
            _copy(source, out[n])
        for slot in range(steps.shape[1]):
            step = steps[n, slot]
            if step < 0 or kinds[step] == NOTHING:
                continue
            left -= 1
            # By turns, so that the last one writes the result.
            target = out[n] if left % 2 == 0 else scratch
            kind, row = kinds[step], rows[step]
            if kind == POINT:
                _point(source, target, points[row])
            elif kind == BRIGHTNESS:
                _fade(source, target, 0, factors[row], table)
            elif kind == COLOR:
                _color(source, target, factors[row], plane)
            elif kind == CONTRAST:
                _contrast(source, target, factors[row], plane, table)
            elif kind == SHARPNESS:
                _sharpness(source, target, factors[row], plane, width)
            elif kind == AUTOCONTRAST:
                _autocontrast(source, target, table)
            elif kind == EQUALIZE:
                _equalize(source, target, table, counters, sums)
            elif kind == SHIFT:
                _shift(source, target, shifts[row, 0], shifts[row, 1], width)
            elif kind == MAP:
                _map(source, target, origins[row], kept[row], fill[row])
            else:
                _shear(source, target, taps[row], fractions[row], sheared[row], bytes_, width)
            source = target
