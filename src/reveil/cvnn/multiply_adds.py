"""What a forward pass of a private network costs the device and the cloud."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from reveil.cvnn.private import PrivateNetwork

# What gives the shape of its first argument. On the meta device, which has nothing to calculate,
# PyTorch works shapes out in Python; for these that is most of the time of a forward pass.
_KEEPS_SHAPE = (functional.batch_norm, functional.relu, functional.leaky_relu)
# What does so where all tensors have the same shape.
_ELEMENTWISE = (
    *(torch.addcmul, torch.mul, Tensor.add, Tensor.sub, Tensor.mul, Tensor.div),
    *(Tensor.square, Tensor.sqrt, Tensor.clamp_),
)


def multiply_adds(network: PrivateNetwork) -> dict[str, int]:
    """Return the multiply-adds of convolutions and linear layers for one image, forward.

    The network is left as it is; of one built by :func:`reveil.models.blank.blank` nothing is
    calculated.

    Returns:
        ``device``, the encoder; ``generator``; ``cloud``, the processing module as it runs on one
        complex map; ``decoder``; and ``processing``, the same module on one real map. Real weights
        act on the real and on the imaginary part, so that ``cloud`` is twice ``processing``;
        complex ones take three real products. Where two images travel in one complex map, each of
        them causes half of ``cloud``.
    """
    return tested_multiply_adds(copy.deepcopy(network).eval())


def tested_multiply_adds(network: PrivateNetwork) -> dict[str, int]:
    """Return :func:`multiply_adds` of a network in evaluation mode, of which no copy is made."""
    where = next(network.parameters()).device
    image = torch.zeros(1, network.channels, network.size, network.size, device=where)
    with torch.no_grad():
        features, device = forward(network.encoder, image)
        features, generator = forward(network.generator, features)
        x = torch.cat([features, features]) if network.complex else features
        h, cloud = forward(network.processor, x)
        _, decoder = forward(network.decoder, h[:1])
    return {
        "device": device,
        "generator": generator,
        "cloud": cloud,
        "decoder": decoder,
        "processing": cloud // _real_products(network),
    }


def forward(module: nn.Module, x: Tensor) -> tuple[Tensor, int]:
    """Return what a module makes of ``x``, and the multiply-adds that took; no gradients."""
    with _Counter() as counter, torch.no_grad():
        y = module(x)
    return y, counter.total


class _Counter(TorchFunctionMode):
    """Adds up the products; PyTorch's own counter takes a second to be imported."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if _known(func, args, kwargs or {}):
            return args[0]
        result = func(*args, **(kwargs or {}))
        if func in (functional.conv2d, functional.linear):
            # Of an output: as many as one filter, or one row, has weights.
            self.total += result.numel() * args[1][0].numel()
        elif func is functional.conv_transpose2d:
            # Every value that goes in meets all weights of its channel.
            self.total += args[0].numel() * args[1][0].numel()
        return result


def _known(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether the result has the shape of the first argument, and no values."""
    if func not in _KEEPS_SHAPE and func not in _ELEMENTWISE:
        return False
    first, *others = args
    if not isinstance(first, Tensor) or not first.is_meta or "out" in kwargs:
        return False
    if func in _KEEPS_SHAPE:
        return True
    return all(o.shape == first.shape for o in others if isinstance(o, Tensor))


def _real_products(network: PrivateNetwork) -> int:
    if not network.complex:
        return 1
    return 3 if network.protection.weights == "complex" else 2
