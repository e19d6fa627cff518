"""Layers that keep the weight gradients of the images of a block apart.

Each layer is an autograd function whose forward pass is the ordinary operation on the whole block.
Its backward pass hands the data gradient on as usual, and gives a *probe*, a leaf that stands for
the weight of every single image, the per-image weight gradient or its inner products with a
target. Every backward pass is itself differentiable, once.

Inside, images are NHWC in memory: patches are then copied in runs of channels, and a weight is a
matrix of (outputs, kernel height x kernel width x inputs). Notation of shapes: B images, C and O
channels in and out, P positions out, K = kernel height x kernel width x C.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

aten = torch.ops.aten
Pair = tuple[int, int]


@dataclass
class Recording:
    """Whether probes are still to be filled: true in the first backward pass, false afterwards.

    The second backward pass runs through the layers again, for the images alone; without this
    flag it would compute all weight gradients a second time and throw them away.
    """

    active: bool = True


@dataclass(frozen=True)
class Probe:
    """A leaf that receives what one parameter's per-image gradients are asked for.

    Attributes:
        leaf: (B, *shape) for the gradients themselves, (B, 2) for their inner products.
        target: (B, *shape) tensor to form inner products with, None for the gradients.
    """

    leaf: Tensor
    target: Tensor | None = None


@dataclass(frozen=True)
class Geometry:
    """Sizes of one two-dimensional convolution without groups."""

    channels: int
    size: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

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
        """Return the patches of (B, C, H, W) images as (B, P, K)."""
        (ph, pw), (sh, sw), (dh, dw) = self.padding, self.stride, self.dilation
        image = F.pad(nhwc(x), (0, 0, pw, pw, ph, ph)).contiguous()
        batch, row, column, channel = image.stride()
        windows = image.as_strided(
            (len(image), *self.out, *self.kernel, self.channels),
            (batch, row * sh, column * sw, row * dh, column * dw, channel),
        )
        return windows.reshape(len(image), self.out[0] * self.out[1], -1)

    def fold(self, patches: Tensor) -> Tensor:
        """Add (B, P, K) patches up to (B, C, H, W): the adjoint of :meth:`unfold`."""
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
        """Return the data gradient for one weight per image.

        Args:
            grad: (B, P, O) gradient with respect to the output.
            weight: (B, O, K).

        Returns:
            (B, C, H, W).
        """
        if grad.device.type != "cpu":
            return self.fold(torch.bmm(grad, weight))
        # One group per image: for data gradients, unlike weight gradients, the CPU's library has
        # a kernel that beats adding up patches.
        batch, _, outputs = grad.shape
        images = nchw(grad.view(batch, *self.out, outputs)).reshape(1, -1, *self.out)
        weights = weight.view(batch * outputs, *self.kernel, self.channels)
        like = grad.new_empty(1).expand(1, batch * self.channels, *self.size)
        shape = (self.stride, self.padding, self.dilation, False, (0, 0), batch)
        data = aten.convolution_backward(
            images, like, nchw(weights).contiguous(), None, *shape, (True, False, False)
        )[0]
        data = data.view(batch, self.channels, *self.size)
        return data.contiguous(memory_format=torch.channels_last)


def nhwc(x: Tensor) -> Tensor:
    """View (B, C, H, W) as (B, H, W, C)."""
    return x.permute(0, 2, 3, 1)


def nchw(x: Tensor) -> Tensor:
    """View (B, H, W, C) as (B, C, H, W)."""
    return x.permute(0, 3, 1, 2)


def positions_last(x: Tensor) -> Tensor:
    """Return (B, C, H, W) as (B, P, C), without a copy when it is channels-last."""
    return nhwc(x).reshape(x.shape[0], -1, x.shape[1])


def as_matrices(weights: Tensor) -> Tensor:
    """Return (B, O, C, kh, kw) weights as (B, O, K), without a copy when channels are last."""
    return weights.permute(0, 1, 3, 4, 2).reshape(weights.shape[0], weights.shape[1], -1)


class Convolve(Function):
    """Convolution: shared weight, one weight gradient per image."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        weight_leaf: Tensor | None,
        bias_leaf: Tensor | None,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor | None,
        geometry: Geometry,
        recording: Recording,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, target)
        ctx.geometry, ctx.recording = geometry, recording
        return geometry.convolve(x, weight, bias)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, target = ctx.saved_tensors
        data = weights = bias = None
        if ctx.needs_input_grad[0]:
            data = _DataGradient.apply(grad, weight, ctx.geometry)
        if ctx.recording.active and ctx.needs_input_grad[1]:
            if target is None:
                weights = _WeightGradient.apply(x, grad, ctx.geometry)
            else:
                weights = _WeightProducts.apply(x, grad, target, ctx.geometry)
        if ctx.recording.active and ctx.needs_input_grad[2]:
            bias = grad.sum((2, 3))
        return data, weights, bias, None, None, None, None, None


