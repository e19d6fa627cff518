"""The networks of inference attacks: ResNets on images, on reconstructions and on features.

The released code of Xiang et al. attacks with ResNet-56, and with ResNet-50 where images are large;
on features, each starts at the features' channels (methods, section 3.4).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.models.resnet import BasicBlock

# From this size on, images go to a ResNet-50.
LARGE = 128
# Channels of the last group of ResNet-56, and of the first group of ResNet-50.
FULL_WIDTH = 64
# Features as small as this keep their size in the second group.
SMALL = 16


class BasicResNet(nn.Module):
    """CIFAR ResNet: a convolution and three groups of basic blocks (He et al. 2016, section 4.2).

    Convolutions start Kaiming-normal (fan-out, ReLU gain). A shortcut that changes the shape is a
    1x1 convolution with batch norm.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        widths: Sequence[int],
        strides: Sequence[int],
        blocks: int,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        layers: list[nn.Module] = []
        before = widths[0]
        for width, stride in zip(widths, strides, strict=True):
            layers += [BasicBlock(before, width, stride)]
            layers += [BasicBlock(width, width, 1) for _ in range(blocks - 1)]
            before = width
        self.groups = nn.Sequential(*layers)
        self.fc = nn.Linear(before, outputs)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.groups(self.stem(x)).mean(dim=(-2, -1)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with batch norm, and a shortcut around the three."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class BottleneckResNet(nn.Module):
    """ResNet-50 (He et al. 2016, table 1), with or without the max-pool of its stem."""

    def __init__(self, channels: int, outputs: int, width: int, *, pool: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1) if pool else nn.Identity(),
        )
        layers: list[nn.Module] = []
        before = width
        for group, blocks in enumerate((3, 4, 6, 3)):
            inner = width * 2**group
            layers += [Bottleneck(before, inner, 1 if group == 0 else 2)]
            before = 4 * inner
            layers += [Bottleneck(before, inner, 1) for _ in range(blocks - 1)]
        self.groups = nn.Sequential(*layers)
        self.fc = nn.Linear(before, outputs)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.groups(self.stem(x)).mean(dim=(-2, -1)))


def on_images(shape: tuple[int, int, int], outputs: int, width: int = FULL_WIDTH) -> nn.Module:
    """Return the classifier of images, its weights drawn from the global random state.

    Args:
        shape: (C, H, W) of the images. ResNet-56 below 128 pixels, else ResNet-50.
        outputs: number of classes or attributes.
        width: 64 for the networks as they are. For CPUs, a smaller one gives ResNet-20 with that
            many channels in its last group, or a ResNet-50 with that many in its first.
    """
    channels, size = shape[0], shape[-1]
    if size >= LARGE:
        return BottleneckResNet(channels, outputs, width, pool=True)
    widths = (max(1, width // 4), max(1, width // 2), width)
    return BasicResNet(channels, outputs, widths, (1, 2, 2), _blocks(width))


def on_features(
    shape: tuple[int, int, int], image_size: int, outputs: int, width: int = FULL_WIDTH
) -> nn.Module:
    """Return the classifier of features, its weights drawn from the global random state.

    The groups of ResNet-56 have 32, 32 and 64 channels, whatever the channels of the features; the
    second halves height and width only of features larger than 16 x 16.

    Args:
        shape: (c, h, w) of the features.
        image_size: height of the images, which decides between the networks.
        outputs, width: as for :func:`on_images`.
    """
    channels, size = shape[0], shape[-1]
    if image_size >= LARGE:
        return BottleneckResNet(channels, outputs, width, pool=False)
    widths = (max(1, width // 2), max(1, width // 2), width)
    strides = (1, 1 if size <= SMALL else 2, 2)
    return BasicResNet(channels, outputs, widths, strides, _blocks(width))


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy, or for attributes the mean binary one.

    Args:
        logits: (B, outputs).
        targets: int64 (B,), or bool (B, outputs).
    """
    if targets.dtype == torch.bool:
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
    return F.cross_entropy(logits, targets)


def decide(logits: Tensor, multilabel: bool) -> Tensor:
    """Return int64 (B,) classes, or for attributes bool (B, outputs): the likelier value each."""
    return logits > 0 if multilabel else logits.argmax(1)


def _blocks(width: int) -> int:
    return 9 if width >= FULL_WIDTH else 3


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
