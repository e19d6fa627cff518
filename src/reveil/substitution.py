"""The ordinary layers of a model, exchanged while it runs for those of :mod:`reveil.layers`.

Layers are recognised as they are called, so any model of convolutions, linear layers and batch
normalisation is served, whatever is between them.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own name for it
from torch.overrides import TorchFunctionMode

from reveil.convolutions import serving as convolutions
from reveil.convolutions.convolve import ConvolveProducts
from reveil.layers import Convolve, Linear, Normalise, Probe, Recording, Rectify
from reveil.patches import Geometry


class UnsupportedLayer(Exception):  # noqa: N818 - a signal to take the general path, no error
    """A parameter is used by an operation that has no form of one problem each here."""


class BatchStatistics(TorchFunctionMode):
    """Let batch normalisation use the statistics of the images that it is called with."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        function = _normalise_with_own if func is F.batch_norm else func
        return function(*args, **(kwargs or {}))


def _normalise_with_own(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    # The library's own double backward is wrong inside vmap (torch 2.13), so it is spelt out.
    y = _whiten(x, [i for i in range(x.dim()) if i != 1], eps)
    shape = (-1, *[1] * (x.dim() - 2))
    y = y if weight is None else y * weight.view(shape)
    return y if bias is None else y + bias.view(shape)


def _whiten(x: Tensor, over: Sequence[int], eps: float) -> Tensor:
    """Return ``x`` with mean 0 and biased variance 1 over some dimensions."""
    centred = x - x.mean(over, keepdim=True)
    return centred * (centred.square().mean(over, keepdim=True) + eps).rsqrt()


class PerProblemLayers(TorchFunctionMode):
    """Replace the parameterised layers of what is called inside by those of reveil.layers.

    Args:
        probes: by the id of each parameter of the model, what stands for it, None for a constant.
        bn_mode: key of ``BN_MODES``.
    """

    def __init__(self, probes: dict[int, Probe | None], recording: Recording, bn_mode: str) -> None:
        super().__init__()
        self.probes, self.recording, self.bn_mode = probes, recording, bn_mode
        self.layers = {
            torch.conv2d: self.convolve,
            F.linear: self.linear,
            F.batch_norm: self.normalise,
            F.relu: self.rectify,
        }

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.layers:
            return self.layers[func](*args, **kwargs)
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and self._uses_parameter([*args, *kwargs.values()]):
            raise UnsupportedLayer(f"{getattr(func, '__name__', func)} uses a parameter")
        return result

    def _uses_parameter(self, values: Sequence[Any]) -> bool:
        return any(
            self._uses_parameter(v) if isinstance(v, list | tuple) else id(v) in self.probes
            for v in values
        )

    def _probe(self, parameter: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        probe = self.probes.get(id(parameter))
        return (None, None) if probe is None else (probe.leaf, probe.target)

    def _constant(self, tensor: Tensor | None) -> Tensor | None:
        """Detach a parameter; a weight computed from parameters cannot be told apart."""
        if tensor is not None and tensor.requires_grad and id(tensor) not in self.probes:
            raise UnsupportedLayer("a weight is computed from parameters")
        return None if tensor is None else tensor.detach()

    def convolve(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        """Stand in for :func:`torch.conv2d`."""
        if groups != 1 or isinstance(padding, str) or x.dim() != 4:
            raise UnsupportedLayer("a convolution with groups, named padding or no batch")
        geometry = Geometry(
            channels=x.shape[1],
            size=tuple(x.shape[2:]),
            kernel=tuple(weight.shape[2:]),
            stride=_pair(stride),
            padding=_pair(padding),
            dilation=_pair(dilation),
            batch=self.recording.batch,
        )
        leaf, target = self._probe(weight)
        maps = convolutions.maps_of(geometry, len(weight), x) if id(weight) in self.probes else None
        if maps is not None:
            constants = convolutions.shared(weight, maps), self._constant(bias), target, maps
            leaves = leaf, self._probe(bias)[0]
            return ConvolveProducts.apply(x, *leaves, *constants, self.recording)
        constants = self._constant(weight), self._constant(bias), target
        return Convolve.apply(x, leaf, self._probe(bias)[0], *constants, geometry, self.recording)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Stand in for :func:`torch.nn.functional.linear`."""
        if x.dim() != 2:
            raise UnsupportedLayer("a linear layer on more than one vector per image")
        leaf, target = self._probe(weight)
        constants = self._constant(weight), self._constant(bias), target
        return Linear.apply(x, leaf, self._probe(bias)[0], *constants, self.recording)

    def normalise(
        self,
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Stand in for :func:`torch.nn.functional.batch_norm`."""
        if training or running_mean is None or running_var is None or x.dim() != 4:
            raise UnsupportedLayer("batch normalisation without frozen statistics of images")
        if self.bn_mode == "train":
            return self._normalise_batch(x, weight, bias, eps)
        shape = (1, -1, 1, 1)
        mean, inverse = running_mean.view(shape), (running_var + eps).rsqrt().view(shape)
        scale, shift = inverse, -mean * inverse
        if weight is not None:
            factor = self._constant(weight).view(shape)
            scale, shift = factor * scale, factor * shift
        if bias is not None:
            shift = shift + self._constant(bias).view(shape)
        leaves = self._probe(weight)[0], self._probe(bias)[0]
        return Normalise.apply(x, *leaves, mean, inverse, scale, shift, self.recording)

    def _normalise_batch(
        self, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> Tensor:
        """Normalise with the statistics of each problem's own images."""
        y = _whiten(x.unflatten(0, (-1, self.recording.batch)), (1, 3, 4), eps)
        if weight is not None:
            y = y * self._affine(weight)
        if bias is not None:
            y = y + self._affine(bias)
        return y.flatten(0, 1)

    def _affine(self, parameter: Tensor) -> Tensor:
        """Return a (C,) parameter, through its probe if it has one, as (B or 1, 1, C, 1, 1)."""
        value, leaf = self._constant(parameter), self._probe(parameter)[0]
        value = value[None] if leaf is None else value + leaf
        return value[:, None, :, None, None]

    def rectify(self, x: Tensor, inplace: bool = False) -> Tensor:
        """Stand in for :func:`torch.nn.functional.relu`."""
        return Rectify.apply(x, inplace)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))
