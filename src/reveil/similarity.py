"""How alike two images are, pixel by pixel and window by window."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

SSIM_SIGMA = 1.5
SSIM_RADIUS = 5


def psnr(guess: Tensor, reference: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the peak signal-to-noise ratio of every image in dB, with peak 1.

    10 log10(1 / MSE) over all channels and pixels, without clipping: infinite for equal images,
    20 dB for an offset of 0.1.

    Args:
        guess: (B, C, H, W) on the [0, 1] scale.
        reference: likewise.
        mask: (B, 1, H, W) bool, the pixels that count; NaN for an image where none does.
    """
    squares = (guess - reference).square()
    if mask is None:
        error = squares.flatten(1).mean(1)
    else:
        weight = mask.to(squares.dtype).expand_as(squares)
        # Masked out by selection: an error that is not finite must not count with weight 0.
        kept = torch.where(mask, squares, 0)
        error = kept.flatten(1).sum(1) / weight.flatten(1).sum(1)
    return -10 * torch.log10(error)


def ssim(guess: Tensor, reference: Tensor) -> Tensor:
    """Return the mean structural similarity of every image (Wang et al. 2004, equation 13).

    Gaussian window of sigma 1.5 cut off at radius 5, population statistics, data range 1, the mean
    over channels and over the pixels whose window lies inside the image. Guesses are clipped to
    [0, 1], where the measure is defined.

    Args:
        guess: (B, C, H, W) on the [0, 1] scale, of at least 11x11 pixels.
        reference: likewise.
    """
    x, y = guess.double().clamp(0, 1), reference.double()
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x = _blur(x * x) - mean_x**2
    variance_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    return similarity.flatten(1).mean(1)


def _blur(x: Tensor) -> Tensor:
    offsets = torch.arange(-SSIM_RADIUS, SSIM_RADIUS + 1, dtype=x.dtype, device=x.device)
    window = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    window = window / window.sum()
    channels = x.flatten(0, 1).unsqueeze(1)
    rows = F.conv2d(channels, window.view(1, 1, -1, 1))
    return F.conv2d(rows, window.view(1, 1, 1, -1)).view(*x.shape[:2], *rows.shape[2:-1], -1)
