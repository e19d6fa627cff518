"""What the transformations of plug-ins tell attackers: draws, images by a draw, and distances."""

import logging
from functools import cache
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from reveil.plugins import calling, transforming
from reveil.plugins.known import Declared

log = logging.getLogger(__name__)

# Images by which a first look compares `seen` with `apply`, and by how many draws at most.
_IMAGES = 4
_DRAWS = 1024
_WHITE = 255


@cache
def draws(one: Declared, shape: tuple[int, int, int]) -> tuple[Any, ...]:
    """Return all that a victim may have drawn for an image of a shape (C, H, W).

    That none of them gives what ``apply`` does is told in the log, and no error: of what is
    continuous a plug-in can list a grid alone.

    Raises:
        PluginError: it fails, or returns no list, an empty one, or another one when asked again.
    """
    found = transforming.call(one, "draws", shape)
    if not isinstance(found, list | tuple | range) or not len(found):
        said = "nothing" if isinstance(found, list | tuple | range) else type(found).__name__
        calling.refuse(one, f"draws returned {said}, expected a list of all that may be drawn")
    # A resumed attack goes on with the numbers of its draws.
    if repr(transforming.call(one, "draws", shape)) != repr(found):
        calling.refuse(
            one,
            "draws returned two lists, expected the same at every call; they are compared as they "
            "print, as numbers, texts and tuples do",
        )
    _look(one, shape, tuple(found))
    return tuple(found)


def seen(one: Declared, values: Tensor, draw: Any) -> Tensor:
    """Return what a draw makes of values (B, C, H, W) from 0 to 1, with their gradient.

    Raises:
        PluginError: it fails, or returns something of another form.
    """
    made = transforming.call(one, "seen", values, draw)
    if not isinstance(made, Tensor):
        calling.refuse(one, f"seen returned {type(made).__name__}, expected a tensor of values")
    if made.dtype != values.dtype or made.shape != values.shape or made.device != values.device:
        said = f"{made.dtype} {tuple(made.shape)} on {made.device}"
        expected = f"{values.dtype} {tuple(values.shape)} on {values.device}"
        calling.refuse(one, f"seen returned {said}, expected {expected}")
    return made


def reach(one: Declared, size: int) -> tuple[float, float]:
    """Return by how many pixels an image of ``size`` pixels is moved at most, across and down.

    Raises:
        PluginError: it fails, or returns something else than two numbers from 0.
    """
    found = transforming.call(one, "reach", size)
    right = isinstance(found, list | tuple) and len(found) == 2
    if not right or not all(isinstance(n, Real) and 0 <= n < float("inf") for n in found):
        calling.refuse(one, f"reach returned {found!r}, expected pixels (x, y), each from 0")
    return float(found[0]), float(found[1])


def _look(one: Declared, shape: tuple[int, int, int], found: tuple[Any, ...]) -> None:
    """Compare ``seen`` with ``apply`` on random images, in the numbers that attacks have."""
    source = torch.Generator().manual_seed(0)
    images = torch.randint(_WHITE + 1, (_IMAGES, *shape), generator=source, dtype=torch.uint8)
    values = (images / _WHITE).requires_grad_()
    tried = found[:: -(-len(found) // _DRAWS)]
    # It may write into what it is given.
    by_draw = [seen(one, values.clone(), draw) for draw in tried]
    if not any(made.requires_grad for made in by_draw):
        calling.refuse(
            one, "seen returned values without a gradient, expected what autograd can follow"
        )
    if len(tried) < len(found):
        return  # What victims drew may be among the others.
    streams = [torch.Generator().manual_seed(seed) for seed in range(_IMAGES)]
    victims = transforming.apply(one, images.clone(), streams)
    nearest = torch.full((_IMAGES,), torch.inf)
    for made in by_draw:
        gap = (_WHITE * made.detach() - victims).abs().mean((1, 2, 3))
        nearest = nearest.minimum(gap.nan_to_num(nan=torch.inf))
    # A byte is its nearest value.
    if nearest.max() > 0.5:
        log.warning(
            "plug-in %s, policy %r: of its %d draws none gives what it makes of a random image; "
            "the nearest is off by %.1f of 255 in the mean, and so are attackers who try them all",
            one.where,
            one.name,
            len(found),
            nearest.max(),
        )
