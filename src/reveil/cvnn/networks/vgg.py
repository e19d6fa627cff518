"""VGG-16 (Simonyan & Zisserman 2015, D), cut before its third pooling and its linear layers.

At 224 by 224 pixels the features are 256 x 56 x 56, and the processing module leaves 512 x 7 x 7,
as read in Xiang et al. 2020; smaller images leave less, and the first linear layer fits itself to
it.
"""

from torch import nn

from reveil.cvnn.kit import Kit, RealKit
from reveil.cvnn.names import PrivateArchitecture
from reveil.cvnn.networks.sections import Ending, Sections, require_size

MIN_SIZE = 32
# Channels in units of the width; None is a pooling of 2.
ENCODER = (1, 1, None, 2, 2, None, 4, 4, 4)
PROCESSOR = (None, 8, 8, 8, None, 8, 8, 8, None)
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
    """Return VGG-16; the arguments are those of the ResNets.

    Raises:
        ReveilError: images of fewer than 32 pixels a side.
    """
    require_size("vgg16", size, MIN_SIZE)
    real, width = RealKit(normalised=False), architecture.width
    encoder, features = _layers(real, ENCODER, channels, width)
    encoder[-1] = ending(features)
    processor, last = _layers(cloud, PROCESSOR, features, width)
    hidden, side = HIDDEN * width, size // 32
    decoder = [
        nn.Flatten(),
        *(nn.Linear(last * side**2, hidden), nn.ReLU(), nn.Dropout(DROP)),
        *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(DROP)),
        nn.Linear(hidden, classes),
    ]
    return Sections(
        nn.Sequential(*encoder),
        nn.Sequential(*processor),
        nn.Sequential(*decoder),
        (features, size // 4, size // 4),
    )


def _layers(
    kit: Kit, plan: tuple[int | None, ...], inputs: int, width: int
) -> tuple[list[nn.Module], int]:
    layers: list[nn.Module] = []
    for factor in plan:
        if factor is None:
            layers.append(kit.max_pool(2, 2))
            continue
        outputs = factor * width
        layers.append(kit.conv(inputs, outputs, 3, padding=1, bias=True))
        layers.append(kit.activation(outputs))
        inputs = outputs
    return layers, inputs
