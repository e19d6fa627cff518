"""Layers that keep the weight gradients of the problems of a block apart.

A problem is one image, or ``batch`` images in a row whose gradients add up. Each layer is an
autograd function whose forward pass is the ordinary operation on the whole block. Its backward
pass hands the data gradient on as usual, and gives a *probe*, a leaf that stands for the weight of
every single problem, the weight gradient of each or its inner products with a target. Every
backward pass is itself differentiable, once. Notation of shapes: see :mod:`reveil.patches`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.patches import Geometry, as_matrices, nchw, positions_last

aten = torch.ops.aten


@dataclass
class Recording:
    """What the layers of one pass have in common.

    Attributes:
        batch: images per problem.
        active: whether probes are to be filled; the second backward pass is for images alone.
        images: what enters the model. Nobody asks for its gradient while probes are filled.
    """

    batch: int = 1
    active: bool = True
    images: Tensor | None = None

    def total(self, parts: Tensor) -> Tensor:
        """Add the (N, ...) parts of single images up to the (B, ...) of problems."""
        return parts.unflatten(0, (-1, self.batch)).sum(1) if self.batch > 1 else parts


@dataclass(frozen=True)
class Probe:
    """A leaf that receives what one parameter's gradients, one per problem, are asked for.

    Attributes:
        leaf: (B, *shape) for the gradients themselves, (B, 2) for their inner products.
        target: (B, *shape) tensor to form inner products with, None for the gradients.
    """

    leaf: Tensor
    target: Tensor | None = None


class Convolve(Function):
    """Convolution: shared weight, one weight gradient per problem."""

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
        ctx.geometry, ctx.recording, ctx.first = geometry, recording, x is recording.images
        return geometry.convolve(x, weight, bias)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, target = ctx.saved_tensors
        data = weights = bias = None
        if ctx.needs_input_grad[0] and not (ctx.first and ctx.recording.active):
            data = _DataGradient.apply(grad, weight, ctx.geometry)
        if ctx.recording.active and ctx.needs_input_grad[1]:
            if target is None:
                weights = weight_gradients(x, grad, ctx.geometry)
            else:
                weights = weight_products(x, grad, target, ctx.geometry)
        if ctx.recording.active and ctx.needs_input_grad[2]:
            bias = ctx.recording.total(grad.sum((2, 3)))
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
    """G = D^T U of every problem, with D the (P, O) output gradient and U the (P, K) patches."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, grad: Tensor, geometry: Geometry) -> Tensor:
        patches, outer = geometry.unfold(x), positions_last(grad, geometry.batch)
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
        grad = nchw(grad.view(-1, *geometry.out, grad.shape[2]))
    return data, grad


class _WeightProducts(Function):
    """<G, T> and <G, G> of every problem, as (B, 2), for the weight gradient G and a target T.

    Late layers have few positions and many weights. There G is never formed:
    <G, T> = <D, U T^T> and <G, G> = <D, (U U^T) D>, where U U^T is only P x P.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, grad: Tensor, target: Tensor, geometry: Geometry
    ) -> Tensor:
        patches, outer = geometry.unfold(x), positions_last(grad, geometry.batch)
        target = as_matrices(target)
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
        return inner_products(weights, target)

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
            grad = nchw(grad.view(-1, *ctx.geometry.out, grad.shape[2]))
        return data, grad, None, None


def _inner(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 2))


def inner_products(gradient: Tensor, target: Tensor) -> Tensor:
    """Return <G, T> and <G, G> of (B, O, K) gradients and targets, as (B, 2)."""
    return torch.stack([_inner(gradient, target), _inner(gradient, gradient)], 1)


weight_gradients = _WeightGradient.apply
weight_products = _WeightProducts.apply


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
        found = [ctx.recording.total(g) for g in (weight, bias)]
        return data, *(g if w else None for g, w in zip(found, wanted, strict=True)), *(None,) * 5


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
    """Fully connected layer on (N, I) features: shared weight, one weight gradient per problem."""

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
        (x, weight, target), recording = ctx.saved_tensors, ctx.recording
        weights = bias = None
        if recording.active and ctx.needs_input_grad[1]:
            outer = grad.unflatten(0, (-1, recording.batch))
            inner = x.unflatten(0, (-1, recording.batch))
            if target is None:
                weights = torch.bmm(outer.mT, inner)
            else:
                # <G, G> by the Gram matrices of the two factors, as in _WeightProducts.
                toward = torch.bmm(inner, target.mT)
                grams = torch.bmm(outer, outer.mT), torch.bmm(inner, inner.mT)
                weights = torch.stack([_inner(outer, toward), _inner(*grams)], 1)
        if recording.active and ctx.needs_input_grad[2]:
            bias = recording.total(grad)
        data = grad @ weight if ctx.needs_input_grad[0] else None
        return data, weights, bias, None, None, None, None
