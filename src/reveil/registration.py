"""PSNR up to a shift and a mirror image, which a gradient of convolutions hardly tells apart."""

import torch
from torch import Tensor

from reveil.similarity import psnr

# Two shifts by half the image leave a quarter of it to compare, where most guesses find a match.
SMALLEST_OVERLAP = 0.5


def psnr_registered(guess: Tensor, reference: Tensor) -> Tensor:
    """Return the best PSNR in dB of every guess over whole-pixel shifts, mirrored or not.

    For each shift the PSNR is that of the overlap of the moved guess with the reference, and the
    shifts are all whose overlap is at least half the image: up to half the width or height along
    one axis, up to 9/32 of both at once. No fixed radius is needed, which a policy's shifts (up to
    14 of 32 pixels in one operation) would exceed, and no guess is scored on a small scrap.

    The squared error of all shifts at once is a sum of three correlations, made by FFT; the PSNR is
    then computed anew at the best shift, so that an exact copy has an infinite one.

    Args:
        guess: (B, C, H, W) on the [0, 1] scale, not clipped.
        reference: likewise.
    """
    guess, reference = guess.double(), reference.double()
    mirrored = guess.flip(-1)
    errors = torch.stack([_errors(g, reference) for g in (guess, mirrored)], 1)
    best = errors.flatten(1).argmin(1)
    height, width = errors.shape[2:]
    side, dy, dx = best // (height * width), best // width % height, best % width
    source = torch.where(side.view(-1, 1, 1, 1) == 1, mirrored, guess)
    moved, inside = _moved(source, _signed(dy, height), _signed(dx, width))
    return psnr(moved, reference, inside)


def _errors(guess: Tensor, reference: Tensor) -> Tensor:
    """Return (B, 2H, 2W) mean squared errors by shift; infinite where the overlap is too small.

    E(d) = mean over u, u - d in the frame, of (guess(u - d) - reference(u))^2. Index d of an axis
    of 2H is the shift d, or d - 2H from H on.
    """
    size = tuple(2 * length for length in reference.shape[-2:])

    def spectrum(x: Tensor) -> Tensor:
        return torch.fft.rfft2(x, s=size)

    frame = torch.ones_like(reference[:1, 0])
    whole = spectrum(frame)
    products = (spectrum(reference) * spectrum(guess).conj()).sum(1)
    squares = spectrum(reference.square().sum(1)) * whole.conj()
    squares = squares + whole * spectrum(guess.square().sum(1)).conj()
    errors = torch.fft.irfft2(squares - 2 * products, s=size)
    overlap = _lengths(size[0])[:, None] * _lengths(size[1])
    mean = errors / (overlap * reference.shape[1])
    enough = overlap >= SMALLEST_OVERLAP * frame.numel()
    return torch.where(enough.to(mean.device), mean, torch.inf)


def _lengths(size: int) -> Tensor:
    """Return (size,) how many pixels of size / 2 overlap at each shift of an axis."""
    shifts = torch.arange(size)
    return (size // 2 - _signed(shifts, size).abs()).clamp_min(0)


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
