"""Two sets of layers, so that one definition of a network gives real and complex sections."""

from typing import Protocol

from torch import Tensor, nn
from torch.nn.init import kaiming_normal_

from reveil.cvnn.layers import (
    ComplexConv2d,
    ComplexLinear,
    ModulusActivation,
    ModulusMaxPool,
    ModulusNorm,
    SharedDropout,
)
from reveil.cvnn.protections import Protection


class Kit(Protocol):
    """Layers of a section of a network.

    Attributes:
        stacked: whether they take complex maps as stacked tensors.
    """

    stacked: bool

    def conv(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
    ) -> nn.Module:
        """Return a convolution; a stacked one has no bias, whatever is asked for."""

    def linear(self, inputs: int, outputs: int) -> nn.Module:
        """Return a linear layer without bias."""

    def norm(self, channels: int, side: int) -> nn.Module:
        """Return a batch norm for maps of ``side`` by ``side``."""

    def activation(self, channels: int) -> nn.Module:
        """Return the non-linearity."""

    def max_pool(self, kernel: int, stride: int, padding: int = 0) -> nn.Module:
        """Return a max-pool."""

    def dropout(self, p: float) -> nn.Module:
        """Return a dropout of whole numbers, real or complex."""


class RealKit:
    """Ordinary layers: bias where it is asked for, batch norm, ReLU.

    Convolutions start Kaiming-normal with the gain of ReLU (He et al. 2015): by fan-out as in
    :mod:`reveil.models.resnet` where batch norm follows, else by fan-in, which keeps the scale of
    the features; biases and linear layers as PyTorch has them.
    """

    stacked = False

    def __init__(self, normalised: bool) -> None:
        self.mode = "fan_out" if normalised else "fan_in"

    def conv(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
    ) -> nn.Module:
        layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)
        kaiming_normal_(layer.weight, mode=self.mode, nonlinearity="relu")
        return layer

    def linear(self, inputs: int, outputs: int) -> nn.Module:
        return nn.Linear(inputs, outputs, bias=False)

    def norm(self, channels: int, side: int) -> nn.Module:
        return nn.BatchNorm2d(channels)

    def activation(self, channels: int) -> nn.Module:
        return nn.ReLU()

    def max_pool(self, kernel: int, stride: int, padding: int = 0) -> nn.Module:
        return nn.MaxPool2d(kernel, stride, padding)

    def dropout(self, p: float) -> nn.Module:
        return nn.Dropout(p)


class StackedKit:
    """Layers that commute with a rotation, in the variants that a protection names.

    Weights start as those of :class:`RealKit`, but without the gain of ReLU where no batch norm
    follows: the activation leaves most of the scale. Both parts of complex weights together have
    the variance of a real one.

    Args:
        protection: its ``weights``, ``threshold``, ``norm_*`` and ``coefficients`` are used.
        normalised: whether the network has batch norm, as ResNets do; the threshold ``network``
            is then one, and else that of each channel.
    """

    stacked = True

    def __init__(self, protection: Protection, normalised: bool) -> None:
        self.complex = protection.weights == "complex"
        self.threshold = protection.threshold
        if self.threshold == "network":
            self.threshold = "one" if normalised else "channel"
        self.over, self.divided = protection.norm_over, protection.norm_parts
        self.running = protection.norm_test == "running"
        self.detached = protection.coefficients == "detached"
        self.mode = "fan_out" if normalised else "fan_in"
        self.gain = "relu" if normalised else "linear"

    def conv(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
    ) -> nn.Module:
        if not self.complex:
            layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
            self._start(layer.weight)
            return layer
        pair = ComplexConv2d(inputs, outputs, kernel, stride, padding)
        self._start(pair.real, pair.imaginary)
        return pair

    def linear(self, inputs: int, outputs: int) -> nn.Module:
        if not self.complex:
            return nn.Linear(inputs, outputs, bias=False)
        pair = ComplexLinear(inputs, outputs)
        self._start(pair.real, pair.imaginary)
        return pair

    def norm(self, channels: int, side: int) -> nn.Module:
        return ModulusNorm(channels, side, self.over, self.divided, self.running, self.detached)

    def activation(self, channels: int) -> nn.Module:
        return ModulusActivation(self.threshold, channels, self.running, self.detached)

    def max_pool(self, kernel: int, stride: int, padding: int = 0) -> nn.Module:
        return ModulusMaxPool(kernel, stride, padding)

    def dropout(self, p: float) -> nn.Module:
        return SharedDropout(p)

    def _start(self, *weights: Tensor) -> None:
        for weight in weights:
            kaiming_normal_(weight, mode=self.mode, nonlinearity=self.gain)
            weight.data.div_(len(weights) ** 0.5)
