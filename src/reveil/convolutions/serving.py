"""Where convolutions on Winograd's points serve, and the points of weights that stay the same."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from reveil.convolutions import points
from reveil.convolutions.maps import LANES, Maps, PatchMaps, PointMaps, few_positions
from reveil.convolutions.products import Shared
from reveil.passing import convolved_positions
from reveil.patches import Geometry

TYPES = torch.float32, torch.float64
# Fewer channels leave the transformations as much work as they save.
FEWEST_CHANNELS = 32
SMALLEST_SIDE = 4
# Multiply-adds that take about half a minute on one core: loading what is compiled takes a second
# of it, compiling it the first time ten.
LOADING_PAYS = 2 * 10**12

_serving: ContextVar[bool] = ContextVar("convolutions", default=False)
_weights: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


@contextmanager
def serving(wanted: bool) -> Iterator[None]:
    """Let convolutions on points serve inside, where they can and pay.

    Whether to ask for them must follow from what a job is to do, not from how far it has come:
    the last digits differ from those of direct convolutions.
    """
    token = _serving.set(wanted and _has_numba())
    try:
        yield
    finally:
        _serving.reset(token)


def active() -> bool:
    """Return whether convolutions are served here."""
    return _serving.get()


def maps_of(geometry: Geometry, outputs: int, x: Tensor) -> Maps | None:
    """Return how a convolution of ``x`` to so many channels is done here, None if it is not."""
    if not _serving.get() or x.device.type != "cpu" or x.dtype not in TYPES:
        return None
    if geometry.channels % LANES or outputs % LANES:
        return None
    if min(geometry.channels, outputs) < FEWEST_CHANNELS:
        return None
    plain = geometry.stride == geometry.dilation == geometry.padding == (1, 1)
    square = geometry.kernel == (points.KERNEL, points.KERNEL)
    if plain and square and min(geometry.size) >= SMALLEST_SIDE:
        return PointMaps(geometry)
    return PatchMaps(geometry, not few_positions(geometry, outputs))


def shared(weight: Tensor, maps: Maps) -> Shared:
    """Return the matrices of an (O, C, kh, kw) weight; kept while it does not change."""
    at_points = isinstance(maps, PointMaps)
    # A change of type or a new ``data`` is no new version.
    state = weight._version, weight.data_ptr(), weight.dtype, at_points
    kept = _weights.get(weight)
    if kept is None or kept[0] != state:
        rows = weight.detach().permute(0, 2, 3, 1).flatten(1).contiguous()
        matrices = points.kernel_points(rows) if at_points else rows[None]
        kept = _weights[weight] = state, Shared.of(matrices)
    return kept[1]


def multiply_adds(model: nn.Module, shape: tuple[int, int, int]) -> int:
    """Return those of one (C, H, W) image in convolutions wide enough for :func:`maps_of`."""
    return sum(
        layer.weight.numel() * positions
        for layer, positions in convolved_positions(model, shape)
        if min(layer.in_channels, layer.out_channels) >= FEWEST_CHANNELS
    )


@cache
def _has_numba() -> bool:
    try:
        import numba  # noqa: F401
    except ImportError as error:
        logging.getLogger(__name__).info("convolutions by PyTorch alone: %s", error)
        return False
    return True
