"""How large networks are: multiply-adds of an image, and bytes of the weights.

Counted on networks without weights, so nothing is calculated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import nn

from reveil import datasets
from reveil.cvnn import multiply_adds, private
from reveil.cvnn.protections import Protection
from reveil.models.blank import blank
from reveil.models.zoo import construct
from reveil.plugins import known
from reveil.unir.names import is_reconstructor, reconstructs
from reveil.unir.networks import Blueprint, NetworkSettings
from reveil.unir.networks import zoo as generators

# What a weight takes in a file.
WEIGHT_BYTES = 4
# Of what generators draw their images from, as far as counting goes.
PADDED = 32

# What stands for a network of a plug-in, by study: what it builds is known once its code is run,
# which plans never do.
TAKEN_FOR = {known.ATS: "resnet20-1", known.CVNN: "resnet20-alpha", known.UNIR: "unet"}

# Values of a protection that change no layer with weights.
_WEIGHTLESS: Mapping[str, Any] = {
    "name": "",
    "k": 2,
    "fake_angles": "uniform",
    "counterpart": "pair",
    "swap": "none",
    "threshold": "one",
    "norm_over": "channel",
    "norm_parts": "modulus",
    "norm_test": "running",
    "coefficients": "differentiated",
    "gamma": 0.0,
    "noise": "fresh",
}
# Those that change none where features are not rotated.
_UNROTATED: Mapping[str, Any] = {"kind": "original", "weights": "real"}


@dataclass(frozen=True)
class Network:
    """What one image costs.

    Attributes:
        products: multiply-adds of convolutions and linear layers, forward, for one image.
        against: those of the critic or discriminator that it is trained against.
        bytes: of the weights, the adversary's included where they are kept with them.
    """

    products: float
    against: float
    bytes: int


@cache
def network(model: str, dataset: str, protection: Protection | None = None) -> Network:
    """Return the size of a network on the images of a dataset.

    Args:
        model: a name of :mod:`reveil.models.names`, :mod:`reveil.cvnn.names` or
            :mod:`reveil.unir.names`.
        dataset: whose images it takes.
        protection: of a private network; None for one of another kind.

    Raises:
        ReveilError: an unknown name, or images that the network cannot take.
    """
    if plugged := known.network(model):
        model = TAKEN_FOR[plugged.study]
    data = datasets.get(dataset)
    # Networks of 28 pixels see 32 of them under the usual pipeline.
    size = max(data.input_size, PADDED)
    if protection is not None:
        return _private(model, sized(protection), data.channels, size, data.classes)
    if is_reconstructor(model):
        return _generator(model, data.channels, size)
    # Policies are defined on colour, so that grey images come as three channels.
    with blank():
        built = construct(model, 3, size, data.classes)
    return Network(_forward(built, (3, size, size)), 0.0, _bytes(built))


def sized(protection: Protection) -> Protection:
    """Return one protection for all whose networks have the same layers with weights.

    Dozens of protections come to a few networks, and counting one takes a twentieth of a second.
    """
    said = dict(_WEIGHTLESS if protection.rotates else {**_WEIGHTLESS, **_UNROTATED})
    # A critic has batch norm where its weights are clipped, whatever else it is trained with.
    if protection.adversary != "wgan-clip":
        said["adversary"] = "none"
    return replace(protection, **said)


@cache
def _private(model: str, protection: Protection, channels: int, size: int, classes: int) -> Network:
    with blank():
        built = private.PrivateNetwork(model, protection, channels, size, classes)
        critic = private.construct_critic(built)
    parts = multiply_adds.tested_multiply_adds(built.eval())
    products = sum(parts[part] for part in ("device", "generator", "cloud", "decoder"))
    features = tuple(built.feature_shape)
    return Network(products, _forward(critic, features), _bytes(built) + _bytes(critic))


def _generator(model: str, channels: int, size: int) -> Network:
    blueprint = Blueprint(model, channels, size, NetworkSettings())
    shape = (channels, size, size)
    with blank():
        built = generators.construct(blueprint)
        critic = generators.construct_discriminator(blueprint, shape, False)
    given = shape if reconstructs(model) else (built.latent_size,)
    return Network(_forward(built, given), _forward(critic, shape), _bytes(built) + _bytes(critic))


def _bytes(module: nn.Module) -> int:
    return WEIGHT_BYTES * sum(weight.numel() for weight in module.parameters())


def _forward(module: nn.Module, shape: tuple[int, ...]) -> float:
    return float(multiply_adds.forward(module.eval(), torch.zeros(1, *shape, device="meta"))[1])
