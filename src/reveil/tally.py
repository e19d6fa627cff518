"""What an epoch of training sums up as it goes, with as few waits for a GPU as can be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reveil.evaluation import correct_answers


@dataclass
class Tally:
    """What an epoch has summed up so far; part of the resume state.

    Attributes:
        sums: (2,) float64, loss times images and correct images. It stays on the device, so that
            a GPU is not waited for at every step, and grows step by step, so that the moment of a
            look at it does not change its rounding.
        unchecked: losses of the steps since the last look.
    """

    sums: Tensor
    seen: int = 0
    seconds: float = 0.0
    unchecked: list[Tensor] = field(default_factory=list)

    @classmethod
    def on(
        cls,
        device: torch.device,
        sums: Sequence[float] = (0.0, 0.0),
        seen: int = 0,
        seconds: float = 0.0,
    ) -> "Tally":
        """Return a tally on a device: a new one, or one that goes on from a resume state."""
        return cls(torch.tensor(sums, dtype=torch.float64, device=device), seen, seconds)

    def add(
        self, loss: Tensor, logits: Tensor, labels: Tensor, watched: Tensor | None = None
    ) -> None:
        """Count a step on labelled images.

        Args:
            loss: (), their mean loss.
            logits: (B, classes).
            labels: (B,) classes, or (B, attributes) of 0 and 1.
            watched: (), what must be finite, if it is not the loss alone.
        """
        correct = correct_answers(logits, labels)
        self.sums = self.sums + torch.stack([loss.double() * len(labels), correct])
        self.seen += len(labels)
        self.watch(loss if watched is None else watched)

    def watch(self, loss: Tensor) -> None:
        """Take note of a loss that must be finite."""
        self.unchecked.append(loss)

    def first_bad_step(self) -> int | None:
        """Return how many steps ago (1: the last) a loss was first not finite, or None."""
        if not self.unchecked:
            return None
        finite = torch.stack(self.unchecked).isfinite().tolist()
        self.unchecked.clear()
        return len(finite) - finite.index(False) if False in finite else None
