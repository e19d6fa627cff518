"""The transformations of F(4x4, 3x3), compiled for one CPU core.

Importing this module needs numba. All that is compiled lies in this one file, constants included:
numba renews what it keeps on disk when this file changes, and knows of no other.

Everything is flat here: images are (N, H, W, C), points (36, rows, C), kernels (rows, 3, 3, C).
The channels, a multiple of ``LANES``, are worked on ``LANES`` at a time with vector instructions
that are written out: the compiler's own vectoriser gives up, as it cannot know that the twelve
places a step reads and writes lie apart.

A *strip* is four rows of an image's output, a row of tiles. Each kernel goes through a strip in
both directions, down first or across first, with the result of the first in ``room``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from reveil.compiling import compiled, compiled_once

LANES = 16
STEP, TAPS = 4, 3
POINTS = 6
# A product and a sum may be rounded once, as one instruction does it.
_FUSED = ("contract",)


class _Lanes:
    """A vector under construction, with the arithmetic that the steps below are written in."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: "_Lanes") -> "_Lanes":
        return _Lanes(self.builder, self.builder.fadd(self.value, other.value, flags=_FUSED))

    def __sub__(self, other: "_Lanes") -> "_Lanes":
        return _Lanes(self.builder, self.builder.fsub(self.value, other.value, flags=_FUSED))

    def __rmul__(self, factor: float) -> "_Lanes":
        constant = ir.Constant(self.value.type, [float(factor)] * LANES)
        return _Lanes(self.builder, self.builder.fmul(constant, self.value, flags=_FUSED))


Vectors = Sequence[_Lanes]


def _input(v: Vectors) -> Vectors:
    """B^T v: six values to six points."""
    a, b, c, d, e, f = v
    even, odd, near, far = e - 4 * c, d - 4 * b, e - c, 2 * (d - b)
    return 4 * a - 5 * c + e, even + odd, even - odd, near + far, near - far, 4 * b - 5 * d + f


def _input_adjoint(v: Vectors) -> Vectors:
    """B v: six points to six values."""
    a, b, c, d, e, f = v
    ones, minus, twos, apart = b + c, b - c, d + e, d - e
    return (
        4 * a,
        4 * f - 4 * minus - 2 * apart,
        -5 * a - 4 * ones - twos,
        minus + 2 * apart - 5 * f,
        a + ones + twos,
        f,
    )


def _output(v: Vectors) -> Vectors:
    """A^T v: six points to four values."""
    a, b, c, d, e, f = v
    ones, minus, twos, apart = b + c, b - c, d + e, d - e
    return a + ones + twos, minus + 2 * apart, ones + 4 * twos, minus + 8 * apart + f


def _output_adjoint(v: Vectors) -> Vectors:
    """A v: four values to six points."""
    a, b, c, d = v
    even, odd, near, far = a + c, b + d, a + 4 * c, 2 * (b + 4 * d)
    return a, even + odd, even - odd, near + far, near - far, d


def _kernel(v: Vectors) -> Vectors:
    """G v: three taps to six points."""
    a, b, c = v
    ones, twos = -1 / 6 * (a + c), 1 / 24 * a + 1 / 6 * c
    return 1 / 4 * a, ones - 1 / 6 * b, ones + 1 / 6 * b, twos + 1 / 12 * b, twos - 1 / 12 * b, c


def _kernel_adjoint(v: Vectors) -> Vectors:
    """G^T v: six points to three taps."""
    a, b, c, d, e, f = v
    ones, minus, twos, apart = b + c, c - b, d + e, d - e
    first = 1 / 4 * a - 1 / 6 * ones + 1 / 24 * twos
    return first, 1 / 6 * minus + 1 / 12 * apart, f - 1 / 6 * ones + 1 / 6 * twos


