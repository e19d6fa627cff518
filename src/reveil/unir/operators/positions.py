"""Where a rectangle lies in an image."""

import torch
from torch import Tensor

from reveil.unir.operators.settings import OperatorSettings

Shape = tuple[int, int, int]


def sample_positions(
    settings: OperatorSettings, shape: Shape, n: int, generator: torch.Generator
) -> Tensor:
    """Draw the upper left corners of n rectangles.

    Offsets are uniform in 0 .. H - h (2.1), or up to H - h - 1 without the last position (2.4); a
    side as long as the image's has one offset in either case.

    Args:
        settings: with the extent of the rectangle.
        shape: (C, H, W) of the images.
        n: how many.
        generator: of the CPU.

    Returns:
        (n, 2) row and column, int64.
    """
    _, height, width = shape
    tall, wide = settings.extent(height, width)
    last = int(settings.last_position)
    spans = torch.tensor([max(height - tall + last, 1), max(width - wide + last, 1)])
    # One call for both: an image's draw must not depend on how many are drawn beside it.
    return (torch.rand(n, 2, generator=generator, dtype=torch.float64) * spans).long()


def inside(settings: OperatorSettings, shape: Shape, corners: Tensor) -> Tensor:
    """Return (n, 1, H, W) bool, true in the rectangles with corners (n, 2)."""
    _, height, width = shape
    tall, wide = settings.extent(height, width)
    rows = torch.arange(height, device=corners.device) - corners[:, 0, None]
    columns = torch.arange(width, device=corners.device) - corners[:, 1, None]
    in_rows = (rows >= 0) & (rows < tall)
    in_columns = (columns >= 0) & (columns < wide)
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
