"""Patches: a convolution as a matrix product, forwards and backwards.

Inside, images are NHWC in memory: patches are then copied in runs of channels, and a weight is a
matrix of (outputs, kernel height x kernel width x inputs). Notation of shapes: N images, of which
every ``batch`` in a row belong to one of B problems, C and O channels in and out, P positions out
of the images of a problem, K = kernel height x kernel width x C.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

aten = torch.ops.aten
Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Sizes of one two-dimensional convolution without groups, and images per problem."""

    channels: int
    size: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    batch: int = 1

    @property
    def out(self) -> Pair:
        """Height and width of the output."""
        axes = zip(self.size, self.padding, self.dilation, self.kernel, self.stride, strict=True)
        height, width = ((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in axes)
        return height, width

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Convolve the block with one weight for all images."""
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation)

    def data_gradient(self, grad: Tensor, weight: Tensor) -> Tensor:
        """Return the gradient with respect to the input of :meth:`convolve`."""
        like = grad.new_empty(1).expand(grad.shape[0], self.channels, *self.size)
        shape = (self.stride, self.padding, self.dilation, False, (0, 0), 1)
        return aten.convolution_backward(grad, like, weight, None, *shape, (True, False, False))[0]

    def unfold(self, x: Tensor) -> Tensor:
        """Return the patches of (N, C, H, W) images as (B, P, K)."""
        (ph, pw), (sh, sw), (dh, dw) = self.padding, self.stride, self.dilation
        image = F.pad(nhwc(x), (0, 0, pw, pw, ph, ph)).contiguous()
        batch, row, column, channel = image.stride()
        windows = image.as_strided(
            (len(image), *self.out, *self.kernel, self.channels),
            (batch, row * sh, column * sw, row * dh, column * dw, channel),
        )
        return windows.reshape(len(image) // self.batch, -1, self.channels * math.prod(self.kernel))

    def fold(self, patches: Tensor) -> Tensor:
        """Add (B, P, K) patches up to (N, C, H, W): the adjoint of :meth:`unfold`."""
        (ph, pw), (sh, sw), (dh, dw) = self.padding, self.stride, self.dilation
        height, width = self.size
        rows, columns = self.out
        parts = patches.view(-1, rows, columns, *self.kernel, self.channels)
        total = patches.new_zeros(parts.shape[0], height + 2 * ph, width + 2 * pw, self.channels)
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                top, left = i * dh, j * dw
                bottom, right = top + sh * (rows - 1) + 1, left + sw * (columns - 1) + 1
                total[:, top:bottom:sh, left:right:sw] += parts[:, :, :, i, j]
        return nchw(total[:, ph : ph + height, pw : pw + width])

    def spread(self, grad: Tensor, weight: Tensor) -> Tensor:
        """Return the data gradient for one weight per problem.

        Args:
            grad: (B, P, O) gradient with respect to the output.
            weight: (B, O, K).

        Returns:
            (N, C, H, W).
        """
        if grad.device.type != "cpu":
            return self.fold(torch.bmm(grad, weight))
        # One group per problem: for data gradients, unlike weight gradients, the CPU's library has
        # a kernel that beats adding up patches.
        problems, _, outputs = grad.shape
        apart = grad.view(problems, self.batch, *self.out, outputs)
        images = apart.permute(1, 0, 4, 2, 3).reshape(self.batch, -1, *self.out)
        weights = weight.view(problems * outputs, *self.kernel, self.channels)
        like = grad.new_empty(1).expand(self.batch, problems * self.channels, *self.size)
        shape = (self.stride, self.padding, self.dilation, False, (0, 0), problems)
        data = aten.convolution_backward(
            images, like, nchw(weights).contiguous(), None, *shape, (True, False, False)
        )[0]
        data = data.view(self.batch, problems, self.channels, *self.size).transpose(0, 1)
        return data.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def nhwc(x: Tensor) -> Tensor:
    """View (B, C, H, W) as (B, H, W, C)."""
    return x.permute(0, 2, 3, 1)


def nchw(x: Tensor) -> Tensor:
    """View (B, H, W, C) as (B, C, H, W)."""
    return x.permute(0, 3, 1, 2)


def positions_last(x: Tensor, batch: int = 1) -> Tensor:
    """Return (N, C, H, W) as (B, P, C), without a copy when it is channels-last."""
    return nhwc(x).reshape(x.shape[0] // batch, -1, x.shape[1])


def as_matrices(weights: Tensor) -> Tensor:
    """Return (B, O, C, kh, kw) weights as (B, O, K), without a copy when channels are last."""
    return weights.permute(0, 1, 3, 4, 2).reshape(weights.shape[0], weights.shape[1], -1)
