"""What every reconstruction has in common, and how one is made and run."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor

from reveil.chunks import run_in_chunks
from reveil.errors import ReveilError
from reveil.unir.methods import MODULES, MethodSettings, is_plugged, require
from reveil.unir.networks.interface import Reconstructor
from reveil.unir.operators.base import Operator


@dataclass(frozen=True)
class Known:
    """What a reconstruction may use beside the measurement: no image, and no theta.

    Attributes:
        operator: how the measurement was made.
        seed: of what a method draws.
        training: (M, *output_shape) measurements of other images, for ``mean-image``.
        network: the trained generator, for ``network``, with the weights that the preset names.
    """

    operator: Operator
    seed: int
    training: Tensor | None = None
    network: Reconstructor | None = None


@dataclass(frozen=True)
class Reconstruction:
    """What was made of B measurements: what the judge compares with the hidden images.

    Attributes:
        images: (B, C, H, W) float32 on the CPU, in [-1, 1] but for ``keep`` of noisy measurements.
        seconds: of work for one image.
    """

    images: Tensor
    seconds: float


@dataclass(frozen=True)
class Samples:
    """Images that a generator made of noise: of no measurement, so that no judge takes them.

    Attributes:
        images: (N, C, H, W) float32 in [-1, 1].
    """

    images: Tensor


class Method(ABC):
    """A reconstruction with its settings.

    Attributes:
        chunk: images at a time; it changes no result.
    """

    chunk = 256

    def __init__(self, settings: MethodSettings, known: Known) -> None:
        """Prepare what all images share.

        Raises:
            ReveilError: something that the method needs is not known.
        """
        self.settings, self.known = settings, known

    @abstractmethod
    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        """Return x_hat, (B, C, H, W), each image by itself.

        Args:
            y: (B, *output_shape) measurements.
            index: (B,) numbers of the images in their split, for what is drawn.
        """


def make(settings: MethodSettings, known: Known) -> Method:
    """Return the reconstruction of a preset.

    Raises:
        ReveilError: it is not applicable to the operator, or needs what is not known.
    """
    require(settings.method, known.operator.settings)
    if is_plugged(settings.method):
        from reveil.unir.reconstruct.plugged import Plugged

        return Plugged(settings, known)
    module = import_module(f"reveil.unir.reconstruct.{MODULES[settings.method]}")
    return module.METHODS[settings.method](settings, known)


def reconstruct(
    y: Tensor, index: Sequence[int], settings: MethodSettings, known: Known
) -> Reconstruction:
    """Make images of measurements.

    Args:
        y: (B, *output_shape), on the device to work on.
        index: (B,) numbers of the images in their split.

    Raises:
        ReveilError: the method is not applicable, needs what is not known, or measurements and
            indices differ in number.
    """
    if len(index) != len(y):
        raise ReveilError(f"index: {len(index)} for {len(y)} measurements; allowed: one each")
    method = make(settings, known)
    start = time.perf_counter()
    pieces = run_in_chunks(
        lambda piece: method.restore(y[piece], index[piece]).detach().float().cpu(),
        len(y),
        method.chunk,
        what=f"reconstruct by {settings.method}, images",
    )
    seconds = (time.perf_counter() - start) / max(1, len(y))
    shape = known.operator.shape
    return Reconstruction(torch.cat(pieces) if pieces else y.new_zeros((0, *shape)), seconds)


def hard_consistency(x_hat: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Return m y + (1 - m) x_hat: observed values are copied in (section 2.3).

    Args:
        x_hat: (B, C, H, W).
        y: likewise, on the scale of the image; see ``Operator.observed_values``.
        mask: (B, C or 1, H, W), 1 where a value is observed.
    """
    return torch.where(mask.bool(), y, x_hat)
