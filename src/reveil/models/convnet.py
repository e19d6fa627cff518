"""ConvNet, the plain convolutional network of Geiping et al. 2020."""

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

POOL = 3


class ConvBlock(nn.Module):
    """A 3x3 convolution with bias, batch norm and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.bn(self.conv(x)))


class ConvNet(nn.Module):
    """ConvNet of base width ``width`` for (B, channels, size, size) images.

    Six convolutions, a max-pool of 3 with stride 3, two more, another max-pool, one linear layer;
    initialised as PyTorch does.

    Args:
        layers: 8, or 9 for the network of Drabent et al. 2022, which has a third convolution
            between the pools.
    """

    def __init__(self, channels: int, size: int, classes: int, width: int, layers: int = 8) -> None:
        super().__init__()
        wide = 4 * width
        before = (channels, width, 2 * width, 2 * width, wide, wide, wide)
        after = (wide,) * (layers - 5)
        self.before_pool = _blocks(before)
        self.after_pool = _blocks(after)
        self.fc = nn.Linear(wide * (size // POOL // POOL) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = max_pool2d(self.before_pool(x), POOL)
        x = max_pool2d(self.after_pool(x), POOL)
        return self.fc(x.flatten(1))


def _blocks(widths: tuple[int, ...]) -> nn.Sequential:
    pairs = zip(widths[:-1], widths[1:], strict=True)
    return nn.Sequential(*(ConvBlock(inputs, outputs) for inputs, outputs in pairs))
