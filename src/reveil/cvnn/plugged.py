"""Protections that plug-ins give: features changed before they leave the device."""

import torch
from torch import Tensor

from reveil.cvnn.protections import Protection
from reveil.plugins import calling, known


def protect(protection: Protection, features: Tensor, noise: Tensor) -> Tensor:
    """Return what a plug-in makes of features.

    Args:
        protection: with the plug-in's name as its kind.
        features: (B, c, h, w).
        noise: standard normal, of the same shape.

    Raises:
        PluginError: it fails, or returns something else than finite features of this shape.
    """
    one = known.find(known.POLICY, protection.kind, known.CVNN)
    made = calling.call(one, features, noise, **protection.parameters)
    if not isinstance(made, Tensor) or made.shape != features.shape:
        said = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
        calling.refuse(one, f"returned features of {said}, expected {tuple(features.shape)}")
    if not torch.isfinite(made).all() and torch.isfinite(features).all():
        calling.refuse(one, "returned features that are not finite, expected numbers")
    if features.requires_grad and not made.requires_grad:
        calling.refuse(one, "is not differentiable, expected that the encoder can learn through it")
    return made
