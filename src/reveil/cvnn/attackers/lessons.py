"""What the classifier of an inference attack learns from, in batches of (inputs, targets)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from reveil.cvnn.attackers.interface import Hidden, OwnData
from reveil.cvnn.attackers.kept import collect
from reveil.cvnn.attackers.recovered import compact
from reveil.precision import precision
from reveil.rng import generator

Example = tuple[Tensor, Tensor]
Show = Callable[[Hidden], Tensor]


@dataclass(frozen=True)
class Fresh:
    """Own images, hidden by other draws in every epoch.

    Attributes:
        show: what is learned from, (B, ...) floats.
        size: of a batch.
        shift: pixels by which training images are moved at most, and mirrored by chance; None for
            inputs that are left as they are.
    """

    own: OwnData
    show: Show
    size: int
    shift: int | None = None

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return self.own.steps(self.size)

    def batches(self, epoch: int, start: int) -> Iterator[Example]:
        """Yield the batches of an epoch from a step on."""
        for step, hidden in enumerate(self.own.hidden_batches(self.size, epoch, start), start):
            yield augmented(self.show(hidden), self.own, self.shift, epoch, step), hidden.targets

    def validation(self) -> Iterator[Example]:
        """Yield what validates, the same every time."""
        for hidden in self.own.validation_batches(self.size):
            yield self.show(hidden), hidden.targets


@dataclass(frozen=True)
class Kept:
    """Own images, hidden and recovered once.

    Attributes:
        training, held: inputs and targets of both parts on the CPU. Inputs of uint8 are images.
        size, shift: as of :class:`Fresh`.
    """

    own: OwnData
    training: Example
    held: Example
    size: int
    shift: int | None = None

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return len(self.training[1]) // self._whole

    @property
    def _whole(self) -> int:
        return min(self.size, len(self.training[1]))

    def batches(self, epoch: int, start: int) -> Iterator[Example]:
        """Yield the batches of an epoch from a step on."""
        stream = generator(self.own.seed, "classifier order", self.own.attack, epoch)
        order = torch.randperm(len(self.training[1]), generator=stream)
        for step in range(start, self.steps):
            picked = order[step * self._whole : (step + 1) * self._whole]
            inputs, targets = self._take(self.training, picked)
            yield augmented(inputs, self.own, self.shift, epoch, step), targets

    def validation(self) -> Iterator[Example]:
        """Yield what validates, the same every time."""
        for rows in torch.arange(len(self.held[1])).split(self.size):
            yield self._take(self.held, rows)

    def _take(self, examples: Example, rows: Tensor) -> Example:
        inputs, targets = (values[rows].to(self.own.device) for values in examples)
        return (from_bytes(inputs) if inputs.dtype == torch.uint8 else inputs.float()), targets


def keep(own: OwnData, show: Show, size: int, shift: int | None = None) -> Kept:
    """Hide and recover all own images once.

    Args:
        show: what is kept of them: uint8 images, or features, which are kept in half precision.
        size, shift: as of :class:`Fresh`.
    """
    # Batches of an epoch are of one size: the largest that leaves out fewer images than batches.
    count = len(own.training_rows)
    even = count // -(-count // size)
    with torch.no_grad(), precision("fp32", own.device):
        training = _gather(own, own.hidden_batches(even, 0), show, count)
        held = _gather(own, own.validation_batches(size), show, len(own.validation_rows))
    return Kept(own, training, held, size, shift)


def to_bytes(images: Tensor) -> Tensor:
    """Return images in [0, 1] as uint8, of the 256 values that own images have, too."""
    return (255 * images).round().clamp(0, 255).to(torch.uint8)


def from_bytes(pixels: Tensor) -> Tensor:
    """Return uint8 images as float32 in [0, 1]."""
    return pixels.float() / 255


def augmented(images: Tensor, own: OwnData, shift: int | None, epoch: int, step: int) -> Tensor:
    """Return a batch cropped and mirrored by the draws of its step, or as it is without a shift."""
    if shift is None:
        return images
    stream = generator(own.seed, "classifier augmentation", own.attack, epoch, step)
    count = len(images)
    corners = torch.randint(2 * shift + 1, (count, 2), generator=stream)
    mirrored = torch.rand(count, generator=stream) < 0.5
    return crop_flip(images, corners, mirrored, shift)


def crop_flip(images: Tensor, corners: Tensor, mirrored: Tensor, padding: int) -> Tensor:
    """Return squares of the zero-padded images, mirrored where it is said.

    As networks are trained: the released code crops 32 pixels from a border of 4, and mirrors
    (methods, section 4).

    Args:
        images: (B, C, H, W) of any type.
        corners: (B, 2) int64, top and left of the squares in the padded images, 0 to 2 ``padding``.
        mirrored: (B,) bool.
        padding: pixels of zeros on each side.

    Returns:
        (B, C, H, W).
    """
    height, width = images.shape[-2:]
    there = images.device
    corners, mirrored = corners.to(there), mirrored.to(there)
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    across = torch.arange(width, device=there)
    rows = corners[:, :1] + torch.arange(height, device=there)
    columns = corners[:, 1:] + torch.where(mirrored[:, None], width - 1 - across, across)
    index = rows[:, :, None] * padded.shape[-1] + columns[:, None, :]
    index = index.view(len(images), 1, -1).expand(-1, images.shape[1], -1)
    return padded.flatten(2).gather(2, index).view(images.shape)


def _gather(own: OwnData, batches: Iterator[Hidden], show: Show, count: int) -> Example:
    targets: list[Tensor] = []

    def pieces() -> Iterator[Tensor]:
        for hidden in batches:
            targets.append(hidden.targets.cpu())
            shown = show(hidden)
            yield shown.cpu() if shown.dtype == torch.uint8 else compact(shown)

    inputs = collect(pieces(), count, own.scratch)
    return inputs, torch.cat(targets)
