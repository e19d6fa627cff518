"""The pictures and cost curves of a block of attacked images, as arrays for a file."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from reveil.assignment import Assignment
from reveil.attacks import Reconstruction
from reveil.metrics import matched
from reveil.scene import Victims
from reveil.views import View


def arrays(
    guess: Reconstruction,
    victims: Victims,
    view: View,
    *,
    reference: str = "transformed",
    tensors: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Return what figures draw of B attacked images.

    Args:
        reference: of the judge, so that each image has the guess that it is judged by.
        tensors: names of the trainable parameters, in their order; for traced attacks.

    Returns:
        images: (B,) int64, numbers in their split.
        originals, victims, reconstructions: (B, C, H, W) uint8; guesses are clipped to [0, 1] and
            rounded, and black where there is none.
        unshifted: likewise, the guesses of what the victims moved, of attacks that learn the move.
        curve, curve_iterations: (B, T) float32 costs and the (T,) iterations they belong to.
        cosines, cosine_iterations, cosine_tensors: of traced attacks, the (B, T', tensors) float32
            cosines of the simulated and the shared gradient, the (T',) iterations and the names.
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
        **_trace(guess, assignment, tensors),
    }


def _trace(
    guess: Reconstruction, assignment: Assignment, tensors: Sequence[str]
) -> dict[str, np.ndarray]:
    if "cosines" not in guess.extras:
        return {}
    return {
        "cosines": guess.extras["cosines"].cpu().float()[assignment.problem].numpy(),
        # The same iterations for all problems.
        "cosine_iterations": guess.extras["cosine_iterations"][0].cpu().numpy(),
        "cosine_tensors": np.asarray(tensors),
    }
