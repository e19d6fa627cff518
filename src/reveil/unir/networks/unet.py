"""The small U-Net and its discriminator (methods, section 8.4): what trains on a CPU in minutes."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from reveil.unir.networks.blocks import quarter_attention
from reveil.unir.networks.interface import Reconstructor
from reveil.unir.networks.kit import SLOPE, Kit
from reveil.unir.networks.settings import Blueprint


class UNet(Reconstructor):
    """Maps of full, half and quarter side with w, 2w and 4w channels; 95,201 parameters at 16.

    Every convolution is 3x3 with batch norm and ReLU but the last; sides are halved by strides,
    rounded up, and doubled by repetition.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        kit = Kit.of_generator(blueprint.settings)
        w = blueprint.architecture.width
        self.full_side = convolved(kit, blueprint.channels, w)
        self.half_side = convolved(kit, w, 2 * w, stride=2)
        self.quarter_side = nn.Sequential(
            convolved(kit, 2 * w, 4 * w, stride=2),
            convolved(kit, 4 * w, 4 * w),
            *quarter_attention(kit, blueprint, 2, 4 * w),
        )
        self.up_half = convolved(kit, 6 * w, 2 * w)
        self.up_full = convolved(kit, 3 * w, w)
        self.last = kit.conv(w, blueprint.channels, 3, padding=1, bias=True)

    def values(self, y: Tensor) -> Tensor:
        full = self.full_side(y)
        half = self.half_side(full)
        up = self.up_half(beside(self.quarter_side(half), half))
        return self.last(self.up_full(beside(up, full)))


def discriminator(blueprint: Blueprint, channels: int) -> nn.Module:
    """Return three 4x4 convolutions of stride 2 with 1.5w, 3w and 6w channels, and a linear layer.

    Batch norm after all but the first, LeakyReLU 0.2; 94,369 parameters at w = 16 and 1x32x32.

    Args:
        channels: of what it judges.
    """
    kit = Kit.of_critic(blueprint.settings)
    w = blueprint.architecture.width
    first, second, third = 3 * w // 2, 3 * w, 6 * w
    return nn.Sequential(
        kit.conv(channels, first, 4, 2, 1),
        nn.LeakyReLU(SLOPE),
        kit.hidden_conv(first, second, 4, 2, 1),
        kit.norm(second),
        nn.LeakyReLU(SLOPE),
        *quarter_attention(kit, blueprint, 2, second),
        kit.hidden_conv(second, third, 4, 2, 1),
        kit.norm(third),
        nn.LeakyReLU(SLOPE),
        nn.Flatten(),
        kit.linear(third * (blueprint.size // 8) ** 2, 1),
    )


def convolved(kit: Kit, inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """Return conv3x3, batch norm, ReLU."""
    return nn.Sequential(
        kit.conv(inputs, outputs, 3, stride, padding=1), kit.norm(outputs), nn.ReLU()
    )


def beside(x: Tensor, skip: Tensor) -> Tensor:
    """Return x, repeated to the side of ``skip``, and ``skip`` stacked on their channels."""
    return torch.cat([interpolate(x, size=skip.shape[-2:], mode="nearest"), skip], dim=1)
