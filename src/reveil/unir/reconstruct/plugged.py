"""Reconstructions that plug-ins give: a function of measurements, each image by itself."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reveil.plugins import calling, known
from reveil.unir.methods import MethodSettings
from reveil.unir.reconstruct.interface import Known, Method

# Float sums may be taken in another order where there are more images.
CLOSE = 1e-3


class Plugged(Method):
    """x_hat as a plug-in makes it.

    Raises:
        PluginError: it fails, returns no images of the right form, or an image depends on those
            beside it, which the first call tries.
    """

    def __init__(self, settings: MethodSettings, given: Known) -> None:
        super().__init__(settings, given)
        self.one = known.find(known.ATTACK, settings.method, known.UNIR)
        self.tried = False

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        made = self._made(y, index)
        if not self.tried and len(y) > 1:
            self.tried = True
            alone = self._made(y[-1:], index[-1:])
            if not torch.allclose(alone, made[-1:], atol=CLOSE, rtol=CLOSE):
                calling.refuse(
                    self.one,
                    "makes something else of a measurement by itself than beside others, expected "
                    "that each depends on its own alone",
                )
        return made

    def _made(self, y: Tensor, index: Sequence[int]) -> Tensor:
        parameters = self.settings.parameters
        made = calling.call(self.one, y.clone(), self.known, list(index), **parameters)
        expected = (len(y), *self.known.operator.shape)
        if not isinstance(made, Tensor):
            calling.refuse(self.one, f"returned {type(made).__name__}, expected images {expected}")
        if tuple(made.shape) != expected or not made.is_floating_point():
            said = f"{made.dtype} {tuple(made.shape)}"
            calling.refuse(self.one, f"returned {said}, expected floating point {expected}")
        if not torch.isfinite(made).all():
            calling.refuse(self.one, "returned values that are not finite, expected -1 to 1")
        if made.abs().max() > 1 + CLOSE:
            said = f"{made.min():.3g} to {made.max():.3g}"
            calling.refuse(self.one, f"returned values from {said}, expected -1 to 1")
        return made.detach().clamp(-1, 1).to(y.device)
