"""The generator that ends an encoder and the critics it meets (Xiang et al. 2020, section 3.3).

The layers are those of the authors' code, with their 224 channels (``wide``) or with twice those of
the features (``narrow``), and those of Knijff et al. 2021.
"""

from torch import Tensor, nn

from reveil.cvnn.kit import RealKit
from reveil.cvnn.layers import Shortcut
from reveil.cvnn.networks.sections import Ending, GlobalPool
from reveil.errors import ReveilError

WIDE = 224
HIDDEN = 256
SLOPE = 0.2
# Convolution, pooling, block and convolution of the report's critic leave nothing of smaller maps.
MIN_SIDE = 12


class Residual(nn.Module):
    """conv3x3-norm-ReLU-conv3x3-norm, added to the input, ReLU.

    Args:
        normalised: without norms, the ReLUs are leaky.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, normalised: bool = True) -> None:
        super().__init__()
        kit = RealKit(normalised=False)
        self.conv1 = kit.conv(inputs, outputs, 3, stride, padding=1)
        self.conv2 = kit.conv(outputs, outputs, 3, padding=1)
        self.norm1, self.norm2 = (_norm(outputs, normalised) for _ in range(2))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = Shortcut(inputs, outputs, stride)
        self.relu = _relu(normalised)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


def ending(end: str, channels: int) -> nn.Module:
    """Return what stands at the end of an encoder: batch norm, nothing, or ReLU."""
    if end == "norm":
        return nn.BatchNorm2d(channels)
    return nn.ReLU() if end == "relu" else nn.Identity()


def generator(kind: str, channels: int, end: str) -> nn.Module:
    """Return layers that keep channels and size of the features.

    Args:
        kind: ``none``; ``conv``, one 3x3 convolution without bias; ``narrow`` or ``wide``:
            conv3x3-BN-ReLU, a residual block and a 1x1 convolution.
        end: ``norm``, ``linear`` or ``relu``; a batch norm comes before the ReLU of ``narrow``
            and ``wide``.
    """
    if kind == "none":
        return nn.Identity()
    kit = RealKit(normalised=False)
    if kind == "conv":
        return nn.Sequential(kit.conv(channels, channels, 3, padding=1), ending(end, channels))
    wide = _width(kind, channels)
    return nn.Sequential(
        kit.conv(channels, wide, 3, padding=1),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        Residual(wide, wide),
        kit.conv(wide, channels, 1),
        nn.Identity() if end == "linear" else nn.BatchNorm2d(channels),
        nn.ReLU() if end == "relu" else nn.Identity(),
    )


def encoder_ending(kind: str, end: str) -> Ending:
    """Return what ends the encoder itself: its own ReLU wherever a generator follows."""
    return lambda channels: ending(end if kind == "none" else "relu", channels)


def critic(kind: str, shape: tuple[int, int, int], normalised: bool) -> nn.Module:
    """Return a critic, (B, c, h, w) to (B,) scores.

    Args:
        kind: ``narrow`` or ``wide``, the authors'; ``report``.
        shape: (c, h, w) of the features.
        normalised: whether ``narrow`` and ``wide`` have batch norm. A gradient penalty is about
            the gradient of each sample, so that it cannot be had with it (Gulrajani et al. 2017);
            ReLUs are then leaky, because the one channel at the end is dead if it starts negative.

    Raises:
        ReveilError: features too small for the report's critic.
    """
    channels, height, width = shape
    kit = RealKit(normalised=False)
    if kind == "report":
        return _report_critic(kit, channels, min(height, width))
    wide = _width(kind, channels)
    return nn.Sequential(
        kit.conv(channels, wide, 3, padding=1),
        _norm(wide, normalised),
        _relu(normalised),
        Residual(wide, wide, normalised=normalised),
        kit.conv(wide, 1, 1),
        _norm(1, normalised),
        _relu(normalised),
        nn.Flatten(),
        nn.Linear(height * width, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, 1),
        nn.Flatten(0),
    )


def lenet_critic(shape: tuple[int, int, int]) -> nn.Module:
    """Return the report's critic for its LeNet: conv5x5, tanh, average pooling, linear."""
    channels, height, width = shape
    sides = ((height - 4) // 2, (width - 4) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, 32, kernel_size=5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * sides[0] * sides[1], 1),
        nn.Flatten(0),
    )


def _report_critic(kit: RealKit, channels: int, side: int) -> nn.Module:
    if side < MIN_SIDE:
        raise ReveilError(
            f"critic: 'report' is not allowed with features of {side} by {side}; allowed: narrow, "
            f"wide, or features of {MIN_SIDE} or more"
        )
    return nn.Sequential(
        kit.conv(channels, 2 * channels, 3, bias=True),
        nn.LeakyReLU(SLOPE),
        nn.MaxPool2d(2),
        Residual(2 * channels, 4 * channels, 2, normalised=False),
        kit.conv(4 * channels, 8 * channels, 3, bias=True),
        nn.ReLU(),
        GlobalPool(),
        nn.Linear(8 * channels, 1),
        nn.Flatten(0),
    )


def _norm(channels: int, normalised: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if normalised else nn.Identity()


def _relu(normalised: bool) -> nn.Module:
    return nn.ReLU() if normalised else nn.LeakyReLU(SLOPE)


def _width(kind: str, channels: int) -> int:
    return WIDE if kind == "wide" else 2 * channels
