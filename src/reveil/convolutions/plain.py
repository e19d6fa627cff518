"""Convolutions of a plain model as compiled products: forward and data gradient, nothing else.

For passes that differentiate once with respect to images; weights are constants. What hooks on the
model's layers see is what they see without.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.overrides import TorchFunctionMode

from reveil.convolutions import serving
from reveil.convolutions.maps import Maps, convolve, data_gradient
from reveil.convolutions.products import Shared
from reveil.patches import Geometry


class PlainConvolutions(TorchFunctionMode):
    """Exchange the convolutions called inside that :func:`.serving.maps_of` takes."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        return _exchanged(*args, **kwargs) if func is torch.conv2d else func(*args, **kwargs)


def weight_gradients(layer: nn.Conv2d, entered: Tensor, delta: Tensor) -> Tensor | None:
    """Return (N, O, K) gradients of every image, taps before channels.

    Args:
        layer: a convolution without groups.
        entered: (N, C, H, W) that entered it.
        delta: (N, O, H, W), the loss gradients of what left it.

    Returns:
        None where compiled products do not serve, or where other ways are faster.
    """
    geometry = geometry_of(layer, entered)
    maps = serving.maps_of(geometry, layer.out_channels, entered)
    if maps is None or not maps.pays_apart:
        return None
    return maps.gradients(maps.of_output(delta), maps.of_input(entered))


def geometry_of(layer: nn.Conv2d, entered: Tensor) -> Geometry:
    """Return the sizes of a layer with numbers for its padding, one image a problem."""
    return Geometry(
        layer.in_channels,
        tuple(entered.shape[2:]),
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
    )


def _exchanged(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = (1, 1),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    groups: int = 1,
) -> Tensor:
    sizes = stride, padding, dilation
    if groups == 1 and x.dim() == 4 and all(isinstance(size, tuple) for size in sizes):
        geometry = Geometry(x.shape[1], tuple(x.shape[2:]), tuple(weight.shape[2:]), *sizes)
        maps = serving.maps_of(geometry, len(weight), x)
        if maps is not None:
            y = _Convolve.apply(x, serving.shared(weight, maps), maps)
            return y if bias is None else y + bias.detach()[:, None, None]
    return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)


class _Convolve(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Shared, maps: Maps) -> Tensor:
        ctx.weight, ctx.maps = weight, maps
        return convolve(x, weight, maps)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None, None]:
        return data_gradient(grad, ctx.weight, ctx.maps), None, None
