"""Defences that plug-ins give, of one gradient at a time."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reveil.plugins import calling, known


def defended(
    name: str, gradients: Sequence[Tensor], streams: Sequence[torch.Generator]
) -> list[Tensor]:
    """Return P gradients as a plug-in lets them out; the given ones stay as they are.

    Args:
        name: of the defence.
        gradients: one (P, *shape) tensor per parameter.
        streams: P, on the CPU.

    Raises:
        PluginError: it fails, or returns something else than tensors of these shapes and numbers.
    """
    one = known.find(known.DEFENCE, name)
    made = [torch.empty_like(g) for g in gradients]
    for problem, stream in enumerate(streams):
        given = [g[problem].clone() for g in gradients]
        found = calling.call(one, given, stream, **one.parameters)
        _check(one, found, gradients)
        for into, values in zip(made, found, strict=True):
            into[problem] = values.detach()
    return made


def _check(one: known.Declared, found: object, gradients: Sequence[Tensor]) -> None:
    if not isinstance(found, list | tuple) or not all(isinstance(g, Tensor) for g in found):
        calling.refuse(one, f"returned {type(found).__name__}, expected a list of tensors")
    shapes = [tuple(g.shape) for g in found]
    expected = [tuple(g.shape[1:]) for g in gradients]
    if shapes != expected:
        calling.refuse(one, f"returned tensors of {shapes}, expected those of {expected}")
    for place, values in enumerate(found):
        if not torch.isfinite(values).all():
            calling.refuse(
                one, f"returned numbers that are not finite in tensor {place}, expected finite ones"
            )
