"""Matrix products at each of Winograd's points, with weights that are shared or a problem's own.

Shapes: see :mod:`reveil.convolutions.points`; of B problems each has t tiles, T = B t.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from reveil.convolutions.points import KERNEL, POINTS
from reveil.threads import share

# Weights whose 36 points take half of the megabyte or two that a core has to itself.
CACHED = 64 * 64


class Shared(NamedTuple):
    """The matrices of one weight for all problems, in the order in which products read them.

    Attributes:
        onward: of (planes, T, C) by (C, O), the convolution.
        back: of (planes, T, O) by (O, C), its data gradient.
    """

    onward: Tensor
    back: Tensor

    @classmethod
    def of(cls, points: Tensor) -> "Shared":
        """Prepare (planes, O, C) matrices."""
        return cls(_panels(points.mT), _panels(points))


def _panels(points: Tensor) -> Tensor:
    """Return (36, depth, columns) as (36, panels, depth, columns of a panel)."""
    from reveil.convolutions.multiply import PANEL

    columns = points.shape[2]
    width = PANEL if columns % PANEL == 0 else columns
    return points.unflatten(2, (-1, width)).transpose(1, 2).contiguous()


def times_shared(points: Tensor, factor: Tensor) -> Tensor:
    """Return (planes, T, columns) for (planes, T, depth) matrices and one of ``Shared``."""
    _, panels, depth, width = factor.shape
    out = points.new_empty(*points.shape[:2], panels * width)
    panel = depth * width if panels > 1 else _panel()
    _multiply(points, (depth, 1), factor, (panel, width), out, len(points))
    return out


def _panel() -> int:
    """Return the panel's stride of a factor that is one row-major matrix."""
    from reveil.convolutions.multiply import PANEL

    return PANEL


def products(left: Tensor, right: Tensor) -> Tensor:
    """Return the products of (B, m, k) and (B, k, n) matrices, like ``torch.bmm``.

    ``left`` is contiguous, or the transposed of what is; n is a multiple of 16.
    """
    planes, rows, depth = left.shape
    out = left.new_empty(planes, rows, right.shape[2])
    turned = left.stride(2) != 1
    steps = (1, rows) if turned else (depth, 1)
    plain = (left.mT if turned else left).contiguous()
    _multiply(plain, steps, right.contiguous(), (_panel(), right.shape[2]), out, planes)
    return out


def add_transposed(out: Tensor, left: Tensor, right: Tensor) -> None:
    """Add the products of (B, m, k) and transposed (B, n, k) matrices to contiguous (B, m, n).

    k and n are multiples of 16.
    """
    from reveil.convolutions import multiply

    planes, rows, depth = left.shape
    flat = [tensor.view(-1).numpy() for tensor in (left, right.contiguous(), out)]

    def work(first: int, last: int) -> None:
        room = left.new_empty((2 * multiply.LANES + depth) * multiply.LANES).numpy()
        multiply.multiply_transposed(*flat, room, rows, depth, out.shape[2], first, last)

    share(work, planes)


def gradients(left: Tensor, entered: Tensor, problems: int) -> Tensor:
    """Return G = G^T [D^T X] G of every problem, (B, O, 9 C), for (36, T, O) D and (36, T, C) X."""
    from reveil.convolutions import apart

    outputs, inputs = left.shape[2], entered.shape[2]
    out = left.new_empty(problems, outputs, KERNEL**2 * inputs)
    rows = _rows(outputs, inputs)
    sizes = rows, problems, left.shape[1] // problems, outputs, inputs, _panel()
    flat = [tensor.view(-1).numpy() for tensor in (left, entered, out)]

    def work(first: int, last: int) -> None:
        room = left.new_empty((POINTS * rows + 18) * inputs).numpy()
        apart.gradients(*flat, room, *sizes, first, last)

    share(work, problems * (outputs // rows))
    return out


def pull_back(kernels: Tensor, left: Tensor, entered: Tensor, onward: Tensor) -> Tensor:
    """Add X V^T to ``onward``, (36, T, O), and return D V, (36, T, C), with V = G v G^T.

    Args:
        kernels: (B, O, 9 C) v.
        left: (36, T, O) D.
        entered: (36, T, C) X.
    """
    from reveil.convolutions import apart
    from reveil.convolutions.multiply import LANES

    problems, outputs, inputs = len(kernels), left.shape[2], entered.shape[2]
    out = torch.empty_like(entered)
    rows = _rows(outputs, inputs)
    sizes = rows, problems, left.shape[1] // problems, outputs, inputs, _panel()
    arrays = kernels.contiguous(), left, entered, onward, out
    flat = [tensor.view(-1).numpy() for tensor in arrays]

    def work(first: int, last: int) -> None:
        size = (POINTS * rows + 18) * inputs + (2 * LANES + inputs) * LANES
        apart.pull_back(*flat, left.new_empty(size).numpy(), *sizes, first, last)

    share(work, problems)
    return out


def few_positions(patches: Tensor, target: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
    """Return (U T^T)^T and ((U U^T) D)^T of every problem, (B, O, P) each.

    Args:
        patches: (B, P, K) U.
        target: (B, O, K) T.
        left: (B, P, O) D.
    """
    from reveil.convolutions import apart

    problems, positions, inner = patches.shape
    outputs = left.shape[2]
    found = [left.new_empty(problems, outputs, positions) for _ in range(2)]
    arrays = patches, target.contiguous(), left.contiguous()
    u, t, d, out, itself = (tensor.view(-1).numpy() for tensor in (*arrays, *found))

    def work(first: int, last: int) -> None:
        turned, gram = patches.new_empty(inner * positions), patches.new_empty(positions**2)
        room = turned.numpy(), out, gram.numpy(), itself
        apart.toward(u, t, d, *room, positions, inner, outputs, first, last)

    share(work, problems)
    return found[0], found[1]


def few_positions_back(left: Tensor, target: Tensor, gram: Tensor, patches: Tensor) -> Tensor:
    """Return D T + M U of every problem, (B, P, K), for (B, P, P) M; see :func:`few_positions`."""
    from reveil.convolutions import apart

    problems, positions, inner = patches.shape
    out = torch.empty_like(patches)
    arrays = left.contiguous(), target.contiguous(), gram, patches, out
    flat = [tensor.view(-1).numpy() for tensor in arrays]
    sizes = positions, inner, left.shape[2]
    share(lambda first, last: apart.back(*flat, *sizes, first, last), problems)
    return out


def _rows(outputs: int, inputs: int) -> int:
    """Return how many rows of a kernel fit in a core's cache at 36 points; a divisor of outputs."""
    from reveil.convolutions.multiply import LANES

    rows = outputs
    while rows % (2 * LANES) == 0 and rows * inputs > CACHED:
        rows //= 2
    return rows


def _multiply(
    a: Tensor, steps: tuple[int, int], b: Tensor, lines: tuple[int, int], out: Tensor, planes: int
) -> None:
    """Fill ``out`` with products of matrices, rows and columns of A ``steps`` apart."""
    from reveil.convolutions.multiply import BLOCK, multiply

    columns = out.shape[2]
    rows = out.numel() // planes // columns
    depth = a.numel() // planes // rows
    a, b, c = (tensor.view(-1).numpy() for tensor in (a, b, out))

    def work(first: int, last: int) -> None:
        multiply(a, *steps, b, *lines, c, planes, rows, depth, columns, first, last)

    share(work, planes * -(-rows // BLOCK))
