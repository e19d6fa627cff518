"""F(4x4, 3x3) of Winograd (Lavin and Gray 2016), as five linear maps and their adjoints.

A 3x3 convolution with stride 1 and one pixel of zeros around is, on tiles of 4x4 outputs,

    y = A^T [ (G g G^T) * (B^T d B) ] A,

with d the 6x6 pixels under a tile, g the kernel, and * the product of channels at each of the 36
*points*. The same three factors give all derivatives: with D = A (dL/dy) A^T,

    dL/dd = B [ (G g G^T) D ] B^T,    dL/dg = G^T [ D (B^T d B) ] G.

So forward pass, data gradient and weight gradient take 36 multiplications a tile and pair of
channels, and not 144, and share what was transformed once. Shapes: N images, T tiles of all of
them, image after image; points are (36, T, C), kernels (R, 9 C) with the taps before the channels.
All results are exact up to rounding, which is some ten times that of the direct sum in float32
(the constants reach from 1/24 to 8).
"""

import math

import torch
from torch import Tensor

from reveil.threads import share

POINTS, STEP, KERNEL = 36, 4, 3
# Rooms that a thread's strip is worked in, by type and size; a strip is some 50 KB.
_SPARE: dict[tuple[torch.dtype, int], list[Tensor]] = {}


def tiles(height: int, width: int) -> int:
    """Return the tiles of one image of this size."""
    return math.ceil(height / STEP) * math.ceil(width / STEP)


def input_points(images: Tensor) -> Tensor:
    """Return B^T d B, (36, T, C), of (N, H, W, C) images."""
    count, height, width, channels = images.shape
    points = images.new_empty(POINTS, count * tiles(height, width), channels)
    _strips("input_points", images, points, images.shape, count * math.ceil(height / STEP))
    return points


def input_points_adjoint(points: Tensor, height: int, width: int) -> Tensor:
    """Return B D B^T, added up where tiles overlap, (N, H, W, C), of (36, T, C) points."""
    count = points.shape[1] // tiles(height, width)
    images = points.new_empty(count, height, width, points.shape[2])
    _strips("input_points_adjoint", points, images, images.shape, count)
    return images


def output(points: Tensor, height: int, width: int) -> Tensor:
    """Return A^T M A, (N, H, W, C), of (36, T, C) points."""
    count = points.shape[1] // tiles(height, width)
    images = points.new_empty(count, height, width, points.shape[2])
    _strips("output", points, images, images.shape, count * math.ceil(height / STEP))
    return images


def output_adjoint(images: Tensor) -> Tensor:
    """Return A d A^T, (36, T, C), of (N, H, W, C) images."""
    count, height, width, channels = images.shape
    points = images.new_empty(POINTS, count * tiles(height, width), channels)
    _strips("output_adjoint", images, points, images.shape, count * math.ceil(height / STEP))
    return points


def kernel_points(kernels: Tensor) -> Tensor:
    """Return G g G^T, (36, R, C), of (R, 9 C) kernels."""
    from reveil.convolutions import kernels as compiled

    rows, channels = len(kernels), kernels.shape[1] // KERNEL**2
    points = kernels.new_empty(POINTS, rows, channels)
    room = kernels.new_empty(6 * KERNEL * channels)
    flat = [tensor.contiguous().view(-1).numpy() for tensor in (kernels, points, room)]
    compiled.kernel_points(*flat, channels, rows)
    return points


def _strips(name: str, source: Tensor, target: Tensor, shape: torch.Size, count: int) -> None:
    from reveil.convolutions import kernels

    kernel = getattr(kernels, name)
    _, height, width, channels = shape
    size = 6 * (STEP * math.ceil(width / STEP) + 2) * channels
    flat = source.contiguous().view(-1).numpy(), target.view(-1).numpy()
    spare = _SPARE.setdefault((source.dtype, size), [])

    def work(first: int, last: int) -> None:
        # Lists give and take in one step, so two threads never get the same room.
        try:
            room = spare.pop()
        except IndexError:
            room = source.new_empty(size)
        kernel(*flat, room.numpy(), height, width, channels, first, last)
        spare.append(room)

    share(work, count)
