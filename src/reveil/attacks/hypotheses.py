"""What a victim that follows a known policy may have drawn, as far as a gradient can show it.

A hypothesis is a member of a hybrid and a sign for each operation that draws one, or what a plug-in
says that it may draw. Whether the image
was mirrored is none: any image that the victim may have used is reached from an unknown image as
well as from its mirror image, at the same cost, so that the gradient cannot tell them apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import torch
from torch import Tensor

from reveil.attacks.moves import is_blend
from reveil.attacks.settings import Settings
from reveil.bounds import undrawn, untold
from reveil.errors import ReveilError, not_allowed
from reveil.library import IDENTITY, LIBRARY, function_name
from reveil.plugins import told, transforming
from reveil.policies import Operation, Policy
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
        signs: of each operation: +1 or -1, or ``LEARNED``; +1 where none is drawn. None where the
            member is a plug-in's.
        draw: what a plug-in may have drawn, of whatever kind.
    """

    member: int
    operations: tuple[Operation, ...]
    signs: tuple[int, ...] = ()
    draw: Any = None


def hypotheses(
    policy: Policy, augment: str, shape: tuple[int, int, int], factors: str
) -> list[Hypothesis]:
    """Return all that victims may have drawn.

    Args:
        augment: what the victims do; without ``policy`` in it there is one, to do nothing.
        shape: (C, H, W) of the images; colour does nothing to one channel.
        factors: ``signs``, or ``learned``: of the blends (brightness, contrast, color, sharpness)
            the sign is no hypothesis but an unknown number.

    Raises:
        ReveilError: a plug-in draws something and does not tell what.
    """
    if "policy" in augment and untold(policy, "draws"):
        raise ReveilError(undrawn(policy.name))
    members = policy.members if "policy" in augment else ((),)
    return [
        hypothesis
        for member, operations in enumerate(members)
        for hypothesis in _of_member(member, operations, shape, factors)
    ]


def _of_member(
    member: int, operations: tuple[Operation, ...], shape: tuple[int, int, int], factors: str
) -> Iterator[Hypothesis]:
    if operations and isinstance(operations[0], str):
        drawn = told.draws(transforming.find(operations[0]), shape)
        yield from (Hypothesis(member, operations, draw=draw) for draw in drawn)
    else:
        drawn = product(*(_signs(index, shape[0], factors) for index in operations))
        yield from (Hypothesis(member, operations, signs) for signs in drawn)


def assigned(
    sizes: Sequence[int], most: int, images: Sequence[int], seed: int, restart: int
) -> Tensor:
    """Return (P, H) int64, the hypotheses of each image, ascending: all, or ``most`` drawn ones.

    Victims draw a member first: so each has its share of the ``most``, however many of the others
    there are, and what one does not need is left to them.

    Args:
        sizes: how many hypotheses each member has, in their order.
        seed: they are drawn from the streams (seed, "hypotheses", image, restart).
    """
    count = sum(sizes)
    if count <= most:
        return torch.arange(count).expand(len(images), -1).clone()
    first = [sum(sizes[:member]) for member in range(len(sizes))]
    drawn = []
    for image in images:
        source = generator(seed, "hypotheses", image, restart)
        parts = [
            first[member] + torch.randperm(sizes[member], generator=source)[:share]
            for member, share in _shares(sizes, most, source)
        ]
        drawn.append(torch.cat(parts))
    return torch.stack(drawn).sort(1).values


def _shares(sizes: Sequence[int], most: int, source: torch.Generator) -> Iterator[tuple[int, int]]:
    """Yield members and how many of their hypotheses are tried, those with the fewest first."""
    members = sorted(range(len(sizes)), key=sizes.__getitem__)
    if most < len(members):
        for member in torch.randperm(len(members), generator=source)[:most].tolist():
            yield member, 1
        return
    for place, member in enumerate(members):
        share = min(sizes[member], most // (len(members) - place))
        most -= share
        yield member, share


def _signs(index: int, channels: int, factors: str) -> tuple[int, ...]:
    operation = LIBRARY[index]
    nothing = function_name(operation) == IDENTITY or (operation.name == "color" and channels == 1)
    if not operation.signed or nothing:
        return (1,)
    return (LEARNED,) if factors == "learned" and is_blend(index) else (1, -1)
