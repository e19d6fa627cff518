"""Bilinear enlargement of whole uint8 batches, byte for byte what Pillow makes of each image."""

from functools import lru_cache

import torch
from torch import Tensor

from reveil.errors import ReveilError

# Pillow's fixed point for 8-bit images: two bits of headroom above the byte.
_PRECISION_BITS = 32 - 8 - 2


def resize_bilinear(images: Tensor, size: int) -> Tensor:
    """Enlarge uint8 images (B, C, s, s) to (B, C, size, size) as ``Image.resize(BILINEAR)``.

    Raises:
        ReveilError: ``size`` is smaller than the images; shrinking needs wider filters.
    """
    if size < images.shape[-1]:
        raise ReveilError(
            f"resize: size {size} is not allowed; allowed: {images.shape[-1]} or more"
        )
    taps, weights = _bilinear_map(images.shape[-1], size, images.device)
    # Pillow works along the rows first and rounds to bytes in between.
    columns = _weigh(images[..., taps[0]], images[..., taps[1]], weights)
    weights = weights[:, :, None]
    return _weigh(columns[..., taps[0], :], columns[..., taps[1], :], weights)


def resize_mask(mask: Tensor, size: int) -> Tensor:
    """Enlarge a bool mask (B, 1, s, s): a pixel takes the value at the point it samples."""
    old = mask.shape[-1]
    nearest = ((torch.arange(size, device=mask.device) * 2 + 1) * old) // (2 * size)
    return mask[..., nearest, :][..., nearest]


def _weigh(first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
    total = first.int() * weights[0] + second.int() * weights[1]
    rounded = (total + (1 << (_PRECISION_BITS - 1))) >> _PRECISION_BITS
    return rounded.clamp_(0, 255).to(torch.uint8)


@lru_cache(maxsize=8)
def _bilinear_map(old: int, new: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the two source positions of each output position and their weights, each (2, new).

    Weights are int32 with ``_PRECISION_BITS`` fractional bits; a single source has weight zero
    beside it.
    """
    scale = old / new
    taps, weights = [], []
    for position in range(new):
        centre = (position + 0.5) * scale
        first = max(int(centre - 0.5), 0)
        last = min(int(centre + 1.5), old)
        # Pillow's triangle filter; enlarging, at most two sources weigh more than nothing.
        shares = [(k, 1 - abs(k - centre + 0.5)) for k in range(first, last)]
        used = [(k, share) for k, share in shares if share > 0]
        total = sum(share for _, share in used)
        fixed = [(k, int(0.5 + share / total * (1 << _PRECISION_BITS))) for k, share in used]
        pair = (fixed + [(first, 0)])[:2]
        taps.append([k for k, _ in pair])
        weights.append([weight for _, weight in pair])
    return (
        torch.tensor(taps, device=device).T.contiguous(),
        torch.tensor(weights, dtype=torch.int32, device=device).T.contiguous(),
    )
