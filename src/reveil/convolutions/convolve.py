"""Convolution of a block of problems by compiled products, twice differentiable.

The counterpart of :class:`reveil.layers.Convolve` on a CPU: equal results up to rounding. Notation
of shapes: see :mod:`reveil.patches`; matrices are those of :mod:`reveil.convolutions.maps`.
"""

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

from reveil.convolutions import products
from reveil.convolutions.maps import Maps, convolve, data_gradient, few_positions
from reveil.convolutions.products import Shared, times_shared
from reveil.layers import Recording, inner_products, weight_gradients, weight_products
from reveil.patches import as_matrices, positions_last


class ConvolveProducts(Function):
    """Convolution: shared weight, one weight gradient per problem."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        weight_leaf: Tensor | None,
        bias_leaf: Tensor | None,
        weight: Shared,
        bias: Tensor | None,
        target: Tensor | None,
        maps: Maps,
        recording: Recording,
    ) -> Tensor:
        entered = maps.of_input(x)
        ctx.save_for_backward(x, target, entered)
        ctx.maps, ctx.recording, ctx.weight = maps, recording, weight
        y = maps.to_output(times_shared(entered, weight.onward))
        return y if bias is None else y.add_(bias.view(-1, 1, 1))

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, target, entered = ctx.saved_tensors
        maps, recording, weight = ctx.maps, ctx.recording, ctx.weight
        wanted = recording.active and ctx.needs_input_grad[1]
        data = weights = bias = None
        if wanted and maps.pays_apart:
            data, weights = _Gradients.apply(x, grad, weight, target, entered, maps)
        else:
            if ctx.needs_input_grad[0]:
                data = _DataGradient.apply(grad, weight, maps)
            if wanted and target is None:
                weights = weight_gradients(x, grad, maps.geometry)
            elif wanted and few_positions(maps.geometry, grad.shape[1]):
                weights = _FewPositions.apply(x, grad, target, entered, maps)
            elif wanted:
                weights = weight_products(x, grad, target, maps.geometry)
        if recording.active and ctx.needs_input_grad[2]:
            bias = recording.total(grad.sum((2, 3)))
        return data, weights, bias, None, None, None, None, None


class _DataGradient(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, grad: Tensor, weight: Shared, maps: Maps) -> Tensor:
        ctx.weight, ctx.maps = weight, maps
        return data_gradient(grad, weight, maps)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, second: Tensor) -> tuple[Tensor | None, ...]:
        return convolve(second, ctx.weight, ctx.maps), None, None


class _Gradients(Function):
    """Data gradient, and G or its inner products <G, T> and <G, G>, of every problem."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        grad: Tensor,
        weight: Shared,
        target: Tensor | None,
        entered: Tensor,
        maps: Maps,
    ) -> tuple[Tensor, Tensor]:
        left = maps.of_output(grad)
        data = maps.to_input(times_shared(left, weight.back))
        gradient = maps.gradients(left, entered)
        ctx.maps, ctx.weight = maps, weight
        if target is None:
            ctx.save_for_backward(entered, left)
            shaped = gradient.unflatten(2, (*maps.geometry.kernel, -1))
            return data, shaped.permute(0, 1, 4, 2, 3)
        target = as_matrices(target)
        ctx.save_for_backward(entered, left, target, gradient)
        return data, inner_products(gradient, target)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, data: Tensor, weights: Tensor) -> tuple[Tensor | None, ...]:
        entered, left, *rest = ctx.saved_tensors
        maps, weight = ctx.maps, ctx.weight
        if rest:
            target, gradient = rest
            along, square = weights[:, 0, None, None], 2 * weights[:, 1, None, None]
            direction = torch.addcmul(target * along, gradient, square)
        else:
            direction = as_matrices(weights)
        onward = times_shared(maps.of_input(data), weight.onward)
        x = maps.to_input(maps.pull_back(direction, left, entered, onward))
        return x, maps.to_output(onward), None, None, None, None


class _FewPositions(Function):
    """<G, T> and <G, G> of every problem where a layer has few positions and many weights.

    As in :mod:`reveil.layers` the gradient G is never formed.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, grad: Tensor, target: Tensor, entered: Tensor, maps: Maps
    ) -> Tensor:
        patches, left = maps.patches(x, entered), positions_last(grad, maps.geometry.batch)
        target = as_matrices(target)
        toward, itself = products.few_positions(patches, target, left)
        ctx.geometry = maps.geometry
        ctx.save_for_backward(patches, left, target, toward, itself)
        return torch.stack([(left * part.mT).sum((1, 2)) for part in (toward, itself)], 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, second: Tensor) -> tuple[Tensor | None, ...]:
        patches, left, target, toward, itself = ctx.saved_tensors
        along, square = second[:, 0, None, None], 2 * second[:, 1, None, None]
        gram = torch.bmm(left * square, left.mT)
        data = products.few_positions_back(left * along, target, gram, patches)
        grad = torch.addcmul(toward * along, itself, square)
        # (B, O, P) with the images of a problem in P.
        grad = grad.unflatten(2, (ctx.geometry.batch, *ctx.geometry.out)).transpose(1, 2)
        grad = grad.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return ctx.geometry.fold(data), grad, None, None, None
