"""The pictures and cost curves of a block of attacked images, as arrays for a file."""

import numpy as np
import torch
from torch import Tensor

from reveil.attacks import Reconstruction
from reveil.metrics import matched
from reveil.scene import Victims
from reveil.views import View


def arrays(
    guess: Reconstruction, victims: Victims, view: View, *, reference: str = "transformed"
) -> dict[str, np.ndarray]:
    """Return what figures draw of B attacked images.

    Args:
        reference: of the judge, so that each image has the guess that it is judged by.

    Returns:
        images: (B,) int64, numbers in their split.
        originals, victims, reconstructions: (B, C, H, W) uint8; guesses are clipped to [0, 1] and
            rounded, and black where there is none.
        unshifted: likewise, the guesses of what the victims moved, of attacks that learn the move.
        curve, curve_iterations: (B, T) float32 costs and the (T,) iterations they belong to.
    """
    assignment = matched(guess, victims, view, reference=reference)

    def drawn(x: Tensor) -> np.ndarray:
        scaled = view.denormalise(assignment.take(x.cpu(), 3).float()).nan_to_num(0).clamp(0, 1)
        return (scaled * 255).round().to(torch.uint8).numpy()

    still = guess.extras.get("x_unshifted")
    return {
        "images": np.asarray(victims.images, dtype=np.int64),
        "originals": victims.originals.cpu().numpy(),
        "victims": victims.pixels.cpu().numpy(),
        "reconstructions": drawn(guess.x),
        **({} if still is None else {"unshifted": drawn(still)}),
        "curve": guess.curve.cpu().float()[assignment.problem].numpy(),
        "curve_iterations": np.asarray(guess.curve_iterations, dtype=np.int64),
    }
