"""What guesses without any gradient reach: the measure of every attack."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reveil.attacks.priors import start
from reveil.registration import psnr_registered
from reveil.similarity import psnr
from reveil.views import View

FLOOR_DRAWS = 8


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
        mask: as for :func:`reveil.similarity.psnr`.
    """
    low, high = view.box
    draws = [
        start("randn", images, view.shape, seed, draw, purpose="floor")
        for draw in range(FLOOR_DRAWS)
    ]
    noise = [view.denormalise(torch.minimum(torch.maximum(d, low), high)) for d in draws]
    constant = constants(reference, view)
    return {
        "random": torch.stack([psnr(n, reference, mask) for n in noise]).mean(0),
        **{name: psnr(guess, reference, mask) for name, guess in constant.items()},
    }


def constants(reference: Tensor, view: View) -> dict[str, Tensor]:
    """Return the constant guesses, each as large as ``reference``: mean colour, and black."""
    mean = torch.tensor(view.dataset.mean).view(1, -1, 1, 1).expand_as(reference)
    return {"mean": mean, "black": torch.zeros_like(reference)}


def best(found: dict[str, Tensor]) -> Tensor:
    """Return (B,) the highest of the floors of each image."""
    return torch.stack(list(found.values())).amax(0)


def registered_floor(reference: Tensor, view: View, mask: Tensor | None = None) -> Tensor:
    """Return (B,) the best registered PSNR in dB of the constant guesses.

    Registration chooses the part of the image that is compared, so a constant guess gains by it
    too: it is compared with the half of the image that is most like it.

    Args:
        mask: as for :func:`reveil.registration.psnr_registered`.
    """
    guesses = constants(reference, view)
    return best({name: psnr_registered(g, reference, mask) for name, g in guesses.items()})
