"""The chances of the preprocessing chain: which member, signs, crop and flip an image gets."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reveil.errors import ReveilError, not_allowed
from reveil.policies import MAX_LENGTH, Policy, first_member
from reveil.rng import generator

AUGMENTS = ("crop_flip+policy", "crop_flip", "policy", "none")
HYBRID_DRAWS = ("per_image", "first")

# A row of uniform numbers in [0, 1), always of this length and in this order, whatever of it the
# policy and the augmentation use: so the crop of an image is the same under every policy.
_MEMBER, _SIGNS, _CROP, _FLIP = 0, slice(1, 1 + MAX_LENGTH), slice(4, 6), 6
_ROW = 7


@dataclass(frozen=True)
class Draws:
    """What was drawn for each image of a batch.

    Attributes:
        member: (B,) int64, the member of a hybrid policy.
        signs: (B, 3) int8 of +1 and -1, one for each slot of the policy.
        crop: (B, 2) int64, top and left corner of the crop in the zero-padded image.
        flip: (B,) bool, whether the image is mirrored.
        augment: which of them are used: ``crop_flip+policy``, ``crop_flip``, ``policy``, ``none``.
        seeds: (B,) int64 of the streams that a plug-in's transformation draws from; None of a
            policy without one.
    """

    member: Tensor
    signs: Tensor
    crop: Tensor
    flip: Tensor
    augment: str
    seeds: Tensor | None = None

    def __len__(self) -> int:
        return len(self.member)

    def __getitem__(self, rows: Tensor | slice) -> "Draws":
        """Return the draws of some rows."""
        return Draws(
            self.member[rows],
            self.signs[rows],
            self.crop[rows],
            self.flip[rows],
            self.augment,
            None if self.seeds is None else self.seeds[rows],
        )

    def to(self, device: torch.device | str) -> "Draws":
        """Return the draws on another device."""
        return Draws(
            self.member.to(device),
            self.signs.to(device),
            self.crop.to(device),
            self.flip.to(device),
            self.augment,
            None if self.seeds is None else self.seeds.to(device),
        )


def draw(
    policy: Policy,
    images: Sequence[int],
    offsets: int,
    seed: int,
    *,
    purpose: str,
    augment: str,
    hybrid_draw: str,
) -> Draws:
    """Draw for each image from its own stream (seed, purpose, image).

    Args:
        offsets: positions a crop can take along each axis.
        hybrid_draw: ``per_image``; or ``first``, every image gets the member of a hybrid that is
            named first; see :func:`reveil.policies.first_member`.
    """
    if hybrid_draw not in HYBRID_DRAWS:
        raise ReveilError(not_allowed("hybrid_draw", hybrid_draw, HYBRID_DRAWS))
    uniform = torch.empty(len(images), _ROW, dtype=torch.float64)
    seeds = torch.empty(len(images), dtype=torch.int64) if policy.plugged else None
    for at, (row, image) in enumerate(zip(uniform, images, strict=True)):
        source = generator(seed, purpose, int(image))
        torch.rand(_ROW, generator=source, out=row)
        if seeds is not None:
            # Drawn after the row, which is the same whatever the policy.
            seeds[at] = _seeds(1, source)[0]
    draws = _from_uniform(uniform, policy, offsets, augment, seeds)
    if hybrid_draw == "first":
        draws.member.fill_(first_member(policy))
    return draws


def draw_epoch(
    policy: Policy, count: int, offsets: int, seed: int, epoch: int, augment: str
) -> Draws:
    """Draw for all training images of an epoch from the one stream (seed, "augment", epoch)."""
    source = generator(seed, "augment", epoch)
    uniform = torch.rand(count, _ROW, generator=source, dtype=torch.float64)
    seeds = _seeds(count, source) if policy.plugged else None
    return _from_uniform(uniform, policy, offsets, augment, seeds)


def _seeds(count: int, source: torch.Generator) -> Tensor:
    return torch.randint(2**63 - 1, (count,), generator=source)


def _from_uniform(
    uniform: Tensor, policy: Policy, offsets: int, augment: str, seeds: Tensor | None
) -> Draws:
    if augment not in AUGMENTS:
        raise ReveilError(not_allowed("augment", augment, AUGMENTS))
    return Draws(
        member=(uniform[:, _MEMBER] * len(policy.members)).long(),
        signs=torch.where(uniform[:, _SIGNS] < 0.5, 1, -1).to(torch.int8),
        crop=(uniform[:, _CROP] * offsets).long(),
        flip=uniform[:, _FLIP] < 0.5,
        augment=augment,
        seeds=seeds,
    )
