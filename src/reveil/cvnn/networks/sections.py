"""What every family returns, and the pieces that several of them share."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from reveil.errors import ReveilError

# From the channels of the features to the layer that ends the encoder.
Ending = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Sections:
    """A network in the order in which features pass it.

    Attributes:
        encoder: (B, C, H, W) images to real features; the generator comes after it.
        processor: of the cloud.
        decoder: real features to logits (B, classes).
        feature_shape: (c, h, w) of the encoder's output.
    """

    encoder: nn.Module
    processor: nn.Module
    decoder: nn.Module
    feature_shape: tuple[int, int, int]


class GlobalPool(nn.Module):
    """Mean over all positions, (B, c, h, w) to (B, c)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(-2, -1))


def require_size(family: str, size: int, least: int) -> None:
    """Refuse images that would leave nothing after the last pooling.

    Raises:
        ReveilError: the side ``size`` is less than ``least`` pixels.
    """
    if size < least:
        raise ReveilError(
            f"size: {size!r} is not allowed with {family}; allowed: {least} pixels or more"
        )


def halve(side: int) -> int:
    """Return the side after a stride of two that keeps the border."""
    return -(-side // 2)
