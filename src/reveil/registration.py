"""PSNR up to a shift and a mirror image, which a gradient of convolutions hardly tells apart."""

import torch
from torch import Tensor

from reveil.similarity import psnr

# Share of the pixels that count; on a scrap of an image most guesses find a match.
SMALLEST_OVERLAP = 0.5


def psnr_registered(guess: Tensor, reference: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the best PSNR in dB of every guess over whole-pixel shifts, mirrored or not.

    For each shift the PSNR is that of the overlap of the moved guess with the reference. The shifts
    are all whose overlap holds at least half of the pixels that count: without a mask up to half
    the width or height along one axis, up to 9/32 of both at once. A fixed radius would have to
    exceed a policy's shifts (up to 14 of 32 pixels in one operation), and this way no guess is
    scored on a small scrap.

    The squared error of all shifts at once is a sum of three correlations, made by FFT; the PSNR is
    then computed anew at the best shift, so that an exact copy has an infinite one.

    Args:
        guess: (B, C, H, W) on the [0, 1] scale, not clipped.
        reference: likewise.
        mask: (B, 1, H, W) bool, the pixels of the reference that count; NaN for an image where none
            does. Without it, fill is matched by moving any black part of a guess there.
    """
    guess, reference = guess.double(), reference.double()
    mask = torch.ones_like(reference[:, :1], dtype=torch.bool) if mask is None else mask
    mirrored = guess.flip(-1)
    errors = torch.stack([_errors(g, reference, mask) for g in (guess, mirrored)], 1)
    best = errors.flatten(1).argmin(1)
    height, width = errors.shape[2:]
    side, dy, dx = best // (height * width), best // width % height, best % width
    source = torch.where(side.view(-1, 1, 1, 1) == 1, mirrored, guess)
    moved, inside = _moved(source, _signed(dy, height), _signed(dx, width))
    return psnr(moved, reference, inside & mask)


def _errors(guess: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return (B, 2H, 2W) mean squared errors by shift; infinite where the overlap is too small.

    E(d) = mean over u in the mask, u - d in the frame, of (guess(u - d) - reference(u))^2. Index d
    of an axis of 2H is the shift d, or d - 2H from H on.
    """
    size = tuple(2 * length for length in reference.shape[-2:])

    def spectrum(x: Tensor) -> Tensor:
        return torch.fft.rfft2(x, s=size)

    counted = mask.to(reference.dtype)
    frame, weights = spectrum(torch.ones_like(counted[:1, 0])), spectrum(counted[:, 0])
    products = (spectrum(counted * reference) * spectrum(guess).conj()).sum(1)
    squares = spectrum((counted * reference).square().sum(1)) * frame.conj()
    squares = squares + weights * spectrum(guess.square().sum(1)).conj()
    errors = torch.fft.irfft2(squares - 2 * products, s=size)
    overlap = torch.fft.irfft2(weights * frame.conj(), s=size).round()
    enough = overlap >= SMALLEST_OVERLAP * counted.sum((2, 3), keepdim=True)[:, 0]
    return torch.where(enough, errors / (overlap * reference.shape[1]), torch.inf)


def _signed(shift: Tensor, size: int) -> Tensor:
    return torch.where(shift < size // 2, shift, shift - size)


def _moved(images: Tensor, dy: Tensor, dx: Tensor) -> tuple[Tensor, Tensor]:
    """Return the images moved down by dy and right by dx, and where the result is image.

    Args:
        images: (B, C, H, W).
        dy: (B,) int64 pixels.
        dx: likewise.

    Returns:
        (B, C, H, W) with repeated edges outside, and (B, 1, H, W) bool.
    """
    height, width = images.shape[-2:]
    rows = torch.arange(height, device=images.device) - dy[:, None]
    columns = torch.arange(width, device=images.device) - dx[:, None]
    inside = ((rows >= 0) & (rows < height))[:, :, None]
    inside = inside & ((columns >= 0) & (columns < width))[:, None, :]
    index = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None]
    index = index.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, index).view_as(images), inside[:, None]
