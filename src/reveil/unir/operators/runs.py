"""Row runs: what the report's code meant to remove (sections 1.5 and 2.2)."""

import torch
from torch import Tensor

from reveil.unir.operators.masks import Masking


class RowRuns(Masking):
    """Runs of random rows, until their lengths add up to p H W; theta is what is kept.

    A run goes from one of two random columns up to, and without, the other, so that the last column
    is always observed. Overlaps count twice, so that fewer than p of the values are missing:
    ``missing_rate`` tells how many.
    """

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, C or 1, H, W) bool, every channel's runs by themselves if ``per_channel``."""
        _, height, width = self.shape
        masks = n * self._mask_channels()
        kept = torch.stack([self._channel(generator) for _ in range(masks)])
        return kept.view(n, self._mask_channels(), height, width)

    def kept(self, theta: Tensor) -> Tensor:
        """Return theta."""
        return theta

    def _channel(self, generator: torch.Generator) -> Tensor:
        """Return (H, W) bool, false in the runs."""
        _, height, width = self.shape
        to_remove = self.settings.share * height * width
        # (H, W + 1): +1 where a run starts and -1 where it ends.
        steps = torch.zeros(height * (width + 1), dtype=torch.int64)
        removed = 0
        while removed < to_remove:
            draws = torch.rand(height, 3, generator=generator, dtype=torch.float64)
            rows = (draws[:, 0] * height).long()
            ends = (draws[:, 1:] * width).long().sort(1).values
            lengths = (ends[:, 1] - ends[:, 0]).cumsum(0)
            needed = int((removed + lengths < to_remove).sum()) + 1
            first = rows[:needed] * (width + 1)
            steps.index_add_(0, first + ends[:needed, 0], torch.ones_like(first))
            steps.index_add_(0, first + ends[:needed, 1], -torch.ones_like(first))
            removed += int(lengths[:needed][-1])
        return steps.view(height, width + 1)[:, :width].cumsum(1) == 0

    def _mask_channels(self) -> int:
        return self.shape[0] if self.settings.per_channel else 1
