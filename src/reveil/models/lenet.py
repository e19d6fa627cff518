"""LeNetZhu, the small sigmoid network of Zhu et al. 2019, the first to invert gradients."""

from torch import Tensor, nn
from torch.nn.functional import sigmoid

WIDTH = 12


class LeNetZhu(nn.Module):
    """Three 5x5 sigmoid convolutions with strides 2, 2, 1 and one linear layer.

    For (B, channels, size, size) images; every parameter starts uniform on (-0.5, 0.5).
    """

    def __init__(self, channels: int, size: int, classes: int) -> None:
        super().__init__()
        self.conv1 = _conv5x5(channels, stride=2)
        self.conv2 = _conv5x5(WIDTH, stride=2)
        self.conv3 = _conv5x5(WIDTH, stride=1)
        side = -(-size // 4)
        self.fc = nn.Linear(WIDTH * side**2, classes)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.5, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = sigmoid(conv(x))
        return self.fc(x.flatten(1))


def _conv5x5(inputs: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, WIDTH, kernel_size=5, stride=stride, padding=2)
