"""DCGAN as in Guo et al. 2020, and the reconstructor made of its layers (methods, 3.1 and 3.2)."""

import torch
from torch import Tensor, nn

from reveil.errors import ReveilError
from reveil.unir.networks.blocks import quarter_attention
from reveil.unir.networks.interface import Reconstructor, Sampler
from reveil.unir.networks.kit import SLOPE, Kit
from reveil.unir.networks.settings import Blueprint

LATENT = 100
# Of the smallest maps: halving ends below it.
LARGEST_START = 7
MAX_MULTIPLE = 8


class Dcgan(Sampler):
    """Transposed convolutions 4x4 without bias; 3,576,704 parameters at 3x64x64 and w = 64.

    The first gives a map of 4x4 (or 5x5 to 7x7), every other doubles its side; batch norm and ReLU
    after all but the last.
    """

    latent_size = LATENT

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        kit = Kit.of_generator(blueprint.settings)
        start, widths = halved(blueprint)
        layers: list[nn.Module] = []
        inputs, geometry = LATENT, (start, 1, 0)
        for halvings in range(len(widths), 0, -1):
            width = widths[halvings - 1]
            layers += [kit.deconv(inputs, width, *geometry), kit.norm(width), nn.ReLU()]
            layers += quarter_attention(kit, blueprint, halvings, width)
            inputs, geometry = width, (4, 2, 1)
        self.body = nn.Sequential(*layers, kit.deconv(inputs, blueprint.channels, 4, 2, 1))

    def images(self, z: Tensor) -> Tensor:
        return self.body(z[:, :, None, None]).tanh()


class DcganUNet(Reconstructor):
    """DCGAN's discriminator without its last layer, then its generator without the first.

    Maps of the same side are stacked: without them what was observed would have to pass through
    4x4 positions, and the likelihood term could not be met.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        kit = Kit.of_generator(blueprint.settings)
        _, widths = halved(blueprint)
        self.encoder = nn.ModuleList(_encoder(kit, blueprint, blueprint.channels))
        self.decoder = nn.ModuleList()
        inputs = widths[-1]
        for width in widths[-2::-1]:
            self.decoder.append(
                nn.Sequential(kit.deconv(inputs, width, 4, 2, 1), kit.norm(width), nn.ReLU())
            )
            inputs = 2 * width
        self.last = kit.deconv(inputs, blueprint.channels, 4, 2, 1)

    def values(self, y: Tensor) -> Tensor:
        maps = [y]
        for stage in self.encoder:
            maps.append(stage(maps[-1]))
        x = maps.pop()
        for stage in self.decoder:
            x = torch.cat([stage(x), maps.pop()], dim=1)
        return self.last(x)


def discriminator(blueprint: Blueprint, channels: int) -> nn.Module:
    """Return convolutions 4x4 without bias; 2,765,568 parameters at 3x64x64 and w = 64.

    Args:
        channels: of what it judges.
    """
    kit = Kit.of_critic(blueprint.settings)
    start, widths = halved(blueprint)
    return nn.Sequential(*_encoder(kit, blueprint, channels), kit.conv(widths[-1], 1, start))


def halved(blueprint: Blueprint) -> tuple[int, list[int]]:
    """Return the side of the smallest maps and the channels from the largest maps to them.

    For another size than 64 there is a layer of stride 2 less or more on each side.

    Raises:
        ReveilError: a size that is not 4 to 7 times a power of 2.
    """
    side, widths = blueprint.size, []
    while side > LARGEST_START:
        if side % 2:
            raise ReveilError(
                f"size: {blueprint.size!r} is not allowed with {blueprint.model}; allowed: 4 to "
                f"{LARGEST_START} times a power of 2"
            )
        side //= 2
        widths.append(blueprint.architecture.width * min(2 ** len(widths), MAX_MULTIPLE))
    return side, widths


def _encoder(kit: Kit, blueprint: Blueprint, channels: int) -> list[nn.Module]:
    """Return the layers that halve the side: LeakyReLU 0.2, batch norm in all but the first."""
    _, widths = halved(blueprint)
    stages = [nn.Sequential(kit.conv(channels, widths[0], 4, 2, 1), nn.LeakyReLU(SLOPE))]
    for index in range(1, len(widths)):
        stages.append(
            nn.Sequential(
                kit.hidden_conv(widths[index - 1], widths[index], 4, 2, 1),
                kit.norm(widths[index]),
                nn.LeakyReLU(SLOPE),
                *quarter_attention(kit, blueprint, index + 1, widths[index]),
            )
        )
    return stages
