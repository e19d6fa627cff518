"""The measurement as it is, and mean values."""

from collections.abc import Sequence

from torch import Tensor

from reveil.errors import ReveilError
from reveil.unir.methods import MethodSettings
from reveil.unir.reconstruct.interface import Known, Method
from reveil.unir.reconstruct.observed import mean_filled, seen


class Keep(Method):
    """x_hat = y, noise and fill included, on the scale of the image."""

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        return self.known.operator.observed_values(y)


class MeanImage(Method):
    """x_hat is the mean training measurement, of observed values where they can be told.

    Noise has mean 0 and drops out, a blur stays in. Where no training measurement shows a value
    the mean of its channel stands in.
    """

    def __init__(self, settings: MethodSettings, known: Known) -> None:
        super().__init__(settings, known)
        if known.training is None or not len(known.training):
            raise ReveilError(
                f"reconstruction {settings.name!r}: needs measurements of other images, and there "
                "are none"
            )
        if not known.operator.observable:
            self.mean = known.training.double().mean(0, keepdim=True)
            return
        values, mask = seen(known.training, known.operator)
        count = mask.sum(0, keepdim=True)
        mean = values.double().sum(0, keepdim=True) / count.clamp(min=1)
        self.mean = mean_filled(mean, count > 0)

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        return self.mean.to(y).expand_as(y).clamp(-1, 1)


class MeanFill(Method):
    """Missing values get the mean of the observed ones of their channel."""

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        return mean_filled(*seen(y, self.known.operator))


METHODS = {"keep": Keep, "mean-image": MeanImage, "mean-fill": MeanFill}
