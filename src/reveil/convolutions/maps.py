"""How a convolution becomes matrix products: at Winograd's points, or on patches.

Both take what enters a layer to matrices of (planes, rows, numbers), multiply these by a weight,
and take the result back to images. A plane is one of 36 points with a row for each tile, or the one
plane of patches with a row for each position out. Each map has its adjoint, so that all derivatives
are products of the same matrices. Images are (N, C, H, W), channels-last in memory.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from reveil.convolutions import points, products
from reveil.convolutions.products import Shared, times_shared
from reveil.patches import Geometry, nchw, nhwc

# With fewer tiles, a problem's own weights at 36 points cost more memory traffic than they save.
FEWEST_TILES = 16
# Rows and columns of compiled products come in groups of this many.
LANES = 16


class Maps(Protocol):
    """The maps of one convolution; rows of B problems of b images each follow each other.

    Attributes:
        geometry: of the convolution.
        pays_apart: whether weights of single problems are worth forming in these matrices.
    """

    geometry: Geometry
    pays_apart: bool

    def of_input(self, x: Tensor) -> Tensor:
        """Return the matrices of what enters."""
        ...

    def to_input(self, matrices: Tensor) -> Tensor:
        """Return the adjoint of :meth:`of_input`."""
        ...

    def of_output(self, grad: Tensor) -> Tensor:
        """Return the adjoint of :meth:`to_output`."""
        ...

    def to_output(self, matrices: Tensor) -> Tensor:
        """Return what leaves."""
        ...

    def patches(self, x: Tensor, entered: Tensor) -> Tensor:
        """Return the (B, P, K) patches of ``x``, whose matrices are ``entered``."""
        ...

    def gradients(self, left: Tensor, entered: Tensor) -> Tensor:
        """Return the (B, O, K) weight gradients."""
        ...

    def pull_back(self, weights: Tensor, left: Tensor, entered: Tensor, onward: Tensor) -> Tensor:
        """Convolve, into ``onward``, and return the data gradient for one weight per problem."""
        ...


@dataclass(frozen=True)
class PointMaps:
    """Of a 3x3 convolution with stride 1: see :mod:`reveil.convolutions.points`."""

    geometry: Geometry

    @property
    def pays_apart(self) -> bool:
        return self.geometry.batch * points.tiles(*self.geometry.size) >= FEWEST_TILES

    def of_input(self, x: Tensor) -> Tensor:
        return points.input_points(nhwc(x))

    def to_input(self, matrices: Tensor) -> Tensor:
        return nchw(points.input_points_adjoint(matrices, *self.geometry.size))

    def of_output(self, grad: Tensor) -> Tensor:
        return points.output_adjoint(nhwc(grad))

    def to_output(self, matrices: Tensor) -> Tensor:
        return nchw(points.output(matrices, *self.geometry.size))

    def patches(self, x: Tensor, entered: Tensor) -> Tensor:
        return self.geometry.unfold(x)

    def gradients(self, left: Tensor, entered: Tensor) -> Tensor:
        each = self.geometry.batch * points.tiles(*self.geometry.size)
        return products.gradients(left, entered, left.shape[1] // each)

    def pull_back(self, weights: Tensor, left: Tensor, entered: Tensor, onward: Tensor) -> Tensor:
        return products.pull_back(weights, left, entered, onward)


@dataclass(frozen=True)
class PatchMaps:
    """Of any other convolution: see :mod:`reveil.patches`."""

    geometry: Geometry
    pays_apart: bool

    def of_input(self, x: Tensor) -> Tensor:
        return self.geometry.unfold(x).flatten(0, 1)[None]

    def to_input(self, matrices: Tensor) -> Tensor:
        return self.geometry.fold(matrices)

    def of_output(self, grad: Tensor) -> Tensor:
        return nhwc(grad).reshape(1, -1, grad.shape[1])

    def to_output(self, matrices: Tensor) -> Tensor:
        return nchw(matrices.view(-1, *self.geometry.out, matrices.shape[2]))

    def patches(self, x: Tensor, entered: Tensor) -> Tensor:
        return self._apart(entered)

    def gradients(self, left: Tensor, entered: Tensor) -> Tensor:
        return products.products(self._apart(left).mT, self._apart(entered))

    def pull_back(self, weights: Tensor, left: Tensor, entered: Tensor, onward: Tensor) -> Tensor:
        products.add_transposed(self._apart(onward), self._apart(entered), weights)
        return products.products(self._apart(left), weights).flatten(0, 1)[None]

    def _apart(self, matrices: Tensor) -> Tensor:
        """View (1, N P, n) as (B, P of a problem, n)."""
        rows = self.geometry.batch * self.geometry.out[0] * self.geometry.out[1]
        return matrices.view(-1, rows, matrices.shape[2])


def convolve(x: Tensor, weight: Shared, maps: Maps) -> Tensor:
    """Convolve (N, C, H, W) images with one weight for all problems."""
    return maps.to_output(times_shared(maps.of_input(x), weight.onward))


def data_gradient(grad: Tensor, weight: Shared, maps: Maps) -> Tensor:
    """Return the gradient with respect to ``x`` of :func:`convolve`, its adjoint."""
    return maps.to_input(times_shared(maps.of_output(grad), weight.back))


def few_positions(geometry: Geometry, outputs: int) -> bool:
    """Return whether a problem's gradient is better not formed: its products cost less."""
    positions = geometry.batch * geometry.out[0] * geometry.out[1]
    inner = geometry.channels * geometry.kernel[0] * geometry.kernel[1]
    fewer = 2 * positions * (inner + outputs) < inner * outputs
    return fewer and positions % LANES == 0
