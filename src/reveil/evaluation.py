"""How well a model classifies: in eval mode, in batches as large as fits."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from reveil.chunks import run_in_chunks

# Larger batches fall out of a CPU's cache; a GPU wants them for its occupancy.
AUTO_CHUNK = {"cpu": 256, "cuda": 4096}


def correct_answers(logits: Tensor, labels: Tensor) -> Tensor:
    """Return how many images are classified rightly, () float64.

    Args:
        logits: (B, classes).
        labels: (B,) classes, or (B, classes) of 0 and 1: attributes, that are each true where the
            logit is positive, and of which every image counts with its share of right ones.
    """
    if labels.dim() == 2:
        return ((logits > 0) == labels.bool()).double().mean(dim=1).sum()
    return (logits.argmax(dim=1) == labels).sum().double()


def task_loss(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Return the loss of a classification, in float32.

    Args:
        logits: (B, classes).
        labels: (B,) classes, with cross-entropy; or (B, classes) of 0 and 1, attributes, with the
            binary cross-entropy, mean over the attributes.
        reduction: ``mean`` or ``sum`` over the images.
    """
    if labels.dim() == 1:
        return cross_entropy(logits.float(), labels, reduction=reduction)
    loss = binary_cross_entropy_with_logits(logits.float(), labels.float())
    return loss if reduction == "mean" else loss * len(labels)


@dataclass(frozen=True)
class Accuracy:
    """What an evaluation counted.

    Attributes:
        correct: images whose largest logit is that of their label; of attributes, the sum of every
            image's share of right ones.
        n: images.
        loss: mean cross-entropy.
    """

    correct: int | float
    n: int
    loss: float

    @property
    def percent(self) -> float:
        """Share of correct images in percent, not a number for none."""
        return 100 * self.correct / self.n if self.n else float("nan")


def evaluate(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    normalise: Callable[[Tensor], Tensor],
    *,
    chunk: int | None = None,
) -> Accuracy:
    """Return the accuracy of ``model`` on images, each for itself (batch norm in eval mode).

    The model is left in the mode it came in.

    Args:
        images: (N, C, H, W) uint8, as the network sees them, on the model's device.
        labels: (N,) class indices, there too.
        normalise: makes the network's input of a batch of ``images``.
        chunk: images at a time; None to choose by device. It does not change what is counted.
    """
    training = model.training
    model.eval()

    @torch.inference_mode()
    def count(piece: slice) -> Tensor:
        logits = model(normalise(images[piece])).float()
        loss = cross_entropy(logits, labels[piece], reduction="sum")
        correct = (logits.argmax(dim=1) == labels[piece]).sum()
        return torch.stack([correct.double(), loss.double()])

    try:
        size = chunk or AUTO_CHUNK.get(images.device.type, AUTO_CHUNK["cpu"])
        pieces = run_in_chunks(count, len(labels), size, what="test images")
    finally:
        model.train(training)
    correct, loss = torch.stack(pieces).sum(dim=0).tolist() if pieces else (0.0, 0.0)
    n = len(labels)
    return Accuracy(correct=int(correct), n=n, loss=loss / n if n else float("nan"))
