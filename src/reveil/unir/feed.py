"""What the steps of a training are fed with: batches of measurements, and what belongs to them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.preset_values import AUTO
from reveil.rng import generator as stream
from reveil.unir import methods
from reveil.unir.operators.base import Operator
from reveil.unir.operators.interface import make as make_operator
from reveil.unir.operators.measurements import STORE_BYTES, Measurements
from reveil.unir.reconstruct.interface import Known, Method, make
from reveil.unir.variants import OTHER_CLEAN, RESTORED, UNMEASURE_BLUR, Variant

# Settings of the classical methods that restore measurements, those of the presets of their names.
RESTORING: Mapping[str, Any] = {
    "weights": "last",
    "sigma": 1.5,
    "iterations": 400,
    "learning_rate": 0.05,
    "delta": 1e-4,
    "weight": 0.1,
    "noise_to_signal": AUTO,
    "width": 16,
}
# Gaussian of AmbientGAN's code.
GAUSSIAN: Mapping[str, Any] = {
    "kind": "blur",
    "kernel": "gaussian",
    "kernel_size": 5,
    "kernel_radius": 1.0,
    "noise_std": 0.0,
}


@dataclass(frozen=True)
class Data:
    """What a batch gives, on the device; what a variant does not use is None.

    Attributes:
        y: measurements, (B, ...).
        clean: the images behind them, (B, C, H, W).
        others: clean images of others, (B, C, H, W).
        restored: y as a classical method restores it, (B, C, H, W).
    """

    y: Tensor
    clean: Tensor | None = None
    others: Tensor | None = None
    restored: Tensor | None = None


class Feed:
    """Batches by their number: epoch after epoch, each in an order of its own.

    A batch is always whole: what an epoch has left over is left out of it.

    Args:
        measurements: to learn from.
        variant: what is looked at; clean images are not touched where it does not ask for them.
        recipe: its ``batch_size``, and the ``reconstruction``'s ``unmeasure``.
        seed: of the order.

    Raises:
        ReveilError: there are too few measurements.
    """

    def __init__(
        self, measurements: Measurements, variant: Variant, recipe: Mapping[str, Any], seed: int
    ) -> None:
        self.measurements, self.variant, self.seed = measurements, variant, seed
        self.batch = recipe["batch_size"]
        self.per_epoch = len(measurements) // self.batch
        least = 2 if variant.real == OTHER_CLEAN else 1
        if self.per_epoch < least:
            raise ReveilError(
                f"recipe.batch_size: {self.batch} is not allowed for {len(measurements)} training "
                f"measurements; allowed: 1 to {len(measurements) // least}"
            )
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))
        self._restored: Restored | None = None
        if variant.real == RESTORED:
            method = recipe["reconstruction"]["unmeasure"]
            self._restored = Restored(measurements, method, seed)

    def epoch(self, batch: int) -> int:
        """Return the epoch, from 0, of a batch."""
        return batch // self.per_epoch

    def rows(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return the rows of a batch, and those of as many other images."""
        epoch, place = divmod(batch, self.per_epoch)
        if self._order[0] != epoch:
            source = stream(self.seed, "order", epoch)
            self._order = epoch, torch.randperm(len(self.measurements), generator=source)
        order, start = self._order[1], place * self.batch
        following = torch.arange(start + self.batch, start + 2 * self.batch) % len(order)
        return order[start : start + self.batch], order[following]

    def data(self, batch: int, arrange: Callable[[Tensor], Tensor]) -> Data:
        """Return what a batch gives.

        Args:
            arrange: puts tensors on the device.
        """
        rows, others = self.rows(batch)
        y = self.measurements.y(rows, self.epoch(batch))
        clean = of_others = restored = None
        if self.variant.clean:
            clean = arrange(self.measurements.clean(rows))
        if self.variant.real == OTHER_CLEAN:
            of_others = arrange(self.measurements.clean(others))
        if self._restored is not None:
            restored = arrange(self._restored(rows, y))
        return Data(arrange(y), clean, of_others, restored)


class Restored:
    """Measurements restored by a classical method, which AmbientGAN's baseline learns from.

    What is made of fixed measurements is kept, up to the bytes that their thetas may take.

    Args:
        measurements: to restore.
        method: ``blur``, or one of :mod:`reveil.unir.methods`.
        seed: of what a method draws.
    """

    def __init__(self, measurements: Measurements, method: str, seed: int) -> None:
        operator = measurements.operator
        self.method = (
            Blurred(operator) if method == UNMEASURE_BLUR else _method(method, operator, seed)
        )
        self.indices = measurements.indices
        self.done = torch.zeros(len(measurements), dtype=torch.bool)
        self.kept: Tensor | None = None
        if measurements.corruption == "fixed" and 4 * self._values(operator) <= STORE_BYTES:
            self.kept = torch.empty(len(measurements), *operator.shape)

    def __call__(self, rows: Tensor, y: Tensor) -> Tensor:
        """Return (B, C, H, W) of measurements y and their rows."""
        if self.kept is None:
            return self._made(rows, y)
        new = ~self.done[rows]
        if new.any():
            self.kept[rows[new]] = self._made(rows[new], y[new])
            self.done[rows[new]] = True
        return self.kept[rows]

    def _made(self, rows: Tensor, y: Tensor) -> Tensor:
        return self.method.restore(y, self.indices[rows.numpy()].tolist()).detach()

    def _values(self, operator: Operator) -> int:
        return len(self.done) * math.prod(operator.shape)


class Blurred:
    """A Gaussian blur of the measurement as it is, as in AmbientGAN's code."""

    def __init__(self, operator: Operator) -> None:
        settings = replace(operator.settings, name=UNMEASURE_BLUR, **GAUSSIAN)
        self.blur = make_operator(settings, operator.shape)

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        """Return the blurred measurements (B, C, H, W)."""
        return self.blur.apply(y, self.blur.sample_theta(len(y), torch.Generator()))


def _method(name: str, operator: Operator, seed: int) -> Method:
    settings = methods.from_values(name, {**RESTORING, "method": name})
    return make(settings, Known(operator, seed))
