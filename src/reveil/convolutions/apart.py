"""What single problems' own weights take part in, compiled for one CPU core.

At 36 points the weights of one problem are several times the size of a core's cache. They are
never stored: of a few rows at a time the points are made, used and forgotten.

Importing this module needs numba, which renews what it keeps on disk when this file changes. It
cannot know of the two files whose functions it takes in here; ``DIGEST`` changes with them.
"""

from reveil.compiling import compiled_once
from reveil.convolutions.kernels import rows_from_points, rows_to_points
from reveil.convolutions.multiply import PANEL, add_transposed, product, turn

PLANES = 36
# Rows of a second factor that stay in a core's own cache.
DEPTH = 256
# SHA-256 of kernels.py and multiply.py, one after the other; a test holds it.
DIGEST = "4e3beda864dddb70093b4cebb763454e81db3053331f1e6582a15e51466f1e7d"


@compiled_once
def gradients(left, entered, out, room, rows, problems, tiles, outputs, inputs, panel, first, last):
    """Store G = G^T [D^T X] G of every problem.

    Args:
        left: (36 B t O,) D, entered: (36 B t C,) X, out: (B O 9 C,) kernels, written.
        room: (36 rows C + 18 C,) numbers.
        rows: of a kernel that are worked on together; they divide O.
        problems, tiles, outputs, inputs: B, t, O and C.
        panel: columns that the product takes at a time.
        first, last: groups of rows to do, of all problems one after the other.
    """
    groups, total = outputs // rows, rows * inputs
    for group in range(first, last):
        problem, start = group // groups, group % groups * rows
        for plane in range(PLANES):
            image = (plane * problems + problem) * tiles
            a, b, c = image * outputs + start, image * inputs, plane * total
            product(
                left,
                a,
                1,
                outputs,
                entered,
                b,
                panel,
                inputs,
                room,
                c,
                inputs,
                rows,
                tiles,
                inputs,
                0,
            )
        to = (problem * outputs + start) * 9 * inputs
        rows_from_points(room, total, out, to, room[PLANES * total :], rows, inputs)


@compiled_once
def pull_back(
    kernels,
    left,
    entered,
    onward,
    out,
    room,
    rows,
    problems,
    tiles,
    outputs,
    inputs,
    panel,
    first,
    last,
):
    """Add X V^T to ``onward`` and store D V, with V = G v G^T of every problem's kernels v.

    Args:
        kernels: (B O 9 C,) v, left: (36 B t O,) D, entered: (36 B t C,) X.
        onward: (36 B t O,), added to.
        out: (36 B t C,), written.
        room: (36 rows C + 18 C + (32 + C) 16,) numbers.
        first, last: problems to do; the others as for :func:`gradients`.
    """
    total = rows * inputs
    taps = room[PLANES * total : PLANES * total + 18 * inputs]
    turned = room[PLANES * total + 18 * inputs :]
    for problem in range(first, last):
        for start in range(0, outputs, rows):
            at = (problem * outputs + start) * 9 * inputs
            rows_to_points(kernels, at, room, total, taps, rows, inputs)
            for plane in range(PLANES):
                image = (plane * problems + problem) * tiles
                a, b, c = image * inputs, plane * total, image * outputs + start
                add_transposed(
                    entered,
                    a,
                    inputs,
                    room,
                    b,
                    inputs,
                    onward,
                    c,
                    outputs,
                    turned,
                    tiles,
                    inputs,
                    rows,
                )
                product(
                    left,
                    c,
                    outputs,
                    1,
                    room,
                    b,
                    panel,
                    inputs,
                    out,
                    a,
                    inputs,
                    tiles,
                    rows,
                    inputs,
                    start,
                )


@compiled_once
def toward(
    patches, target, left, turned, out, gram, itself, positions, inner, outputs, first, last
):
    """Store U T^T and (U U^T) D of every problem, transposed.

    Args:
        patches: (B P K,) U, target: (B O K,) T, left: (B P O,) D.
        turned: (K P,) numbers to work in.
        out, itself: (B O P,), written.
        gram: (P P,) numbers to work in.
        positions, inner, outputs: P, K and O, multiples of 16.
        first, last: problems to do.
    """
    for problem in range(first, last):
        u, t, d = (
            problem * positions * inner,
            problem * outputs * inner,
            problem * positions * outputs,
        )
        turn(patches, u, inner, turned, 0, positions, inner, positions)
        for k in range(0, inner, DEPTH):
            depth = min(DEPTH, inner - k)
            b = k * positions
            product(
                target,
                t + k,
                inner,
                1,
                turned,
                b,
                PANEL,
                positions,
                out,
                d,
                positions,
                outputs,
                depth,
                positions,
                k,
            )
            product(
                patches,
                u + k,
                inner,
                1,
                turned,
                b,
                PANEL,
                positions,
                gram,
                0,
                positions,
                positions,
                depth,
                positions,
                k,
            )
        product(
            left,
            d,
            1,
            outputs,
            gram,
            0,
            PANEL,
            positions,
            itself,
            d,
            positions,
            outputs,
            positions,
            positions,
            0,
        )


@compiled_once
def back(left, target, gram, patches, out, positions, inner, outputs, first, last):
    """Store D T + M U of every problem, for (B P P,) M; see :func:`toward`."""
    for problem in range(first, last):
        u, t, d = (
            problem * positions * inner,
            problem * outputs * inner,
            problem * positions * outputs,
        )
        m = problem * positions * positions
        product(
            left,
            d,
            outputs,
            1,
            target,
            t,
            PANEL,
            inner,
            out,
            u,
            inner,
            positions,
            outputs,
            inner,
            0,
        )
        product(
            gram,
            m,
            positions,
            1,
            patches,
            u,
            PANEL,
            inner,
            out,
            u,
            inner,
            positions,
            positions,
            inner,
            1,
        )
