"""AlexNet as torchvision lays it out (Krizhevsky 2014), cut as in the authors' code.

At 224 by 224 pixels the features are 384 x 13 x 13, and the processing module leaves 256 x 6 x 6.
For smaller images the stride of the first convolution shrinks with the side, from 4 at 224 to 1 at
64 and less, and the first linear layer fits itself to what is left.
"""

from torch import nn

from reveil.cvnn.kit import Kit, RealKit
from reveil.cvnn.names import PrivateArchitecture
from reveil.cvnn.networks.sections import Ending, Sections, require_size

MIN_SIZE = 32
STRIDE, PIXELS_PER_STRIDE = 4, 56
HIDDEN = 64
DROP = 0.5


def sections(
    architecture: PrivateArchitecture,
    channels: int,
    size: int,
    classes: int,
    cloud: Kit,
    ending: Ending,
) -> Sections:
    """Return AlexNet; the arguments are those of the ResNets.

    Raises:
        ReveilError: images of fewer than 32 pixels a side.
    """
    require_size("alexnet", size, MIN_SIZE)
    real, width = RealKit(normalised=False), architecture.width
    stride = min(STRIDE, max(1, round(size / PIXELS_PER_STRIDE)))
    first, second, third, last = width, 3 * width, 6 * width, 4 * width
    encoder = [
        *(real.conv(channels, first, 11, stride, padding=2, bias=True), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        *(real.conv(first, second, 5, padding=2, bias=True), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        *(real.conv(second, third, 3, padding=1, bias=True), ending(third)),
    ]
    processor = [
        *(cloud.conv(third, last, 3, padding=1, bias=True), cloud.activation(last)),
        *(cloud.conv(last, last, 3, padding=1, bias=True), cloud.activation(last)),
        cloud.max_pool(3, 2),
    ]
    side = _pooled(_pooled((size + 4 - 11) // stride + 1))
    hidden = HIDDEN * width
    decoder = [
        nn.Flatten(),
        *(nn.Dropout(DROP), nn.Linear(last * _pooled(side) ** 2, hidden), nn.ReLU()),
        *(nn.Dropout(DROP), nn.Linear(hidden, hidden), nn.ReLU()),
        nn.Linear(hidden, classes),
    ]
    return Sections(
        nn.Sequential(*encoder),
        nn.Sequential(*processor),
        nn.Sequential(*decoder),
        (third, side, side),
    )


def _pooled(side: int) -> int:
    return (side - 3) // 2 + 1
