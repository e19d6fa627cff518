"""Measurement operators that plug-ins give: classes of the user's that extend ``Operator``."""

import torch
from torch import Tensor

from reveil.plugins import calling, known
from reveil.rng import generator
from reveil.unir.operators.base import Operator
from reveil.unir.operators.settings import OperatorSettings


def made(settings: OperatorSettings, shape: tuple[int, int, int]) -> Operator:
    """Return the operator of a plug-in for images of a shape (C, H, W), tried on two of them.

    Raises:
        PluginError: it fails, is no ``Operator``, or makes no measurements of images.
    """
    one = known.find(known.POLICY, settings.kind, known.UNIR)
    thing = calling.load(one)
    if not (isinstance(thing, type) and issubclass(thing, Operator)):
        calling.refuse(
            one, "is no class that extends reveil.unir.operators.base.Operator, which was expected"
        )
    with calling.blaming(one):
        operator = thing(settings, shape)
    _try(one, operator)
    return operator


def _try(one: known.Declared, operator: Operator) -> None:
    x = torch.rand(2, *operator.shape, generator=generator(0, "plug-in", one.name)) * 2 - 1
    with calling.blaming(one), torch.enable_grad():
        theta = operator.sample_theta(2, generator(0, "plug-in theta", one.name))
        first = operator.sample_theta(1, generator(0, "plug-in theta", one.name))
    for said, count in ((theta, 2), (first, 1)):
        if not isinstance(said, Tensor) or said.shape != (count, *theta.shape[1:]):
            calling.refuse(one, f"sample_theta({count}) returned no tensor ({count}, ...)")
    x.requires_grad_()
    with calling.blaming(one), torch.enable_grad():
        y = operator.apply(x, theta)
        alone = operator.apply(x[1:], theta[1:])
    _check(one, operator, y)
    if not torch.allclose(alone, y[1:], atol=1e-5):
        calling.refuse(
            one, "measures an image by itself otherwise than beside others, expected the same"
        )
    if not y.requires_grad:
        calling.refuse(one, "apply is not differentiable in x, expected that trainings can go back")


def _check(one: known.Declared, operator: Operator, y: object) -> None:
    expected = (2, *operator.output_shape)
    if not isinstance(y, Tensor):
        calling.refuse(one, f"apply returned {type(y).__name__}, expected a tensor {expected}")
    if tuple(y.shape) != expected or not y.is_floating_point():
        said = f"{y.dtype} {tuple(y.shape)}"
        calling.refuse(one, f"apply returned {said}, expected floating point {expected}")
    if not torch.isfinite(y).all():
        calling.refuse(one, "apply returned values that are not finite, expected numbers")