def _vectorised(
    step: Callable[[Vectors], Vectors],
    count: int,
    *,
    bounded_in: bool = False,
    bounded_out: bool = False,
    added: int = 0,
) -> Callable[..., None]:
    """Return an intrinsic that does ``step`` on ``LANES`` channels.

    It is called as ``(source, at, stride, target, to, pitch, low, high)``: value j is read from
    source[at + j * stride:], result j goes to target[to + j * pitch:]. With ``bounded_in`` values
    outside of low <= j < high count as 0 and are not read; with ``bounded_out`` results outside are
    not written. The first ``added`` results are added to what is there, the others replace it.
    """

    @intrinsic
    def operation(typing, source, at, stride, target, to, pitch, low, high):  # noqa: ANN001, ANN202
        signature = types.void(source, at, stride, target, to, pitch, low, high)
        return signature, generate

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        source, at, stride, target, to, pitch, low, high = arguments
        reading = context.make_array(signature.args[0])(context, builder, source).data
        writing = context.make_array(signature.args[3])(context, builder, target).data
        number = context.get_data_type(signature.args[0].dtype)
        vector = ir.VectorType(number, LANES)
        zero = ir.Constant(vector, [0.0] * LANES)
        align = number.get_abi_size(context.target_data)

        def place(array: ir.Value, start: ir.Value, step: ir.Value, j: ir.Value) -> ir.Value:
            offset = builder.add(start, builder.mul(step, j))
            return builder.bitcast(builder.gep(array, [offset]), vector.as_pointer())

        def inside(j: ir.Value) -> ir.Value:
            below = builder.icmp_signed("<", j, high)
            return builder.and_(builder.icmp_signed("<=", low, j), below)

        values = []
        for number_of in range(count):
            j = ir.Constant(at.type, number_of)
            fitting = builder.select(inside(j), j, low) if bounded_in else j
            value = builder.load(place(reading, at, stride, fitting), align=align)
            values.append(builder.select(inside(j), value, zero) if bounded_in else value)
        results = step([_Lanes(builder, value) for value in values])
        for number_of, result in enumerate(results):
            j = ir.Constant(at.type, number_of)

            def store(j: ir.Value = j, value: ir.Value = result.value, k: int = number_of) -> None:
                there = place(writing, to, pitch, j)
                if k < added:
                    value = builder.fadd(value, builder.load(there, align=align))
                builder.store(value, there, align=align)

            if bounded_out:
                with builder.if_then(inside(j)):
                    store()
            else:
                store()
        return context.get_dummy_value()

    return operation


# Neighbouring tiles of the input have two rows or columns in common.
_OVERLAP = POINTS - STEP
_in = _vectorised(_input, POINTS)
_in_bounded = _vectorised(_input, POINTS, bounded_in=True)
_in_back = _vectorised(_input_adjoint, POINTS)
_in_back_added = _vectorised(_input_adjoint, POINTS, added=_OVERLAP)
_in_back_bounded = _vectorised(_input_adjoint, POINTS, bounded_out=True)
_in_back_both = _vectorised(_input_adjoint, POINTS, bounded_out=True, added=_OVERLAP)
_out = _vectorised(_output, POINTS)
_out_bounded = _vectorised(_output, POINTS, bounded_out=True)
_out_back = _vectorised(_output_adjoint, STEP)
_out_back_bounded = _vectorised(_output_adjoint, STEP, bounded_in=True)
_taps = _vectorised(_kernel, TAPS)
_taps_back = _vectorised(_kernel_adjoint, POINTS)


@compiled_once
def input_points(images, points, room, height, width, channels, first, last):
    """B^T d B of every tile of 6 x 6 with one pixel of zeros around the images.

    Args:
        images: (N H W C,).
        points: (36 N tiles C,), written.
        room: at least 6 (4 tiles in a row + 2) C values.
        height, width, channels: of the images.
        first, last: strips to do, of all images one after the other.
    """
    down, across = (height + STEP - 1) // STEP, (width + STEP - 1) // STEP
    line, padded = width * channels, (STEP * across + _OVERLAP) * channels
    total = points.size // (POINTS * POINTS)
    for k in range(POINTS):
        room[k * padded : k * padded + channels] = 0
        room[k * padded + channels + line : (k + 1) * padded] = 0
    for strip in range(first, last):
        image, top = strip // down, STEP * (strip % down) - 1
        at = (image * height + top) * line
        low, high = max(0, -top), min(POINTS, height - top)
        if low == 0 and high == POINTS:
            for i in range(0, line, LANES):
                _in(images, at + i, line, room, channels + i, padded, 0, 0)
        else:
            for i in range(0, line, LANES):
                _in_bounded(images, at + i, line, room, channels + i, padded, low, high)
        for k in range(POINTS):
            for tile in range(across):
                source = k * padded + STEP * tile * channels
                target = POINTS * k * total + (strip * across + tile) * channels
                for i in range(0, channels, LANES):
                    _in(room, source + i, channels, points, target + i, total, 0, 0)


