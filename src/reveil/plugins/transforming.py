"""The transformations of plug-ins: what victims do. What attackers are told is in `told`.

Apart from it, as networks are trained under what stands here.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from reveil.plugins import calling, known
from reveil.plugins.known import Declared


def find(name: str) -> Declared:
    """Return the transformation that a plug-in gives under a name."""
    one = known.find(known.POLICY, name, known.ATS)
    assert one is not None, f"{name!r} is checked when a policy is read"
    return one


def apply(one: Declared, images: Tensor, streams: Sequence[torch.Generator]) -> Any:
    """Return what victims make of uint8 images (B, C, H, W), unchecked.

    Raises:
        PluginError: it fails.
    """
    if one.has("apply"):
        return call(one, "apply", images, streams)
    return calling.call(one, images, streams, **one.parameters)


def call(one: Declared, method: str, *arguments: Any) -> Any:
    """Return what a method of a transformation that is a class returns.

    Raises:
        PluginError: it fails.
    """
    subject = _subject(one)
    with calling.blaming(one):
        return getattr(subject, method)(*arguments)


@cache
def _subject(one: Declared) -> Any:
    """Return the object of a class, made once in a process."""
    return calling.call(one, **one.parameters)
