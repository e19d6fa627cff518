"""LeNet twice: of the authors' code, and of Knijff et al. 2021, which does not suit the method.

The authors' network commutes with a rotation. The report's does not: it takes tanh of either part
and has biases in the processing module, so that its relative error of equivariance is about 1.
"""

import torch
from torch import Tensor, nn

from reveil.cvnn.kit import Kit, RealKit
from reveil.cvnn.layers import SamePad
from reveil.cvnn.names import PrivateArchitecture
from reveil.cvnn.networks.sections import Ending, Sections, halve, require_size

KERNEL, STRIDE = 3, 2
MIN_SIZE = 12
# Three 5x5 convolutions without padding and two poolings leave one position of 32 by 32.
REPORT_MIN_SIZE = 32
REPORT_WIDTHS = (16, 120, 84)


class PartBias(nn.Module):
    """A bias on the real parts and another on the imaginary ones of stacked (2B, outputs).

    It does not commute with a rotation. It starts as the bias of an ``nn.Linear``.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.bias = nn.Parameter(torch.empty(2, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return (x.unflatten(0, (2, -1)) + self.bias).flatten(0, 1)


def sections(
    architecture: PrivateArchitecture,
    channels: int,
    size: int,
    classes: int,
    cloud: Kit,
    ending: Ending,
) -> Sections:
    """Return the LeNet that the name says; the arguments are those of the ResNets.

    Raises:
        ReveilError: images of fewer than 12 pixels a side, for the report's fewer than 32.
    """
    if architecture.split == "report":
        return _report(channels, size, classes, cloud, ending)
    return _authors(channels, size, classes, architecture.width, cloud, ending)


def _authors(
    channels: int, size: int, classes: int, width: int, cloud: Kit, ending: Ending
) -> Sections:
    """The last 4x4 convolution covers the whole map, whatever its side at other sizes."""
    require_size("lenet-authors", size, MIN_SIZE)
    real = RealKit(normalised=False)
    side = halve(size)
    encoder = [
        real.conv(channels, width, 5, padding=2, bias=True),
        ending(width),
        SamePad(KERNEL, STRIDE),
        nn.MaxPool2d(KERNEL, STRIDE),
    ]
    processor: list[nn.Module] = []
    for inputs in (width, 2 * width):
        processor += [
            cloud.conv(inputs, 2 * inputs, 5, padding=2, bias=True),
            cloud.activation(2 * inputs),
            SamePad(KERNEL, STRIDE),
            nn.AvgPool2d(KERNEL, STRIDE),
        ]
    processor += [
        cloud.conv(4 * width, 4 * width, halve(halve(side)), bias=True),
        cloud.activation(4 * width),
        cloud.conv(4 * width, classes, 1, bias=True),
        # ReLU would keep logits from being negative; delta keeps every phase.
        cloud.activation(classes) if cloud.stacked else nn.Identity(),
    ]
    shape = (width, side, side)
    return Sections(nn.Sequential(*encoder), nn.Sequential(*processor), nn.Flatten(), shape)


def _report(channels: int, size: int, classes: int, cloud: Kit, ending: Ending) -> Sections:
    require_size("lenet-report", size, REPORT_MIN_SIZE)
    real, features = RealKit(normalised=False), 3
    first, second, third = REPORT_WIDTHS
    side = (size - 4) // 2
    last = (side - 4) // 2 - 4
    end = ending(features)
    encoder = [
        real.conv(channels, features, 5, bias=True),
        nn.Tanh() if isinstance(end, nn.ReLU) else end,
        nn.AvgPool2d(2),
    ]
    processor = [
        cloud.conv(features, first, 5, bias=True),
        nn.Tanh(),
        nn.AvgPool2d(2),
        cloud.conv(first, second, 5, bias=True),
        nn.Tanh(),
        nn.Flatten(),
        *_dense(cloud, second * last**2, third),
        nn.Tanh(),
        *_dense(cloud, third, classes),
        nn.Unflatten(1, (classes, 1, 1)),
    ]
    shape = (features, side, side)
    return Sections(nn.Sequential(*encoder), nn.Sequential(*processor), nn.Flatten(), shape)


def _dense(cloud: Kit, inputs: int, outputs: int) -> list[nn.Module]:
    if not cloud.stacked:
        return [nn.Linear(inputs, outputs)]
    return [cloud.linear(inputs, outputs), PartBias(inputs, outputs)]
