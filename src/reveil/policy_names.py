"""The grammar of policy names: prefixes, members and operations, and what is wrong with a name.

Used while the graph is planned, so it does not import torch.
"""

import re
from typing import NamedTuple

from reveil.aliases import ALIASES, parse_searched
from reveil.errors import ReveilError, nearest
from reveil.plugins import known

OPERATIONS = 50
MAX_LENGTH = 3
NONE = "none"
CROP_FLIP = "crop-flip"
ONLY = "only-"
PLAIN = "plain-"

_GRAMMAR = (
    f"{NONE}, {CROP_FLIP}, i-j-k (1 to {MAX_LENGTH} operations, each 0 to {OPERATIONS - 1}), "
    f"a+b (a hybrid of such), {ONLY}<policy> and {PLAIN}<policy>"
)
_INDICES = frozenset(map(str, range(OPERATIONS)))


class Parts(NamedTuple):
    """What a valid name is made of.

    Attributes:
        augment: see :class:`reveil.policies.Policy`.
        members: sorted names.
        plain: whether the model knows no policy.
    """

    augment: str | None
    members: tuple[str, ...]
    plain: bool = False

    @property
    def name(self) -> str:
        """The canonical name."""
        if self.augment == "crop_flip":
            return CROP_FLIP
        return (ONLY if self.augment else PLAIN if self.plain else "") + "+".join(self.members)


def split(name: str) -> Parts:
    """Return the parts of a valid name.

    Raises:
        ReveilError: the name is none of the forms; with what is meant where that can be told.
    """
    if not isinstance(name, str):
        raise ReveilError(f"policy {name!r}: not a text; allowed: {_GRAMMAR}")
    if name in (NONE, CROP_FLIP):
        return Parts(None if name == NONE else "crop_flip", (NONE,))
    prefix, bare = without_prefix(name)
    members = bare.split("+")
    problem = next(filter(None, map(_problem, members)), None)
    if name == "":
        problem = "is empty"
    elif problem is None and len(set(members)) < len(members):
        problem = "names one member twice"
    if problem:
        raise ReveilError(_explain(name, problem))
    augment = "policy" if prefix == ONLY else None
    return Parts(augment, tuple(sorted(members)), plain=prefix == PLAIN)


def without_prefix(name: str) -> tuple[str, str]:
    """Return ``only-``, ``plain-`` or nothing, and the rest of a name."""
    prefix = next((p for p in (ONLY, PLAIN) if name.startswith(p)), "")
    return prefix, name.removeprefix(prefix)


def is_plugged(member: str) -> bool:
    """Return whether a member is a transformation that a plug-in gives."""
    return known.find(known.POLICY, member, known.ATS) is not None


def _problem(member: str) -> str | None:
    """Return what is wrong with one member, or None."""
    if parse_searched(member) or is_plugged(member):
        return None
    if member == "":
        return "has an empty member beside '+', 'only-' or 'plain-'"
    if not re.fullmatch(r"[0-9-]+", member):
        return f"{member!r} is no policy"
    indices = member.split("-")
    if member.startswith("-"):
        return "begins with '-': the -1 of the search, no operation, stands in no policy"
    if "" in indices:
        return f"{member!r} has an empty operation beside '-'"
    for index in indices:
        if index.lstrip("0") != index and index != "0":
            return f"operation {index!r} is written with a leading zero"
        if index not in _INDICES:
            return f"operation {index} is not in the library"
    if len(indices) > MAX_LENGTH:
        return f"{member!r} has {len(indices)} operations"
    return None


def _explain(name: str, problem: str) -> str:
    hint = _nearest_valid(name)
    allowed = ", ".join((_GRAMMAR, *known.names(known.POLICY, known.ATS)))
    message = f"policy {name!r}: {problem}; allowed: {allowed}"
    return f"{message}; did you mean {hint!r}?" if hint else message


def _nearest_valid(name: str) -> str | None:
    """Return the valid name that ``name`` misses by a slip of the keyboard, or None."""
    prefix, bare = without_prefix(name)
    if not re.fullmatch(r"[0-9+-]*", bare):
        return nearest(name, (NONE, CROP_FLIP, *ALIASES, *known.names(known.POLICY, known.ATS)))
    members = []
    for member in bare.split("+"):
        indices = [index.lstrip("0") or "0" for index in member.split("-") if index]
        if indices and not member.startswith("-"):
            members.append("-".join(indices))
    members = sorted(set(members))
    if not members or any(map(_problem, members)):
        return None
    return prefix + "+".join(members)
