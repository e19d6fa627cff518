"""Extract-patch: a part of the image that lost its position (section 2.4)."""

import torch
from torch import Tensor
from torch.nn import functional

from reveil.unir.operators.base import Operator
from reveil.unir.operators.positions import sample_positions


class Extract(Operator):
    """A rectangle moved to the centre of an image of ``fill``; theta is its upper left corner.

    The measurement does not line up with the image, so it has no mask.
    """

    def sample_theta(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw (n, 2) row and column of the corner, int64."""
        return sample_positions(self.settings, self.shape, n, generator)

    def apply(self, x: Tensor, theta: Tensor) -> Tensor:
        """Return the rectangles at the centre; of an odd rest the larger half is after them."""
        channels, height, width = self.shape
        tall, wide = self.settings.extent(height, width)
        rows = theta[:, :1] + torch.arange(tall, device=theta.device)
        columns = theta[:, 1:] + torch.arange(wide, device=theta.device)
        places = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)
        places = places[:, None].expand(-1, channels, -1)
        parts = x.flatten(2).gather(2, places).view(-1, channels, tall, wide)
        above, left = (height - tall) // 2, (width - wide) // 2
        around = (left, width - wide - left, above, height - tall - above)
        return functional.pad(parts, around, value=self.settings.fill)
