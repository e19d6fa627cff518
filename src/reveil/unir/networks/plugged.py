"""Generators that plug-ins give, and the early check that they make images of measurements."""

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.models.plugged import check_module
from reveil.plugins import calling, known
from reveil.rng import generator
from reveil.unir.networks.interface import Reconstructor
from reveil.unir.networks.settings import Blueprint


class Plugged(Reconstructor):
    """The network of a plug-in; its layers and their first weights are its own.

    Raises:
        PluginError: the plug-in fails, or returns no network.
        ReveilError: ``spectral_norm: both``, which is a matter of how layers are made.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint)
        if blueprint.settings.spectral_norm == "both":
            raise ReveilError(
                f"reconstruction.spectral_norm: 'both' is not allowed with {blueprint.model}, a "
                "plug-in's, whose layers are its own; allowed: none, critic"
            )
        one = known.find(known.MODEL, blueprint.model, known.UNIR)
        body = calling.call(one, blueprint.channels, blueprint.size, **one.parameters)
        check_module(one, body)
        self.body = body

    def values(self, y: Tensor) -> Tensor:
        return self.body(y)


def check(network: Plugged) -> None:
    """Refuse a network that does not make finite values of the form of its measurements.

    Args:
        network: on the CPU; its mode and weights are left as they are.

    Raises:
        PluginError: it does not; with what it makes.
    """
    blueprint = network.blueprint
    one = known.find(known.MODEL, blueprint.model, known.UNIR)
    shape = (2, blueprint.channels, blueprint.size, blueprint.size)
    y = torch.randn(shape, generator=generator(0, "plug-in", blueprint.model))
    training = network.training
    network.eval()
    try:
        with torch.no_grad(), calling.blaming(one):
            values = network.values(y)
    finally:
        network.train(training)
    if not isinstance(values, Tensor) or tuple(values.shape) != shape:
        said = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        calling.refuse(one, f"makes {said} of measurements {shape}, expected {shape}")
    if not values.is_floating_point() or not torch.isfinite(values).all():
        calling.refuse(one, "makes values that are no finite floating point, expected such")
