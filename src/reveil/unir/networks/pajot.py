"""The networks of the code released with Pajot et al. 2019 (methods, section 3.3).

They have spectral norm and self-attention of their own, whatever ``spectral_norm`` and
``attention`` say: the name stands for them.
"""

from dataclasses import replace

from torch import Tensor, nn

from reveil.unir.networks.blocks import Residual, SelfAttention, SumPool
from reveil.unir.networks.interface import Reconstructor
from reveil.unir.networks.kit import Kit
from reveil.unir.networks.settings import Blueprint

# Channels as multiples of the width.
GENERATOR = (1, 16, 8, 4, 2)
CRITIC = (1, 2, 4, 8, 16)
# Smaller maps are not halved any more.
MIN_HALVED = 4


class PajotGenerator(Reconstructor):
    """Residual blocks at full size and self-attention; 5.07 million parameters at w = 32."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        kit = Kit.of_generator(blueprint.settings)
        normalised = kit.spectrally_normalised()
        layers: list[nn.Module] = []
        inputs, width = blueprint.channels, blueprint.architecture.width
        for multiple in GENERATOR:
            layers.append(Residual(normalised, inputs, multiple * width))
            inputs = multiple * width
        self.body = nn.Sequential(
            *layers,
            SelfAttention(normalised, inputs),
            Residual(normalised, inputs, width),
            kit.norm(width),
            nn.ReLU(),
            kit.conv(width, blueprint.channels, 3, padding=1, bias=True),
        )

    def values(self, y: Tensor) -> Tensor:
        return self.body(y)


def discriminator(blueprint: Blueprint, channels: int) -> nn.Module:
    """Return residual blocks with average pooling, no batch norm; 4.89 million parameters.

    The released one ends in a sigmoid; this one gives logits.

    Args:
        channels: of what it judges.
    """
    kit = replace(Kit.of_critic(blueprint.settings), spectral=True, batch_norm=False)
    layers: list[nn.Module] = []
    inputs, side, width = channels, blueprint.size, blueprint.architecture.width
    for index, multiple in enumerate(CRITIC):
        resample = "down" if side >= MIN_HALVED else "same"
        side = side // 2 if side >= MIN_HALVED else side
        layers.append(Residual(kit, inputs, multiple * width, resample, activated=index > 0))
        inputs = multiple * width
        if index == 1:
            layers.append(SelfAttention(kit, inputs))
    return nn.Sequential(*layers, SumPool(), kit.linear(inputs, 1))