class _DataGradient(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, grad: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.weight, ctx.geometry = weight, geometry
        return geometry.data_gradient(grad, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, second: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.geometry.convolve(second, ctx.weight), None, None


class _WeightGradient(Function):
    """G = D^T U of every image, with D the (P, O) output gradient and U the (P, K) patches."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, grad: Tensor, geometry: Geometry) -> Tensor:
        patches, outer = geometry.unfold(x), positions_last(grad)
        ctx.save_for_backward(patches, outer)
        ctx.geometry = geometry
        weights = torch.bmm(outer.transpose(1, 2), patches)
        return weights.view(*weights.shape[:2], *geometry.kernel, -1).permute(0, 1, 4, 2, 3)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, second: Tensor) -> tuple[Tensor | None, ...]:
        patches, outer = ctx.saved_tensors
        return *_pull_back(ctx, patches, outer, as_matrices(second)), None


def _pull_back(
    ctx: FunctionCtx, patches: Tensor, outer: Tensor, weights: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """Return d<G, V>/dx and d<G, V>/d(output gradient) for (B, O, K) weights V."""
    geometry: Geometry = ctx.geometry
    data = grad = None
    if ctx.needs_input_grad[0]:
        data = geometry.spread(outer, weights)
    if ctx.needs_input_grad[1]:
        grad = torch.bmm(patches, weights.transpose(1, 2))
        grad = nchw(grad.view(grad.shape[0], *geometry.out, -1))
    return data, grad


class _WeightProducts(Function):
    """<G, T> and <G, G> of every image, as (B, 2), for the weight gradient G and a target T.

    Late layers have few positions and many weights. There G is never formed:
    <G, T> = <D, U T^T> and <G, G> = <D, (U U^T) D>, where U U^T is only P x P.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, grad: Tensor, target: Tensor, geometry: Geometry
    ) -> Tensor:
        patches, outer, target = geometry.unfold(x), positions_last(grad), as_matrices(target)
        positions, inner, outputs = patches.shape[1], patches.shape[2], outer.shape[2]
        ctx.geometry = geometry
        ctx.implicit = 2 * positions * (inner + outputs) < inner * outputs
        if ctx.implicit:
            toward = torch.bmm(patches, target.transpose(1, 2))
            itself = torch.bmm(torch.bmm(patches, patches.transpose(1, 2)), outer)
            ctx.save_for_backward(patches, outer, target, toward, itself)
            return torch.stack([_inner(outer, toward), _inner(outer, itself)], 1)
        weights = torch.bmm(outer.transpose(1, 2), patches)
        ctx.save_for_backward(patches, outer, target, weights)
        return torch.stack([_inner(weights, target), _inner(weights, weights)], 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, second: Tensor) -> tuple[Tensor | None, ...]:
        patches, outer, target, *rest = ctx.saved_tensors
        along, square = second[:, 0, None, None], 2 * second[:, 1, None, None]
        if not ctx.implicit:
            direction = torch.addcmul(target * along, rest[0], square)
            return *_pull_back(ctx, patches, outer, direction), None, None
        data = grad = None
        if ctx.needs_input_grad[0]:
            gram = torch.bmm(outer * square, outer.transpose(1, 2))
            data = ctx.geometry.fold(torch.bmm(outer * along, target).baddbmm_(gram, patches))
        if ctx.needs_input_grad[1]:
            grad = torch.addcmul(rest[0] * along, rest[1], square)
            grad = nchw(grad.view(grad.shape[0], *ctx.geometry.out, -1))
        return data, grad, None, None


def _inner(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 2))


