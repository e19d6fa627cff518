"""Row runs: what the report's code meant to remove (sections 1.5 and 2.2)."""

import torch
from torch import Tensor

from reveil.unir.operators.masks import Scattered


class RowRuns(Scattered):
    """Runs of random rows, until their lengths add up to p H W.

    A run goes from one of two random columns up to, and without, the other, so that the last column
    is always observed. Overlaps count twice, so that fewer than p of the values are missing:
    ``missing_rate`` tells how many.
    """

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, C or 1, H, W) bool, every channel's runs by themselves if ``per_channel``."""
        shape = (n, self._mask_channels(), *self.shape[1:])
        _, height, width = self.shape
        masks, to_remove = n * shape[1], self.settings.share * height * width
        # +1 where a run starts and -1 where it ends.
        steps = torch.zeros(masks, height * width, dtype=torch.int32)
        removed = torch.zeros(masks, 1, dtype=torch.int64)
        while (removed < to_remove).any():
            draws = torch.rand(masks, 2 * height, 3, generator=generator, dtype=torch.float64)
            places = (draws[:, :, 0] * height).long() * width
            ends = (draws[:, :, 1:] * width).long().sort(2).values
            totals = removed + (ends[:, :, 1] - ends[:, :, 0]).cumsum(1)
            # The run that reaches the goal still counts, those after it do not.
            reached = torch.cat([removed, totals[:, :-1]], 1) >= to_remove
            step = (~reached).int()
            steps.scatter_add_(1, places + ends[:, :, 0], step)
            steps.scatter_add_(1, places + ends[:, :, 1], -step)
            removed = totals[:, -1:]
        return steps.view(shape).cumsum(3) == 0
