"""Policies that go by a name of their own: published ones, random ones, and those of a search.

Used while the graph is planned, so it does not import torch.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from reveil.errors import ReveilError

RANDOM = "19-1-18"

# The two searched policies of Gao et al. (2021), as both replications reuse them. Keys: the
# dataset family and the kind of model.
PUBLISHED: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType(
    {
        ("cifar100", "resnet20"): ("3-1-7", "43-18-18"),
        ("cifar100", "convnet"): ("21-13-3", "7-4-15"),
        ("fashion-mnist", "resnet20"): ("19-15-45", "2-43-21"),
        ("fashion-mnist", "convnet"): ("42-28-42", "14-48-48"),
    }
)

# The first ten candidates of the stream (0, "random-policies"), drawn as those of a search are:
#
#     drawn = torch.randint(-1, 50, (10, 3), generator=generator(0, "random-policies"))
#
# None of them has a slot without operation, changes nothing, or does what another does.
RANDOM_POLICIES = (
    *("41-37-14", "17-17-32", "20-25-24", "12-44-30", "28-45-10"),
    *("28-47-48", "44-34-5", "45-12-33", "25-37-17", "7-15-14"),
)
# How many of the candidates that pass the accuracy filter have a name, in the order of their draw.
PASSING = 10

FOUND = "found"
PASSED = "passing"
_SEARCHED = re.compile(rf"({FOUND}|{PASSED})-([a-z0-9]+(?:-[a-z0-9]+)*)-s(0|[1-9]\d*)-([1-9]\d*)")

ALIASES = (
    "random",
    *(f"random-{number}" for number in range(1, len(RANDOM_POLICIES) + 1)),
    "published-1",
    "published-2",
    "published-hybrid",
    "found-1",
    "found-2",
    "found-hybrid",
    *(f"{PASSED}-{number}" for number in range(1, PASSING + 1)),
)


class Searched(NamedTuple):
    """A policy that is known by the search that it is a result of.

    Attributes:
        kind: ``found``, one of the best; or ``passing``, one of the first candidates that are
            accurate enough, whatever their privacy.
        protocol: of the search.
        seed: of the search.
        number: from 1: the rank of a found policy, the position among the passing ones.
    """

    kind: str
    protocol: str
    seed: int
    number: int

    @property
    def name(self) -> str:
        """The name of the policy."""
        return f"{self.kind}-{self.protocol}-s{self.seed}-{self.number}"


def searched_name(kind: str, protocol: str, seed: int, number: int) -> str:
    """Return the name of a search's result.

    Raises:
        ReveilError: the name could not be read back.
    """
    searched = Searched(kind, protocol, seed, number)
    if parse_searched(searched.name) != searched:
        raise ReveilError(
            f"{kind} policy: protocol {protocol!r}, seed {seed!r}, rank {number!r} is not allowed; "
            "allowed: a protocol of lower case letters, digits and '-', seeds from 0, ranks from 1"
        )
    return searched.name


def parse_searched(name: str) -> Searched | None:
    """Return what the name of a search's result says, or None for any other name."""
    match = _SEARCHED.fullmatch(name)
    return Searched(match[1], match[2], int(match[3]), int(match[4])) if match else None
