"""Missing values from the observed ones around them: masked median, normalised convolution."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.unir.reconstruct.interface import Method
from reveil.unir.reconstruct.observed import mean_filled, seen

# Values of windows held at once.
_AT_ONCE = 2**23


class Median(Method):
    """The median of the observed values in the smallest window of 3, 5, 7, ... that holds one."""

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        values, mask = seen(y, self.known.operator)
        found = mean_filled(values, mask)
        # Without an observed value no window holds one, and `found` is what stays.
        pending = ~mask & mask.flatten(2).any(2)[..., None, None]
        radius = 1
        while pending.any():
            near = F.max_pool2d(mask.to(y.dtype), 2 * radius + 1, 1, radius) > 0
            places = (pending & near).nonzero()
            for part in places.split(max(1, _AT_ONCE // (2 * radius + 1) ** 2)):
                found[tuple(part.T)] = _median(values, mask, part, radius)
            pending &= ~near
            radius += 1
        return found


def _median(values: Tensor, mask: Tensor, places: Tensor, radius: int) -> Tensor:
    """Return (K,) medians of the observed values around ``places``, (K, 4) indices."""
    image, channel, row, column = places.T
    reach = torch.arange(-radius, radius + 1, device=values.device)
    rows = (row[:, None] + reach)[:, :, None]
    columns = (column[:, None] + reach)[:, None, :]
    inside = (rows >= 0) & (rows < values.shape[2]) & (columns >= 0) & (columns < values.shape[3])
    at = (
        image[:, None, None],
        channel[:, None, None],
        rows.clamp(0, values.shape[2] - 1),
        columns.clamp(0, values.shape[3] - 1),
    )
    window = torch.where(mask[at] & inside, values[at], torch.inf).flatten(1).sort(1).values
    count = window.isfinite().sum(1, keepdim=True)
    return (window.gather(1, (count - 1) // 2) + window.gather(1, count // 2)).squeeze(1) / 2


class Normalised(Method):
    """Normalised convolution: blur(m y) / blur(m) where values are missing (section 8.2).

    The Gaussian is not cut off. Where it is too narrow to reach an observed value in double
    precision, the mean of the observed ones stands in.
    """

    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        values, mask = seen(y, self.known.operator)
        weight = self._blur(mask.double())
        near = self._blur(values.double()) / weight
        near = torch.where(weight > 0, near.nan_to_num(), mean_filled(values, mask).double())
        return torch.where(mask, values, near.to(values.dtype))

    def _blur(self, images: Tensor) -> Tensor:
        rows, columns = (
            _gaussian(size, self.settings.sigma).to(images) for size in images.shape[2:]
        )
        return rows @ images @ columns


def _gaussian(size: int, sigma: float) -> Tensor:
    """Return (size, size) weights exp(-(i - j)^2 / (2 sigma^2)), float64."""
    place = torch.arange(size, dtype=torch.float64)
    return torch.exp(-((place[:, None] - place) ** 2) / (2 * sigma**2))


METHODS = {"median": Median, "normalised": Normalised}
