"""Which guess belongs to which image where several images stand behind one gradient.

The gradient of a batch does not tell its images' order, so a perfect attack may return them in
another one. With declared classes, each guess is for its class and only images of equal class can
have changed places; without, all can.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reveil.errors import ReveilError

# Stands for an error that is not finite, which no assignment can be computed with.
WORST = 1e30


@dataclass(frozen=True)
class Assignment:
    """Where each image's guess is.

    Attributes:
        batch: images behind each gradient.
        problem: (B,) int64, the gradient each image stands behind.
        position: (B,) int64, which of its guesses the image got; 0 for batches of one.
    """

    batch: int
    problem: Tensor
    position: Tensor

    def take(self, values: Tensor, trailing: int = 0) -> Tensor:
        """Return (B, ...) of what is given for each guess or for each gradient.

        Args:
            values: (P, b, ...) or (P, ...).
            trailing: dimensions that one value has.
        """
        if values.dim() == 2 + trailing:
            return values[self.problem, self.position]
        return values[self.problem]


def batch_of(x: Tensor) -> int:
    """Return how many images stand behind each gradient by the shape of the guesses."""
    return x.shape[1] if x.dim() == 5 else 1


def assign(guess: Tensor, reference: Tensor, labels: Tensor | None) -> Assignment:
    """Assign guesses to images at the lowest sum of mean squared errors, batch by batch.

    Args:
        guess: (P, C, H, W), or (P, b, C, H, W), on the scale of ``reference``.
        reference: (P * b, C, H, W); batch p are the images from p * b on.
        labels: (P * b,) classes for which the guesses were made, in the order of the images; None
            where the attacker did not know them.

    Raises:
        ReveilError: guesses and images differ in number.
    """
    batch = batch_of(guess)
    if len(guess) * batch != len(reference):
        raise ReveilError(
            f"guesses: {len(guess)} gradients of {batch} images for {len(reference)} images; "
            "allowed: one guess each"
        )
    problem = torch.arange(len(guess)).repeat_interleave(batch)
    if batch == 1:
        return Assignment(1, problem, torch.zeros_like(problem))
    targets = reference.view(len(guess), batch, -1).double()
    guesses = guess.reshape(len(guess), batch, -1).double()
    errors = torch.cdist(targets, guesses, compute_mode="donot_use_mm_for_euclid_dist").square()
    costs = errors.nan_to_num(nan=WORST).clamp_max(WORST).numpy()
    classes = np.zeros((len(guess), batch)) if labels is None else labels.view(-1, batch).numpy()
    positions = [_solve(cost, kinds) for cost, kinds in zip(costs, classes, strict=True)]
    return Assignment(batch, problem, torch.from_numpy(np.concatenate(positions)))


def _solve(cost: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return (b,) the guess of each image, exchanged among equal kinds alone.

    Args:
        cost: (b, b) by image and guess.
        kinds: (b,) of images and of guesses.
    """
    # Half a second to load, which the many jobs without batches do not pay.
    from scipy.optimize import linear_sum_assignment

    position = np.empty(len(kinds), dtype=np.int64)
    for kind in np.unique(kinds):
        (same,) = np.nonzero(kinds == kind)
        rows, columns = linear_sum_assignment(cost[np.ix_(same, same)])
        position[same[rows]] = same[columns]
    return position
