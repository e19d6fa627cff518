"""The pictures and cost curves of a block of attacked images, as arrays for a file."""

import numpy as np
import torch

from reveil.attacks import Reconstruction
from reveil.scene import Victims
from reveil.views import View


def arrays(guess: Reconstruction, victims: Victims, view: View) -> dict[str, np.ndarray]:
    """Return what figures draw of B attacked images.

    Returns:
        images: (B,) int64, numbers in their split.
        originals, victims, reconstructions: (B, C, H, W) uint8; guesses are clipped to [0, 1] and
            rounded, and black where there is none.
        curve, curve_iterations: (B, T) float32 costs and the (T,) iterations they belong to.
    """
    scaled = view.denormalise(guess.x.cpu().float()).nan_to_num(0).clamp(0, 1)
    return {
        "images": np.asarray(victims.images, dtype=np.int64),
        "originals": victims.originals.cpu().numpy(),
        "victims": victims.pixels.cpu().numpy(),
        "reconstructions": (scaled * 255).round().to(torch.uint8).numpy(),
        "curve": guess.curve.cpu().float().numpy(),
        "curve_iterations": np.asarray(guess.curve_iterations, dtype=np.int64),
    }
