"""The judge: how close each guess came, beside what guesses without a gradient reach."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's own name for it

from reveil.attacks.interface import Reconstruction
from reveil.attacks.priors import start
from reveil.errors import ReveilError, not_allowed
from reveil.scene import Victims
from reveil.views import View

REFERENCES = ("transformed", "original", "content")
FLOOR_DRAWS = 8
SSIM_SIGMA = 1.5
SSIM_RADIUS = 5
# Of the columns that say something of a guess, those that are empty where there is none.
_MEASURES = ("psnr_db", "ssim", "gain_db", "psnr_original_db", "psnr_content_db")


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


def floors(
    reference: Tensor, images: Sequence[int], view: View, seed: int, mask: Tensor | None = None
) -> dict[str, Tensor]:
    """Return the PSNR in dB that needs no gradient: the measure of any attack.

    ``random`` is the untouched start of an attack, N(0, 1) in normalised space, boxed: the mean
    over ``FLOOR_DRAWS`` draws of the stream (seed, "floor", image). ``mean`` is a constant image of
    the dataset's mean colour, ``black`` a black image.

    Args:
        reference: (B, C, H, W) on the [0, 1] scale.
        images: their indices.
        mask: as for :func:`psnr`.
    """
    low, high = view.box
    draws = [
        start("randn", images, view.shape, seed, draw, purpose="floor")
        for draw in range(FLOOR_DRAWS)
    ]
    noise = [view.denormalise(torch.minimum(torch.maximum(d, low), high)) for d in draws]
    mean = torch.tensor(view.dataset.mean).view(1, -1, 1, 1).expand_as(reference)
    return {
        "random": torch.stack([psnr(n, reference, mask) for n in noise]).mean(0),
        "mean": psnr(mean, reference, mask),
        "black": psnr(torch.zeros_like(reference), reference, mask),
    }


def judge(
    reconstruction: Reconstruction,
    victims: Victims,
    view: View,
    seed: int,
    *,
    reference: str = "transformed",
) -> list[dict[str, Any]]:
    """Compare the guesses with the images; return one row of the tidy table per image.

    The measures of a failed image are NaN; its floors, which need no guess, are not.

    Args:
        view: that the victims were staged with.
        seed: of the run, for the floors.
        reference: what ``psnr_db``, ``ssim`` and the floors compare with: ``transformed``, what the
            victim used; ``original``; or ``content``, the pixels of the former that are no fill
            (``ssim`` then is that of ``transformed``).

    Raises:
        ReveilError: an unknown reference.
    """
    if reference not in REFERENCES:
        raise ReveilError(not_allowed("psnr_reference", reference, REFERENCES))
    guess = view.denormalise(reconstruction.x.cpu().double())
    used = victims.pixels.cpu().double() / 255
    original = victims.originals.cpu().double() / 255
    content = victims.content.cpu()
    against = original if reference == "original" else used
    mask = content if reference == "content" else None
    floor = {
        f"floor_{name}_db": values
        for name, values in floors(against, victims.images, view, seed, mask).items()
    }
    best = torch.stack(list(floor.values())).amax(0)
    main = psnr(guess, against, mask)
    columns = {
        "psnr_db": main,
        "ssim": ssim(guess, against),
        **floor,
        "floor_db": best,
        "gain_db": main - best,
        "psnr_original_db": psnr(guess, original),
        "psnr_content_db": psnr(guess, used, content),
        "content_fraction": content.double().mean((1, 2, 3)),
        "cost": reconstruction.cost.double(),
    }
    values = {name: column.tolist() for name, column in columns.items()}
    return [_row(i, values, reconstruction, victims) for i in range(len(victims.images))]


def _row(
    i: int, values: dict[str, list[float]], found: Reconstruction, victims: Victims
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image": victims.images[i],
        "label": int(victims.labels[i]),
        "member": int(victims.member[i]),
        "augment": victims.augment,
        **{name: column[i] for name, column in values.items()},
        "iterations": int(found.iterations[i]),
        "wall_seconds": float(found.seconds[i]),
        "status": found.status[i],
        "reason": found.reason[i],
    }
    if found.status[i] != "ok":
        row |= dict.fromkeys(_MEASURES, float("nan"))
    return row
