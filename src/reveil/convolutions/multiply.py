"""Products of many small matrices, compiled for one CPU core.

Importing this module needs numba. All that is compiled lies in this one file, constants included:
numba renews what it keeps on disk when this file changes, and knows of no other.

A vendor's library copies both factors of each product into an order of its own. With as little
work on each number as at Winograd's points (16 to 256 products) that copying costs as much as the
product. Here one factor is read number by number and the other, whose rows lie in memory one
number after the other, ``LANES`` at a time, both from where they are.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from reveil.compiling import compiled, compiled_once

LANES = 16
# Rows and vectors of the part of a result that is held in registers: with AVX-512's 32 registers 4
# x 4, with 16 of half the width 4 x 1, which two of these make up each.
ROWS = 4
WIDE = 4 if binding.get_host_cpu_features().get("avx512f") else 1
PANEL = LANES * WIDE
# Rows of the first factor that stay in cache while all panels of the second pass by.
BLOCK = 64
_FUSED = ("contract",)


def _tile(rows: int, vectors: int) -> Callable[..., None]:
    """Return an intrinsic for ``rows`` x ``vectors * LANES`` numbers of a product.

    It is called as ``(a, at, row, column, b, from_, line, depth, c, to, pitch, add)`` and stores
    sum_k a[at + i row + k column] b[from_ + k line + j] at c[to + i pitch + j], added to what is
    there if ``add`` is not 0.
    """

    @intrinsic
    def operation(typing, a, at, row, column, b, from_, line, depth, c, to, pitch, add):  # noqa: ANN001, ANN202
        return types.void(a, at, row, column, b, from_, line, depth, c, to, pitch, add), generate

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        a, at, row, column, b, from_, line, depth, c, to, pitch, add = arguments
        left, right, result = (
            context.make_array(signature.args[i])(context, builder, array).data
            for i, array in ((0, a), (4, b), (8, c))
        )
        number = context.get_data_type(signature.args[0].dtype)
        vector, index = ir.VectorType(number, LANES), at.type
        align = number.get_abi_size(context.target_data)
        zero = ir.Constant(vector, [0.0] * LANES)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)

        def place(array: ir.Value, *offsets: ir.Value) -> ir.Value:
            total = offsets[0]
            for offset in offsets[1:]:
                total = builder.add(total, offset)
            return builder.gep(array, [total])

        def times(value: ir.Value, factor: int) -> ir.Value:
            return builder.mul(value, ir.Constant(index, factor))

        def lanes(array: ir.Value, *offsets: ir.Value) -> ir.Value:
            return builder.bitcast(place(array, *offsets), vector.as_pointer())

        def spread(value: ir.Value) -> ir.Value:
            alone = builder.insert_element(zero, value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(alone, zero, everywhere)

        before = builder.block
        loop, after = builder.append_basic_block("depth"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(index)
        k.add_incoming(ir.Constant(index, 0), before)
        sums = [[builder.phi(vector) for _ in range(vectors)] for _ in range(rows)]
        there = builder.add(from_, builder.mul(k, line))
        loaded = [
            builder.load(lanes(right, there, ir.Constant(index, LANES * v)), align=align)
            for v in range(vectors)
        ]
        here = builder.add(at, builder.mul(k, column))
        for i in range(rows):
            factor = spread(builder.load(place(left, here, times(row, i)), align=align))
            for v in range(vectors):
                product = builder.fmul(factor, loaded[v], flags=_FUSED)
                total = builder.fadd(product, sums[i][v], flags=_FUSED)
                sums[i][v].add_incoming(zero, before)
                sums[i][v].add_incoming(total, loop)
                sums[i][v] = total
        following = builder.add(k, ir.Constant(index, 1))
        k.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)
        builder.position_at_end(after)
        adding = builder.icmp_signed("!=", add, ir.Constant(add.type, 0))
        with builder.if_else(adding) as (added, replaced):
            for way, branch in enumerate((replaced, added)):
                with branch:
                    for i in range(rows):
                        for v in range(vectors):
                            target = lanes(
                                result, to, times(pitch, i), ir.Constant(index, LANES * v)
                            )
                            value = sums[i][v]
                            if way:
                                known = builder.load(target, align=align)
                                value = builder.fadd(value, known)
                            builder.store(value, target, align=align)
        return context.get_dummy_value()

    return operation


@intrinsic
def _turn(typing, source, at, line, target, to, pitch, high, add):  # noqa: ANN001, ANN202
    """Store ``LANES`` x ``LANES`` numbers transposed, or add them to what is there.

    target[to + j pitch + i] = source[at + i line + j] for all i and j < high.
    """
    signature = types.void(source, at, line, target, to, pitch, high, add)
    return signature, _generate_turn


def _generate_turn(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
    source, at, line, target, to, pitch, high, add = arguments
    reading = context.make_array(signature.args[0])(context, builder, source).data
    writing = context.make_array(signature.args[3])(context, builder, target).data
    number = context.get_data_type(signature.args[0].dtype)
    vector, align = ir.VectorType(number, LANES), number.get_abi_size(context.target_data)
    index = at.type

    def place(array: ir.Value, start: ir.Value, step: ir.Value, j: int) -> ir.Value:
        offset = builder.add(start, builder.mul(step, ir.Constant(index, j)))
        return builder.bitcast(builder.gep(array, [offset]), vector.as_pointer())

    rows = [builder.load(place(reading, at, line, i), align=align) for i in range(LANES)]
    # Blocks of twice the size in each round: two rows exchange what belongs in the other's block.
    size = 1
    while size < LANES:
        pick = [i if not i & size else i - size + LANES for i in range(LANES)]
        other = [i + size if not i & size else i + LANES for i in range(LANES)]
        masks = [ir.Constant(ir.VectorType(ir.IntType(32), LANES), m) for m in (pick, other)]
        for i in range(LANES):
            if not i & size:
                a, b = rows[i], rows[i + size]
                rows[i], rows[i + size] = (builder.shuffle_vector(a, b, mask) for mask in masks)
        size *= 2
    adding = builder.icmp_signed("!=", add, ir.Constant(add.type, 0))
    zero = ir.Constant(vector, [0.0] * LANES)
    for j, row in enumerate(rows):
        with builder.if_then(builder.icmp_signed("<", ir.Constant(index, j), high)):
            there = place(writing, to, pitch, j)
            known = builder.select(adding, builder.load(there, align=align), zero)
            builder.store(builder.fadd(row, known), there, align=align)
    return context.get_dummy_value()


_tile_narrow = _tile(ROWS, 1)


def _column(tile: Callable[..., None], single: Callable[..., None]) -> Callable[..., None]:
    """Return what does all rows of a product: tiles, and what is left in those of one row."""

    @compiled
    def column_of(a, at, row, column, b, there, line, depth, c, to, pitch, rows, add):
        i = 0
        while i + ROWS <= rows:
            a0, c0 = at + i * row, to + i * pitch
            tile(a, a0, row, column, b, there, line, depth, c, c0, pitch, add)
            i += ROWS
        while i < rows:
            a0, c0 = at + i * row, to + i * pitch
            single(a, a0, row, column, b, there, line, depth, c, c0, pitch, add)
            i += 1

    return column_of


_wide, _narrow = _column(_tile(ROWS, WIDE), _tile(1, WIDE)), _column(_tile_narrow, _tile(1, 1))


@compiled
def product(a, at, row, column, b, there, panel, line, c, to, pitch, rows, depth, columns, add):
    """Store one matrix product A B, or add it.

    Args:
        a, at, row, column: A[i, k] is a[at + i row + k column].
        b, there, panel, line: B[k, j] is b[there + (j // PANEL) panel + k line + j % PANEL].
        c, to, pitch: C[i, j] is c[to + i pitch + j].
        rows, depth, columns: how many there are; columns are a multiple of ``LANES``.
        add: 0 to replace what is in C.
    """
    whole = columns - columns % PANEL
    for j in range(0, whole, PANEL):
        b0 = there + j // PANEL * panel
        _wide(a, at, row, column, b, b0, line, depth, c, to + j, pitch, rows, add)
    for j in range(whole, columns, LANES):
        b0 = there + j // PANEL * panel + j % PANEL
        _narrow(a, at, row, column, b, b0, line, depth, c, to + j, pitch, rows, add)


@compiled
def turn(source, at, line, target, to, rows, columns, pitch):
    """Store the transpose of a matrix whose rows and columns are multiples of ``LANES``."""
    for i in range(0, rows, LANES):
        for j in range(0, columns, LANES):
            start, end = at + i * line + j, to + j * pitch + i
            _turn(source, start, line, target, end, pitch, LANES, 0)


@compiled
def add_transposed(a, at, line, b, there, across, c, to, pitch, room, rows, depth, columns):
    """Add one matrix product A B^T.

    Args:
        a, at, line: A[i, k] is a[at + i line + k].
        b, there, across: B[j, k] is b[there + j across + k].
        c, to, pitch: C[i, j] is c[to + i pitch + j].
        room: at least (2 LANES + depth) LANES numbers.
        rows, depth, columns: how many there are; depth and columns are multiples of ``LANES``.
    """
    turned = 2 * LANES * LANES
    for start in range(0, rows, LANES):
        high = min(LANES, rows - start)
        a0 = at + start * line
        for k in range(0, depth, LANES):
            if high == LANES:
                _turn(a, a0 + k, line, room, turned + k * LANES, LANES, LANES, 0)
            else:
                # What follows the last rows may lie beyond the end.
                for i in range(LANES):
                    for j in range(LANES):
                        known = a[a0 + i * line + k + j] if i < high else 0
                        room[LANES * LANES + i * LANES + j] = known
                _turn(room, LANES * LANES, LANES, room, turned + k * LANES, LANES, LANES, 0)
        for j in range(0, columns, LANES):
            for i in range(0, LANES, ROWS):
                b0 = there + (j + i) * across
                _tile_narrow(
                    b, b0, across, 1, room, turned, LANES, depth, room, i * LANES, LANES, 0
                )
            _turn(room, 0, LANES, c, to + start * pitch + j, pitch, high, 1)


@compiled_once
def multiply(a, row, column, b, panel, line, c, planes, rows, depth, columns, first, last):
    """Store the products A B of matrices of every plane; see :func:`product`.

    Args:
        a: (planes rows depth,) numbers, b: (planes depth columns,), c: (planes rows columns,).
        first, last: blocks of ``BLOCK`` rows to do, of all planes one after the other.
    """
    blocks = (rows + BLOCK - 1) // BLOCK
    for block in range(first, last):
        plane, start = block // blocks, block % blocks * BLOCK
        count = min(BLOCK, rows - start)
        at, there = plane * rows * depth + start * row, plane * depth * columns
        to = (plane * rows + start) * columns
        product(a, at, row, column, b, there, panel, line, c, to, columns, count, depth, columns, 0)


@compiled_once
def multiply_transposed(a, b, c, room, rows, depth, columns, first, last):
    """Add the products A B^T of matrices of planes ``first`` to ``last``; see ``add_transposed``.

    Args:
        a: (planes rows depth,) numbers, b: (planes columns depth,), c: (planes rows columns,).
    """
    for plane in range(first, last):
        at, there, to = plane * rows * depth, plane * columns * depth, plane * rows * columns
        add_transposed(a, at, depth, b, there, depth, c, to, columns, room, rows, depth, columns)
