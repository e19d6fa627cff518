"""What a victim that follows a known policy may have drawn, as far as a gradient can show it.

A hypothesis is a member of a hybrid and a sign for each operation that draws one. Whether the image
was mirrored is none: any image that the victim may have used is reached from an unknown image as
well as from its mirror image, at the same cost, so that the gradient cannot tell them apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import torch
from torch import Tensor

from reveil.attacks.moves import is_blend
from reveil.attacks.settings import Settings
from reveil.bounds import undrawn
from reveil.errors import ReveilError, not_allowed
from reveil.library import IDENTITY, LIBRARY, function_name
from reveil.policies import Policy
from reveil.rng import generator

LEARNED = 0
FACTORS = ("signs", "learned")


@dataclass(frozen=True)
class AwareSettings(Settings):
    """The parameters of the attack, checked.

    Attributes:
        factors: ``signs``, the sign of a blend is part of a hypothesis; or ``learned``, it is a
            number from -1 to 1 that is optimised, from 0 on.
        prune_at: share of the iterations after which only the best hypotheses go on.
        keep: how many go on.
        max_hypotheses: how many an image starts with; of more, so many are drawn.
    """

    factors: str
    prune_at: float
    keep: int
    max_hypotheses: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Check and take the parameters; see :meth:`Settings.of`."""
        settings = super().of(parameters)
        if settings.factors not in FACTORS:
            raise ReveilError(not_allowed("factors", settings.factors, FACTORS))
        if not 0 < settings.prune_at <= 1:
            raise ReveilError(
                f"prune_at: {settings.prune_at!r} is not allowed; allowed: above 0 up to 1"
            )
        for key in ("keep", "max_hypotheses"):
            if getattr(settings, key) < 1:
                raise ReveilError(
                    f"{key}: {getattr(settings, key)!r} is not allowed; allowed: 1 and more"
                )
        return settings

    @property
    def prune_after(self) -> int:
        """Iterations that all hypotheses do."""
        return max(1, round(self.prune_at * self.iterations))


@dataclass(frozen=True)
class Hypothesis:
    """What one victim may have drawn.

    Attributes:
        member: position of the drawn member in a hybrid.
        operations: of the member.
        signs: of each operation: +1 or -1, or ``LEARNED``; +1 where none is drawn.
    """

    member: int
    operations: tuple[int, ...]
    signs: tuple[int, ...]


def hypotheses(policy: Policy, augment: str, channels: int, factors: str) -> list[Hypothesis]:
    """Return all that victims may have drawn.

    Args:
        augment: what the victims do; without ``policy`` in it there is one, to do nothing.
        channels: of the images; colour does nothing to one.
        factors: ``signs``, or ``learned``: of the blends (brightness, contrast, color, sharpness)
            the sign is no hypothesis but an unknown number.

    Raises:
        ReveilError: a plug-in draws something, of which nothing is known.
    """
    if "policy" in augment and policy.plugged:
        raise ReveilError(undrawn(policy.name))
    members = policy.members if "policy" in augment else ((),)
    return [
        Hypothesis(member, operations, signs)
        for member, operations in enumerate(members)
        for signs in product(*(_signs(index, channels, factors) for index in operations))
    ]


def assigned(count: int, most: int, images: Sequence[int], seed: int, restart: int) -> Tensor:
    """Return (P, H) int64, the hypotheses of each image, ascending: all, or ``most`` drawn ones.

    Args:
        count: hypotheses there are.
        seed: they are drawn from the streams (seed, "hypotheses", image, restart).
    """
    if count <= most:
        return torch.arange(count).expand(len(images), -1).clone()
    drawn = [
        torch.randperm(count, generator=generator(seed, "hypotheses", image, restart))[:most]
        for image in images
    ]
    return torch.stack(drawn).sort(1).values


def _signs(index: int, channels: int, factors: str) -> tuple[int, ...]:
    operation = LIBRARY[index]
    nothing = function_name(operation) == IDENTITY or (operation.name == "color" and channels == 1)
    if not operation.signed or nothing:
        return (1,)
    return (LEARNED,) if factors == "learned" and is_blend(index) else (1, -1)
