"""From a model's name to the network."""

from torch import nn

from reveil.errors import ReveilError, not_allowed
from reveil.models.convnet import ConvNet
from reveil.models.fresh import seeded
from reveil.models.lenet import LeNetZhu
from reveil.models.names import PLUGGED, parse
from reveil.models.plugged import built, check
from reveil.models.resnet import ResNet20

CHANNELS = (1, 3)
# Two max-pools of ConvNet leave nothing of a smaller image.
MIN_SIZE = 9


def build(name: str, channels: int, size: int, classes: int, seed: int | None = None) -> nn.Module:
    """Return the network in training mode on the CPU, freshly initialised.

    The weights are drawn from the stream (seed, "init", name); the global random state is left as
    it is.

    Args:
        name: see :mod:`reveil.models.names`.
        channels: of the images, 1 or 3.
        size: height and width of the images in pixels.
        classes: number of outputs.
        seed: None for a draw that differs every time.

    Raises:
        ReveilError: an unknown name, images that the network cannot take, or a network of a plug-in
            that cannot be attacked.
    """
    model = seeded(lambda: construct(name, channels, size, classes), seed, name)
    if parse(name).family == PLUGGED:
        check(name, model, (channels, size, size), classes)
    return model


def construct(name: str, channels: int, size: int, classes: int) -> nn.Module:
    """Return the network, its weights drawn from the global random state (see :func:`build`)."""
    architecture = parse(name)
    if channels not in CHANNELS:
        raise ReveilError(not_allowed("channels", channels, CHANNELS))
    if size < MIN_SIZE and architecture.family != PLUGGED:
        raise ReveilError(f"size: {size!r} is not allowed; allowed: {MIN_SIZE} pixels or more")
    if classes < 2:
        raise ReveilError(f"classes: {classes!r} is not allowed; allowed: 2 or more")
    if architecture.family == "resnet20":
        return ResNet20(channels, classes, architecture.width)
    if architecture.family == "convnet":
        return ConvNet(channels, size, classes, architecture.width, architecture.layers)
    if architecture.family == PLUGGED:
        return built(name, channels, size, classes)
    return LeNetZhu(channels, size, classes)


def parameter_count(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
