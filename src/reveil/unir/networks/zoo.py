"""From a generator's name to the generator and its discriminator."""

from collections.abc import Callable, Mapping

from torch import nn

from reveil.errors import ReveilError
from reveil.models.fresh import seeded
from reveil.unir.names import PLUGGED, parse
from reveil.unir.networks import ambient, dcgan, pajot, plugged, unet, variational
from reveil.unir.networks.interface import Discriminator, Reconstructor, Sampler
from reveil.unir.networks.kit import SLOPE, Kit
from reveil.unir.networks.settings import Blueprint, NetworkSettings

GENERATORS: dict[str, Callable[[Blueprint], Reconstructor | Sampler]] = {
    "unet": unet.UNet,
    "dcgan-unet": dcgan.DcganUNet,
    "pajot": pajot.PajotGenerator,
    "variational": variational.Variational,
    "dcgan": dcgan.Dcgan,
    "ambient-celeba": ambient.Convolutional,
    "ambient-mnist": ambient.Convolutional,
    "ambient-cifar": ambient.ResidualSampler,
    PLUGGED: plugged.Plugged,
}
DISCRIMINATORS: dict[str, Callable[[Blueprint, int], nn.Module]] = {
    "unet": unet.discriminator,
    "dcgan-unet": dcgan.discriminator,
    "pajot": pajot.discriminator,
    "variational": unet.discriminator,
    "dcgan": dcgan.discriminator,
    "ambient-celeba": ambient.convolutional_discriminator,
    "ambient-mnist": ambient.convolutional_discriminator,
    "ambient-cifar": ambient.residual_discriminator,
    PLUGGED: unet.discriminator,
}
# Units of both hidden layers of a discriminator of vectors, by the channels of the images.
HIDDEN = {1: 25, 3: 100}


def build(
    model: str,
    channels: int,
    size: int,
    settings: Mapping[str, object],
    seed: int | None = None,
) -> Reconstructor | Sampler:
    """Return a generator in training mode on the CPU, freshly initialised.

    The weights are drawn from the stream (seed, "init", model); the global random state is left as
    it is.

    Args:
        model: see :mod:`reveil.unir.names`, which also says of which type the generator is.
        channels: of the images, 1 or 3.
        size: height and width of the images in pixels.
        settings: ``recipe.reconstruction``; see :class:`NetworkSettings`.
        seed: None for a draw that differs every time.

    Raises:
        ReveilError: an unknown name or setting, images that the network cannot take, or a network
            of a plug-in that does not make images of measurements.
    """
    blueprint = Blueprint(model, channels, size, NetworkSettings.from_recipe(settings))
    made = seeded(lambda: construct(blueprint), seed, model)
    if parse(model).family == PLUGGED:
        plugged.check(made)
    return made


def build_discriminator(
    model: str,
    channels: int,
    size: int,
    settings: Mapping[str, object],
    seed: int | None,
    measurement_shape: tuple[int, ...],
    paired: bool = False,
) -> Discriminator:
    """Return the discriminator that belongs to a generator, likewise, from its own stream.

    Args:
        model, channels, size, settings, seed: as of :func:`build`.
        measurement_shape: of what it judges: (C, H, W), or (k,) for a fully connected one.
        paired: whether images are stacked on the channels of the measurements.

    Raises:
        ReveilError: as :func:`build`, or a shape that it cannot take.
    """
    blueprint = Blueprint(model, channels, size, NetworkSettings.from_recipe(settings))
    return seeded(
        lambda: construct_discriminator(blueprint, measurement_shape, paired),
        seed,
        model,
        "discriminator",
    )


def construct(blueprint: Blueprint) -> Reconstructor | Sampler:
    """Return a generator, its weights drawn from the global random state."""
    return GENERATORS[blueprint.architecture.family](blueprint)


def construct_discriminator(
    blueprint: Blueprint, measurement_shape: tuple[int, ...], paired: bool
) -> Discriminator:
    """Return a discriminator, its weights drawn from the global random state."""
    shape = tuple(measurement_shape)
    if len(shape) == 1 and not paired:
        return Discriminator(blueprint, shape, paired, _of_vectors(blueprint, shape[0]))
    expected = (blueprint.channels, blueprint.size, blueprint.size)
    if shape != expected:
        raise ReveilError(
            f"measurement_shape: {shape} is not allowed; allowed: {expected}"
            + (" in pairs with images" if paired else ", or the length of a vector")
        )
    body = DISCRIMINATORS[blueprint.architecture.family](blueprint, shape[0] * (1 + paired))
    return Discriminator(blueprint, shape, paired, body)


def _of_vectors(blueprint: Blueprint, length: int) -> nn.Module:
    """Return two hidden layers, batch norm and LeakyReLU 0.2 (Bora et al. 2018; methods, 2.4)."""
    kit, hidden = Kit.of_critic(blueprint.settings), HIDDEN[blueprint.channels]
    return nn.Sequential(
        kit.linear(length, hidden),
        kit.vector_norm(hidden),
        nn.LeakyReLU(SLOPE),
        kit.linear(hidden, hidden),
        kit.vector_norm(hidden),
        nn.LeakyReLU(SLOPE),
        kit.linear(hidden, 1),
    )
