"""Layers with their first weights, spectrally normalised where that is asked for."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from reveil.unir.networks.settings import NetworkSettings

SLOPE = 0.2
# Standard deviation of the first weights (Radford et al. 2016).
SPREAD = 0.02
# Of UNIR's authors; the small one lets y + tanh(.) start near y.
GAIN = math.sqrt(2)
RESIDUAL_GAIN = 0.1


@dataclass(frozen=True)
class Kit:
    """How the layers of one network are made.

    Weights are N(0, 0.02) with scales of batch norms N(1, 0.02), or orthogonal with scales
    N(1, gain); biases are 0.

    Attributes:
        init: ``normal`` or ``orthogonal``.
        gain: of orthogonal weights.
        spectral: whether weights are divided by their largest singular value.
        batch_norm: whether :meth:`norm` gives any.
        twice: whether a gradient penalty needs gradients of gradients.
    """

    init: str
    gain: float = GAIN
    spectral: bool = False
    batch_norm: bool = True
    twice: bool = False

    @classmethod
    def of_generator(cls, settings: NetworkSettings) -> "Kit":
        """Return the kit of a generator."""
        gain = RESIDUAL_GAIN if settings.residual_output else GAIN
        return cls(settings.init, gain, settings.spectral_norm == "both")

    @classmethod
    def of_critic(cls, settings: NetworkSettings) -> "Kit":
        """Return the kit of a discriminator.

        A gradient penalty is about the gradient of each sample, so that it cannot be had with
        batch norm (Gulrajani et al. 2017); spectral norm takes its place (Miyato et al. 2018).
        """
        spectral = settings.spectral_norm != "none"
        penalised = settings.gan_loss == "wgan-gp"
        return cls(settings.init, GAIN, spectral, not (spectral or penalised), penalised)

    def spectrally_normalised(self, spectral: bool = True) -> "Kit":
        """Return the same kit with or without spectral norm, its batch norms as they were."""
        return replace(self, spectral=spectral)

    def conv(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
    ) -> nn.Module:
        """Return a convolution."""
        return self._made(nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias))

    def hidden_conv(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> nn.Module:
        """Return a convolution that :meth:`norm` follows: with a bias where that gives none."""
        return self.conv(inputs, outputs, kernel, stride, padding, bias=not self.batch_norm)

    def deconv(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
        bias: bool = False,
    ) -> nn.Module:
        """Return a transposed convolution."""
        return self._made(
            nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, output_padding, bias=bias)
        )

    def linear(self, inputs: int, outputs: int, bias: bool = True) -> nn.Module:
        """Return a linear layer."""
        return self._made(nn.Linear(inputs, outputs, bias=bias))

    def norm(self, channels: int) -> nn.Module:
        """Return a batch norm of maps, or nothing."""
        return self._scaled(nn.BatchNorm2d(channels)) if self.batch_norm else nn.Identity()

    def vector_norm(self, channels: int) -> nn.Module:
        """Return a batch norm of vectors, or nothing."""
        return self._scaled(nn.BatchNorm1d(channels)) if self.batch_norm else nn.Identity()

    def _made(self, layer: nn.Module) -> nn.Module:
        # Filled before it is normalised: filling a normalised weight fills a copy of it.
        self._fill(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if not self.spectral:
            return layer
        if layer.weight.is_meta:
            # Power iterations on the meta device import PyTorch's compiler, for many seconds.
            layer.weight = nn.Parameter(torch.zeros(layer.weight.shape, device="cpu"))
        return spectral_norm(layer)

    def _fill(self, weight: Tensor) -> None:
        if weight.is_meta:
            return
        if self.init == "orthogonal":
            nn.init.orthogonal_(weight, self.gain)
        else:
            nn.init.normal_(weight, 0.0, SPREAD)

    def _scaled(self, norm: nn.Module) -> nn.Module:
        if not norm.weight.is_meta:
            spread = self.gain if self.init == "orthogonal" else SPREAD
            nn.init.normal_(norm.weight, 1.0, spread)
        return norm