@compiled_once
def input_points_adjoint(points, images, room, height, width, channels, first, last):
    """B D B^T of every tile, added up where tiles overlap: the adjoint of ``input_points``.

    ``first`` and ``last`` are images here, whose strips overlap.
    """
    down, across = (height + STEP - 1) // STEP, (width + STEP - 1) // STEP
    line, padded = width * channels, (STEP * across + _OVERLAP) * channels
    total = points.size // (POINTS * POINTS)
    for strip in range(first * down, last * down):
        image, top = strip // down, STEP * (strip % down) - 1
        for k in range(POINTS):
            for tile in range(across):
                source = POINTS * k * total + (strip * across + tile) * channels
                target = k * padded + STEP * tile * channels
                if tile == 0:
                    for i in range(0, channels, LANES):
                        _in_back(points, source + i, total, room, target + i, channels, 0, 0)
                else:
                    for i in range(0, channels, LANES):
                        _in_back_added(points, source + i, total, room, target + i, channels, 0, 0)
        to = (image * height + top) * line
        low, high = max(0, -top), min(POINTS, height - top)
        if top < 0:
            for i in range(0, line, LANES):
                _in_back_bounded(room, channels + i, padded, images, to + i, line, low, high)
        elif high == POINTS:
            for i in range(0, line, LANES):
                _in_back_added(room, channels + i, padded, images, to + i, line, 0, 0)
        else:
            for i in range(0, line, LANES):
                _in_back_both(room, channels + i, padded, images, to + i, line, low, high)


@compiled_once
def output(points, images, room, height, width, channels, first, last):
    """A^T M A of every tile: (36, N tiles, C) points to (N, H, W, C) images."""
    down, across = (height + STEP - 1) // STEP, (width + STEP - 1) // STEP
    line, padded = width * channels, STEP * across * channels
    total = points.size // (POINTS * POINTS)
    for strip in range(first, last):
        for k in range(POINTS):
            for tile in range(across):
                source = POINTS * k * total + (strip * across + tile) * channels
                target = k * padded + STEP * tile * channels
                for i in range(0, channels, LANES):
                    _out(points, source + i, total, room, target + i, channels, 0, 0)
        image, top = strip // down, STEP * (strip % down)
        to, high = (image * height + top) * line, height - top
        if high >= STEP:
            for i in range(0, line, LANES):
                _out(room, i, padded, images, to + i, line, 0, 0)
        else:
            for i in range(0, line, LANES):
                _out_bounded(room, i, padded, images, to + i, line, 0, high)


@compiled_once
def output_adjoint(images, points, room, height, width, channels, first, last):
    """A d A^T of every tile of 4 x 4: the adjoint of ``output``."""
    down, across = (height + STEP - 1) // STEP, (width + STEP - 1) // STEP
    line, padded = width * channels, STEP * across * channels
    total = points.size // (POINTS * POINTS)
    for k in range(POINTS):
        room[k * padded + line : (k + 1) * padded] = 0
    for strip in range(first, last):
        image, top = strip // down, STEP * (strip % down)
        at, high = (image * height + top) * line, height - top
        if high >= STEP:
            for i in range(0, line, LANES):
                _out_back(images, at + i, line, room, i, padded, 0, 0)
        else:
            for i in range(0, line, LANES):
                _out_back_bounded(images, at + i, line, room, i, padded, 0, high)
        for k in range(POINTS):
            for tile in range(across):
                source = k * padded + STEP * tile * channels
                target = POINTS * k * total + (strip * across + tile) * channels
                for i in range(0, channels, LANES):
                    _out_back(room, source + i, channels, points, target + i, total, 0, 0)


# Planes of points are often a power of two apart, so that places of all 36 share a few lines of the
# cache. Only six of them are written or read at a time here, and those in runs of all channels.


@compiled
def rows_to_points(kernels, at, points, total, room, rows, channels):
    """G g G^T of (rows, 3, 3, C) kernels from ``at`` on, into 36 planes ``total`` apart."""
    line = TAPS * channels
    for row in range(rows):
        start = at + row * TAPS * line
        for i in range(0, line, LANES):
            _taps(kernels, start + i, line, room, i, line, 0, 0)
        for k in range(POINTS):
            target = POINTS * k * total + row * channels
            for i in range(0, channels, LANES):
                _taps(room, k * line + i, channels, points, target + i, total, 0, 0)


@compiled
def rows_from_points(points, total, kernels, to, room, rows, channels):
    """G^T M G of 36 planes ``total`` apart, into (rows, 3, 3, C) kernels from ``to`` on."""
    line = TAPS * channels
    for row in range(rows):
        for k in range(POINTS):
            source = POINTS * k * total + row * channels
            for i in range(0, channels, LANES):
                _taps_back(points, source + i, total, room, k * line + i, channels, 0, 0)
        start = to + row * TAPS * line
        for i in range(0, line, LANES):
            _taps_back(room, i, line, kernels, start + i, line, 0, 0)


@compiled_once
def kernel_points(kernels, points, room, channels, rows):
    """G g G^T of (rows, 3, 3, C) kernels as (36, rows, C); ``room`` has 18 C values."""
    rows_to_points(kernels, 0, points, rows * channels, room, rows, channels)