class Rectify(Function):
    """ReLU whose derivative is treated as constant, as it is almost everywhere.

    The library's own double backward adds a tensor of zeros for the derivative of the mask.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, inplace: bool) -> Tensor:
        if inplace:
            ctx.mark_dirty(x)
        y = x.clamp_min_(0) if inplace else x.clamp_min(0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _Mask.apply(grad, ctx.saved_tensors[0]), None


class _Mask(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, grad: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return aten.threshold_backward(grad, y, 0)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, second: Tensor) -> tuple[Tensor | None, ...]:
        return aten.threshold_backward(second, ctx.saved_tensors[0], 0), None


class Normalise(Function):
    """Batch normalisation with frozen statistics: one affine map per channel.

    ``mean``, ``inverse`` (1 / standard deviation), ``scale`` and ``shift`` are (1, C, 1, 1).
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        weight_leaf: Tensor | None,
        bias_leaf: Tensor | None,
        mean: Tensor,
        inverse: Tensor,
        scale: Tensor,
        shift: Tensor,
        recording: Recording,
    ) -> Tensor:
        ctx.save_for_backward(x, mean, inverse, scale)
        ctx.recording = recording
        return torch.addcmul(shift, x, scale)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        wanted = [needed and ctx.recording.active for needed in ctx.needs_input_grad[1:3]]
        if not any(wanted):
            return grad * ctx.saved_tensors[3], *(None,) * 7
        data, weight, bias = _NormaliseGradient.apply(grad, *ctx.saved_tensors)
        return data, weight if wanted[0] else None, bias if wanted[1] else None, *(None,) * 5


class _NormaliseGradient(Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, grad: Tensor, x: Tensor, mean: Tensor, inverse: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(grad, x, mean, inverse, scale)
        bias = grad.sum((2, 3))
        weight = ((grad * x).sum((2, 3)) - bias * mean.flatten()) * inverse.flatten()
        return grad * scale, weight, bias

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, data: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor | None, ...]:
        grad, x, mean, inverse, scale = ctx.saved_tensors
        slope = weight[:, :, None, None] * inverse
        level = bias[:, :, None, None] - slope * mean
        second = torch.addcmul(level, x, slope).addcmul_(data, scale)
        return second, grad * slope, None, None, None


class Linear(Function):
    """Fully connected layer on (B, I) features: shared weight, one weight gradient per image."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        weight_leaf: Tensor | None,
        bias_leaf: Tensor | None,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor | None,
        recording: Recording,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, target)
        ctx.recording = recording
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, target = ctx.saved_tensors
        weights = bias = None
        if ctx.recording.active and ctx.needs_input_grad[1]:
            weights = (
                grad[:, :, None] * x[:, None, :]
                if target is None
                else torch.stack(
                    [
                        (torch.bmm(target, x[:, :, None])[:, :, 0] * grad).sum(1),
                        grad.square().sum(1) * x.square().sum(1),
                    ],
                    1,
                )
            )
        if ctx.recording.active and ctx.needs_input_grad[2]:
            bias = grad
        data = grad @ weight if ctx.needs_input_grad[0] else None
        return data, weights, bias, None, None, None, None
