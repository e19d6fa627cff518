"""The pictures of an attack on features."""

import numpy as np
import torch

from reveil.cvnn.attackers.interface import Guess
from reveil.cvnn.scene import Secrets


def pictures(guess: Guess, secrets: Secrets) -> dict[str, np.ndarray]:
    """Return what the figures of reconstructions draw, uint8 (B, C, H, W) each.

    ``original``, ``partner`` where images are mixed, ``guess`` and ``second`` where there are such
    guesses; ``index`` and ``partner_index``, (B,) int64, are their numbers in the split.
    """
    images = {
        "original": secrets.images,
        "partner": secrets.partners if len(secrets.partners) else None,
        "guess": guess.images,
        "second": guess.second,
    }
    drawn = {
        name: (values.nan_to_num(0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        for name, values in images.items()
        if values is not None
    }
    numbers = {"index": secrets.index, "partner_index": secrets.partner_index}
    return drawn | {name: values.numpy() for name, values in numbers.items()}
