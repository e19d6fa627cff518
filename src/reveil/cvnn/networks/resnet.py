"""CIFAR ResNets of 6n + 2 layers (He et al. 2016, section 4.2), cut in the four published ways.

=================  ==========================  ==============================  ====================
cut                encoder                     processing                      decoder
=================  ==========================  ==============================  ====================
report, alpha      stem, group 1               group 2, half a block           half a block, n - 1
report, beta       stem, group 1               group 2                         group 3
authors, alpha     stem, group 1, one block    n - 1 blocks, one of group 3    n - 1 blocks
authors, beta      stem, group 1, one block    n - 1 blocks, n - 1 of group 3  one block
=================  ==========================  ==============================  ====================

The groups have w, 2w and 4w channels; every decoder ends with the mean over positions and a linear
layer. In the report's alpha the first block of group 3 is cut between its convolutions, and its
second half has a skip of its own; without rotation that block is whole, in the decoder, so that the
baselines are the ordinary network.
"""

from torch import Tensor, nn

from reveil.cvnn.kit import Kit, RealKit
from reveil.cvnn.layers import Shortcut
from reveil.cvnn.names import PrivateArchitecture
from reveil.cvnn.networks.sections import Ending, GlobalPool, Sections, halve, require_size

MIN_SIZE = 8


class Block(nn.Module):
    """Two 3x3 convolutions with norms, and an option-A shortcut around both.

    Args:
        side: of the output.
        last: what ends the block, instead of the kit's activation.
    """

    def __init__(
        self,
        kit: Kit,
        inputs: int,
        outputs: int,
        side: int,
        stride: int = 1,
        last: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = kit.conv(inputs, outputs, 3, stride, padding=1)
        self.norm1 = kit.norm(outputs, side)
        self.activation1 = kit.activation(outputs)
        self.conv2 = kit.conv(outputs, outputs, 3, padding=1)
        self.norm2 = kit.norm(outputs, side)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = Shortcut(inputs, outputs, stride)
        self.activation2 = kit.activation(outputs) if last is None else last

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation1(self.norm1(self.conv1(x)))
        return self.activation2(self.norm2(self.conv2(y)) + self.shortcut(x))


class HalfBlock(nn.Module):
    """The second convolution of a block and a skip around it alone, after the report's cut."""

    def __init__(self, kit: Kit, channels: int, side: int) -> None:
        super().__init__()
        self.conv = kit.conv(channels, channels, 3, padding=1)
        self.norm = kit.norm(channels, side)
        self.activation = kit.activation(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(x)) + x)


def sections(
    architecture: PrivateArchitecture,
    channels: int,
    size: int,
    classes: int,
    cloud: Kit,
    ending: Ending,
) -> Sections:
    """Return a ResNet cut as its name says.

    Args:
        cloud: the layers of the processing module.
        ending: ends the encoder.

    Raises:
        ReveilError: images of fewer than 8 pixels a side.
    """
    require_size("resnet", size, MIN_SIZE)
    real, width = RealKit(normalised=True), architecture.width
    blocks = (architecture.depth - 2) // 6
    widths = (width, 2 * width, 4 * width)
    sides = (size, halve(size), halve(halve(size)))
    authors, alpha = architecture.split == "authors", architecture.variant == "alpha"

    def group(kit: Kit, number: int, start: int, stop: int, last: Ending | None = None) -> list:
        """Return blocks start to stop of group 1, 2 or 3; ``last`` ends the last of them."""
        made = []
        for block in range(start, stop):
            first = block == 0 and number > 1
            inputs = widths[number - 2] if first else widths[number - 1]
            end = last(widths[number - 1]) if last and block == stop - 1 else None
            side, stride = sides[number - 1], 2 if first else 1
            made.append(Block(kit, inputs, widths[number - 1], side, stride, end))
        return made

    stem = [real.conv(channels, width, 3, padding=1), real.norm(width, size), nn.ReLU()]
    if authors:
        encoder = [*stem, *group(real, 1, 0, blocks), *group(real, 2, 0, 1, ending)]
        cut = 1 if alpha else blocks - 1
        processor = [*group(cloud, 2, 1, blocks), *group(cloud, 3, 0, cut)]
        decoder = group(real, 3, cut, blocks)
    else:
        encoder = [*stem, *group(real, 1, 0, blocks, ending)]
        processor = group(cloud, 2, 0, blocks)
        if alpha and cloud.stacked:
            processor += [
                cloud.conv(widths[1], widths[2], 3, 2, padding=1),
                cloud.norm(widths[2], sides[2]),
                cloud.activation(widths[2]),
            ]
            decoder = [HalfBlock(real, widths[2], sides[2]), *group(real, 3, 1, blocks)]
        else:
            decoder = group(real, 3, 0, blocks)
    return Sections(
        nn.Sequential(*encoder),
        nn.Sequential(*processor),
        nn.Sequential(*decoder, GlobalPool(), nn.Linear(widths[2], classes)),
        (widths[1], sides[1], sides[1]) if authors else (width, size, size),
    )
