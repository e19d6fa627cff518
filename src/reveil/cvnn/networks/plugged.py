"""Private networks that plug-ins give, and the early check that they are cut as they have to be."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from reveil.cvnn.equivariance import equivariance_error
from reveil.cvnn.kit import Kit
from reveil.cvnn.names import PrivateArchitecture
from reveil.cvnn.networks.sections import Ending, Sections
from reveil.plugins import calling, known
from reveil.plugins.known import Declared
from reveil.rng import generator

if TYPE_CHECKING:
    from reveil.cvnn.private import PrivateNetwork

SECTIONS = "reveil.cvnn.networks.sections.Sections"
# Of networks here 1e-6; a bias or a ReLU leaves more than 1e-2.
COMMUTES = 1e-3


def sections(
    architecture: PrivateArchitecture,
    channels: int,
    size: int,
    classes: int,
    cloud: Kit,
    ending: Ending,
) -> Sections:
    """Return what a plug-in gives; the arguments are those of the ResNets.

    Raises:
        PluginError: it fails, or returns something else than sections of a network.
    """
    one = known.find(known.MODEL, architecture.plugin, known.CVNN)
    cut = calling.call(one, channels, size, classes, cloud, ending, **one.parameters)
    if not isinstance(cut, Sections):
        calling.refuse(one, f"returned {type(cut).__name__}, expected {SECTIONS}")
    for name in ("encoder", "processor", "decoder"):
        if not isinstance(section := getattr(cut, name), nn.Module):
            said = type(section).__name__
            calling.refuse(one, f"{name} is {said}, expected a torch.nn.Module")
    shape = cut.feature_shape
    sides = shape if isinstance(shape, tuple) else ()
    if len(sides) != 3 or not all(isinstance(side, int) and side > 0 for side in sides):
        calling.refuse(one, f"feature_shape is {shape!r}, expected (channels, height, width)")
    return cut


def check(network: "PrivateNetwork") -> None:
    """Refuse a network whose sections do not fit, or whose processing does not commute.

    Features must have the shape that was said, and logits one row an image, in eval mode; and
    Phi(exp(i t) x) = exp(i t) Phi(x) must hold for the processing Phi, as Xiang et al. 2020
    require, or no key would reveal what it makes.

    Args:
        network: on the CPU; its mode and weights are left as they are.

    Raises:
        PluginError: it is not so; with what is.
    """
    one = known.find(known.MODEL, network.model, known.CVNN)
    noise = generator(0, "plug-in", network.model)
    images = torch.randn(2, network.channels, network.size, network.size, generator=noise)
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            _check_sections(one, network, images, noise)
    finally:
        network.train(training)


def _check_sections(
    one: Declared, network: "PrivateNetwork", images: Tensor, noise: torch.Generator
) -> None:
    with calling.blaming(one):
        features = network.encode(images)
    _check_form(one, "features", features, (2, *network.feature_shape))
    x = torch.randn(4 if network.complex else 2, *network.feature_shape, generator=noise)
    with calling.blaming(one):
        processed = network.process(x)
    if not isinstance(processed, Tensor) or len(processed) != len(x):
        said = tuple(processed.shape) if isinstance(processed, Tensor) else type(processed).__name__
        calling.refuse(one, f"its processing makes {said} of {tuple(x.shape)}, expected as many")
    if network.complex:
        with calling.blaming(one):
            error = equivariance_error(network.processor, x)
        if not error <= COMMUTES:
            calling.refuse(
                one,
                f"its processing does not commute with a rotation (a relative error of {error:.2g})"
                "; allowed in it: layers of the kit that it is given, average pooling, sums of "
                "branches, and no bias, ReLU or ordinary norm",
            )
    with calling.blaming(one):
        logits = network.classify(processed[:2])
    _check_form(one, "logits", logits, (2, network.classes))


def _check_form(one: Declared, what: str, made: object, shape: tuple[int, ...]) -> None:
    if not isinstance(made, Tensor) or tuple(made.shape) != shape:
        said = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
        calling.refuse(one, f"makes {what} {said} of 2 images, expected {shape}")
    if not torch.isfinite(made).all():
        calling.refuse(one, f"makes {what} that are not finite of normal noise, expected numbers")
