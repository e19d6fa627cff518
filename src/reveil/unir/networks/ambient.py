"""The networks of AmbientGAN's code (Bora et al. 2018; methods, section 3.4).

Their kernels of 5x5 are those of the public code that it builds on, and for faces not checked
against theirs. Nothing is conditioned on a label, as it is in their network for CIFAR-10.
"""

from dataclasses import replace

from torch import Tensor, nn

from reveil.unir.networks.blocks import Residual, quarter_attention
from reveil.unir.networks.dcgan import MAX_MULTIPLE, halved
from reveil.unir.networks.interface import Sampler
from reveil.unir.networks.kit import SLOPE, Kit
from reveil.unir.networks.settings import Blueprint

LATENT = {"ambient-celeba": 100, "ambient-mnist": 128, "ambient-cifar": 128}
# Halving ends at it.
LARGEST_START = 4


class Convolutional(Sampler):
    """A linear layer, then transposed convolutions 5x5 that double the side, cropped to fit.

    ``ambient-celeba``: batch norm, tanh. ``ambient-mnist``: no batch norm, and the sigmoid of the
    original brought from [0, 1] to [-1, 1].
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        family = blueprint.architecture.family
        self.latent_size, self.sigmoid = LATENT[family], family == "ambient-mnist"
        kit = replace(Kit.of_generator(blueprint.settings), batch_norm=not self.sigmoid)
        self.sides, widths = stages(blueprint)
        self.start = (widths[-1], self.sides[-1], self.sides[-1])
        self.first = kit.linear(
            self.latent_size, widths[-1] * self.sides[-1] ** 2, bias=not kit.batch_norm
        )
        self.activation = nn.Sequential(
            kit.norm(widths[-1]),
            nn.ReLU(),
            *quarter_attention(kit, blueprint, len(widths), widths[-1]),
        )
        self.stages = nn.ModuleList()
        for halvings in range(len(widths) - 1, 0, -1):
            inputs, outputs = widths[halvings], widths[halvings - 1]
            self.stages.append(
                nn.Sequential(
                    kit.deconv(inputs, outputs, 5, 2, 2, 1, bias=not kit.batch_norm),
                    kit.norm(outputs),
                    nn.ReLU(),
                    *quarter_attention(kit, blueprint, halvings, outputs),
                )
            )
        self.stages.append(kit.deconv(widths[0], blueprint.channels, 5, 2, 2, 1, bias=True))

    def images(self, z: Tensor) -> Tensor:
        x = self.activation(self.first(z).unflatten(1, self.start))
        for stage, side in zip(self.stages, self.sides[-2::-1], strict=True):
            x = stage(x)[..., :side, :side]
        # 2 sigmoid(x) - 1 = tanh(x / 2).
        return (x / 2).tanh() if self.sigmoid else x.tanh()


class ResidualSampler(Sampler):
    """A linear layer, residual blocks that double the side, batch norm, ReLU, conv3x3, tanh."""

    latent_size = LATENT["ambient-cifar"]

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        kit = Kit.of_generator(blueprint.settings)
        width = blueprint.architecture.width
        side, doublings = halved(blueprint)
        self.start = (width, side, side)
        self.first = kit.linear(self.latent_size, width * side**2)
        layers = quarter_attention(kit, blueprint, len(doublings), width)
        for halvings in range(len(doublings) - 1, -1, -1):
            layers.append(Residual(kit, width, width, "up"))
            layers += quarter_attention(kit, blueprint, halvings, width)
        self.body = nn.Sequential(
            *layers,
            kit.norm(width),
            nn.ReLU(),
            kit.conv(width, blueprint.channels, 3, padding=1, bias=True),
        )

    def images(self, z: Tensor) -> Tensor:
        return self.body(self.first(z).unflatten(1, self.start)).tanh()


def convolutional_discriminator(blueprint: Blueprint, channels: int) -> nn.Module:
    """Return convolutions 5x5 of stride 2, LeakyReLU 0.2, and a linear layer.

    ``ambient-celeba`` has batch norm in all but the first, ``ambient-mnist`` none.

    Args:
        channels: of what it judges.
    """
    kit = Kit.of_critic(blueprint.settings)
    if blueprint.architecture.family == "ambient-mnist":
        kit = replace(kit, batch_norm=False)
    sides, widths = stages(blueprint)
    layers: list[nn.Module] = [kit.conv(channels, widths[0], 5, 2, 2, bias=True)]
    layers.append(nn.LeakyReLU(SLOPE))
    for index in range(1, len(widths)):
        layers += [
            kit.hidden_conv(widths[index - 1], widths[index], 5, 2, 2),
            kit.norm(widths[index]),
            nn.LeakyReLU(SLOPE),
        ]
        layers += quarter_attention(kit, blueprint, index + 1, widths[index])
    return nn.Sequential(*layers, nn.Flatten(), kit.linear(widths[-1] * sides[-1] ** 2, 1))


def residual_discriminator(blueprint: Blueprint, channels: int) -> nn.Module:
    """Return four residual blocks, the first two halving the side, no batch norm; mean, linear.

    Args:
        channels: of what it judges.
    """
    kit = replace(Kit.of_critic(blueprint.settings), batch_norm=False)
    width = blueprint.architecture.width
    return nn.Sequential(
        Residual(kit, channels, width, "down", activated=False),
        Residual(kit, width, width, "down"),
        *quarter_attention(kit, blueprint, 2, width),
        Residual(kit, width, width),
        Residual(kit, width, width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        kit.linear(width, 1),
    )


def stages(blueprint: Blueprint) -> tuple[list[int], list[int]]:
    """Return the sides of all maps from the image's down to 4 or less, and the maps' channels.

    Sides are halved and rounded up: 28, 14, 7, 4, with the channels of the last three.
    """
    sides, widths = [blueprint.size], []
    while sides[-1] > LARGEST_START:
        sides.append(-(-sides[-1] // 2))
        widths.append(blueprint.architecture.width * min(2 ** len(widths), MAX_MULTIPLE))
    return sides, widths
