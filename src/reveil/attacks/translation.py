"""The attacker who knows of translations (Warmerdam et al. 2022, insight 1).

Beside the image x a shift t is unknown, and what goes through the model is Trans_t(x). One
optimiser steps both, along the sign of the gradient for x alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from reveil.attacks.interface import Reconstruction
from reveil.attacks.labels import with_labels
from reveil.attacks.moves import shift
from reveil.attacks.optimise import Matching
from reveil.attacks.run import Live, run_block
from reveil.attacks.settings import Settings
from reveil.bounds import FORMS, bounds_for
from reveil.errors import ReveilError, not_allowed
from reveil.job import State
from reveil.scene import Shared

PADDINGS = ("zero", "black")


@dataclass(frozen=True)
class TranslationSettings(Settings):
    """The parameters of the attack, checked.

    Attributes:
        bounds: limits of |t_x| and |t_y|, see :func:`reveil.bounds.bounds_for`.
        padding: what is shifted in during the attack: ``zero``, as published, is 0 in normalised
            space, the mean colour; ``black`` is what the victims' shifts fill in.
    """

    bounds: str | Sequence[float]
    padding: str

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Check and take the parameters; see :meth:`Settings.of`."""
        settings = super().of(parameters)
        if settings.padding not in PADDINGS:
            raise ReveilError(not_allowed("padding", settings.padding, PADDINGS))
        bounds = settings.bounds
        named = bounds in ("published", "policy")
        if not named and (isinstance(bounds, str) or len(bounds) != 2 or min(bounds) < 0):
            raise ReveilError(f"bounds: {bounds!r} is not allowed; allowed: {FORMS}")
        return settings


def reconstruct(
    model: nn.Module,
    shared: Shared,
    parameters: Mapping[str, Any],
    images: Sequence[int],
    seed: int,
    *,
    device: torch.device,
    chunk: int | str = "auto",
    state: State | None = None,
    dtype: torch.dtype = torch.float32,
    loss_factor: float = 1.0,
) -> Reconstruction:
    """Reconstruct a block; see :func:`reveil.attacks.reconstruct`."""
    settings = TranslationSettings.of(parameters)
    return run_block(
        with_labels(Translated, settings),
        settings,
        model,
        shared,
        images,
        seed,
        device=device,
        chunk=chunk,
        state=state,
        dtype=dtype,
        loss_factor=loss_factor,
        rows=shared.batch,
    )


class Translated(Matching):
    """Descent on images and a shift for each of them.

    The judge gets Trans_t(x) with black padding, whatever the padding of the attack: Warmerdam et
    al. apply Trans_t to the reconstruction on the scale of pixels, where 0 is black. Total
    variation is that of x.
    """

    settings: TranslationSettings

    def __init__(
        self, model: nn.Module, shared: Shared, settings: TranslationSettings, loss_factor: float
    ) -> None:
        super().__init__(model, shared, settings, loss_factor)
        limits = bounds_for(
            settings.bounds,
            shared.policy,
            shared.augment or "none",
            shared.shape[-1],
            shared.crop_shift,
        )
        self.limits = self.low.new_tensor(limits)

    def begin(self, images: Sequence[int], seed: int, restart: int) -> Live:
        """Return the images as without shifts, and shifts of 0."""
        variables = super().begin(images, seed, restart)
        x = variables["x"]
        return {**variables, "t": x.new_zeros(*x.shape[:-3], 2)}

    def seen(self, variables: Live) -> Tensor:
        """Return the shifted images."""
        fill = self.low if self.settings.padding == "black" else 0.0
        return self._shifted(variables, fill)

    def limited(self, name: str, variable: Tensor) -> Tensor:
        """Return a variable within what is allowed for it."""
        if name == "t":
            return torch.minimum(torch.maximum(variable, -self.limits), self.limits)
        return super().limited(name, variable)

    def guess(self, live: Live) -> Tensor:
        """Return the images as the victims used them."""
        return self._shifted(live, self.low)

    def extras(self, live: Live) -> Live:
        """Return further results.

        Returns:
            t: (P, [b,] 2) shifts (t_x, t_y) in half widths; positive moves content left and up.
            x_unshifted: (P, [b,] C, H, W) the images before the shift, normalised.
        """
        return {**super().extras(live), "t": live["t"], "x_unshifted": live["x"]}

    def _shifted(self, variables: Live, fill: float | Tensor) -> Tensor:
        x, t = variables["x"], variables["t"]
        return shift(x.flatten(0, -4), t.flatten(0, -2), fill).view(x.shape)
