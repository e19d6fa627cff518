"""Policies: what is done to an image before an adversary sees a trace of it, by name and as a file.

A policy of transformations is written ``i-j-k``: one to three indices into the library of 50,
applied from left to right. ``a+b`` is a hybrid: one member is drawn for each image. Used while the
graph is planned, so it does not import torch.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reveil import datasets
from reveil.errors import ReveilError, nearest

OPERATIONS = 50
MAX_LENGTH = 3
NONE = "none"
CROP_FLIP = "crop-flip"
ONLY = "only-"
RANDOM = "19-1-18"
AUGMENTS = (None, "crop_flip", "policy")
ALIASES = (
    "random",
    "published-1",
    "published-2",
    "published-hybrid",
    "found-1",
    "found-2",
    "found-hybrid",
)

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

_GRAMMAR = (
    f"{NONE}, {CROP_FLIP}, i-j-k (1 to {MAX_LENGTH} operations, each 0 to {OPERATIONS - 1}), "
    f"a+b (a hybrid of such) and {ONLY}<policy>"
)
_INDICES = frozenset(map(str, range(OPERATIONS)))
_FOUND = re.compile(r"found-([a-z0-9]+(?:-[a-z0-9]+)*)-s(0|[1-9]\d*)-([1-9]\d*)")


@dataclass(frozen=True)
class Policy:
    """What is done to images.

    Attributes:
        name: canonical name.
        members: tuples of operation indices; one is drawn per image. No operations: ``((),)``.
        augment: what a victim gets whatever the scene says: ``"crop_flip"`` (no operations),
            ``"policy"`` (no crop and flip), or None to leave it to the scene.
        source: ``"config"``, or the search that found it.
    """

    name: str
    members: tuple[tuple[int, ...], ...]
    augment: str | None = None
    source: str = "config"


def parse(name: str) -> Policy:
    """Return the policy that ``name`` spells out.

    Raises:
        ReveilError: the name is none of the forms, or names a search's result, whose operations
            are known only to its file.
    """
    augment, members = _split(name)
    for member in members:
        if parse_found(member):
            raise ReveilError(
                f"policy {name!r}: {member} is the result of a search, which its name does not "
                "spell out; read its policy file"
            )
    operations = tuple(() if m == NONE else tuple(map(int, m.split("-"))) for m in members)
    return Policy(_join(augment, members), operations, augment)


def canonical(name: str) -> str:
    """Return the one name of a policy, found or spelled out: members of a hybrid are sorted."""
    return _join(*_split(name))


def member_names(name: str) -> tuple[str, ...]:
    """Return the members of a policy by name, in the order of its file: one unless a hybrid."""
    return _split(name)[1]


def augment_of(name: str) -> str | None:
    """Return what the name says of a victim's crop and flip; see ``Policy.augment``."""
    return _split(name)[0]


def trained_name(name: str) -> str:
    """Return the policy the model was trained with: ``crop-flip`` and ``only-`` ask no training."""
    return _join(None, _split(name)[1])


def found_name(protocol: str, seed: int, rank: int) -> str:
    """Return the name of a search's result; rank 1 is the best."""
    name = f"found-{protocol}-s{seed}-{rank}"
    if parse_found(name) != (protocol, seed, rank):
        raise ReveilError(
            f"found policy: protocol {protocol!r}, seed {seed!r}, rank {rank!r} is not allowed; "
            "allowed: a protocol of lower case letters, digits and '-', seeds from 0, ranks from 1"
        )
    return name


def parse_found(name: str) -> tuple[str, int, int] | None:
    """Return (protocol, seed, rank) of one found policy, or None for any other name."""
    match = _FOUND.fullmatch(name)
    return (match[1], int(match[2]), int(match[3])) if match else None


def role(name: str) -> str:
    """Return the label of a policy in tables: the same for what different seeds found.

    ``found-fixed-s0-1`` is ``found-1``, a hybrid of found policies is ``found-hybrid``; any other
    policy goes by its name.
    """
    augment, members = _split(name)
    found = [parse_found(member) for member in members]
    if not all(found):
        return _join(augment, members)
    label = f"found-{found[0][2]}" if len(found) == 1 else "found-hybrid"
    return _join(augment, (label,))


def resolve_alias(alias: str, dataset: str, model: str, protocol: str, seed: int) -> str:
    """Return the canonical name that a config's policy stands for.

    ``published-...`` depends on dataset and model (Gao et al. 2021). Colour datasets other than
    CIFAR-100 take its policies, as Drabent et al. (2022) do on Tiny-ImageNet, and models other than
    the two of the paper take those of ResNet20-4. ``found-...`` depends on protocol and seed.
    ``only-`` may stand before any alias.

    Raises:
        ReveilError: neither an alias nor a policy, or an unknown dataset.
    """
    prefix, plain = (ONLY, alias[len(ONLY) :]) if alias.startswith(ONLY) else ("", alias)
    if plain not in ALIASES:
        return canonical(alias)
    if plain == "random":
        return prefix + RANDOM
    kind, which = plain.split("-")
    if kind == "published":
        family = datasets.get(dataset).family
        pair = PUBLISHED[
            family if family == "fashion-mnist" else "cifar100",
            "convnet" if model.startswith("convnet") else "resnet20",
        ]
    else:
        pair = (found_name(protocol, seed, 1), found_name(protocol, seed, 2))
    return canonical(prefix + ("+".join(pair) if which == "hybrid" else pair[int(which) - 1]))


def to_json(policy: Policy) -> dict[str, Any]:
    """Return what a policy file holds."""
    return {
        "name": policy.name,
        "members": [list(member) for member in policy.members],
        "augment": policy.augment,
        "source": policy.source,
    }


def read(path: str | os.PathLike[str]) -> Policy:
    """Read a policy file.

    Raises:
        ReveilError: the file is missing, is no JSON, or does not say a valid policy.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReveilError(f"policy file {os.fspath(path)}: cannot be read: {error}") from error
    try:
        return _from_json(content)
    except ReveilError as error:
        raise ReveilError(f"policy file {os.fspath(path)}: {error}") from error


def _from_json(content: Any) -> Policy:
    keys = ("name", "members", "augment", "source")
    if not isinstance(content, dict) or sorted(content) != sorted(keys):
        raise ReveilError(f"not a policy; allowed: a JSON object of {', '.join(keys)}")
    name, members, augment, source = (content[key] for key in keys)
    if not isinstance(name, str) or not isinstance(source, str):
        raise ReveilError(f"name: {name!r}, source: {source!r} are not allowed; allowed: texts")
    if not isinstance(members, list) or not all(map(_is_member, members)):
        raise ReveilError(
            f"members: {members!r} is not allowed; allowed: lists of up to {MAX_LENGTH} "
            f"operations, each 0 to {OPERATIONS - 1}"
        )
    policy = Policy(name, tuple(map(tuple, members)), augment, source)
    named_augment, names = _split(name)
    if name != _join(named_augment, names):
        raise ReveilError(
            f"name: {name!r} is not allowed; did you mean {_join(named_augment, names)!r}?"
        )
    if augment != named_augment:
        raise ReveilError(
            f"augment: {augment!r} is not allowed for {name!r}; allowed: {named_augment!r}"
        )
    if any(map(parse_found, names)):
        agrees = len(names) == len(members)
    else:
        agrees = policy.members == parse(name).members
    if not agrees:
        raise ReveilError(f"members: {members!r} are not those of {name!r}")
    return policy


def _is_member(member: Any) -> bool:
    return (
        isinstance(member, list)
        and len(member) <= MAX_LENGTH
        and all(type(index) is int and 0 <= index < OPERATIONS for index in member)
    )


def _split(name: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the augment that a valid name asks for, and its members sorted."""
    if not isinstance(name, str):
        raise ReveilError(f"policy {name!r}: not a text; allowed: {_GRAMMAR}")
    if name in (NONE, CROP_FLIP):
        return (None if name == NONE else "crop_flip"), (NONE,)
    augment = "policy" if name.startswith(ONLY) else None
    members = name.removeprefix(ONLY).split("+")
    problem = next(filter(None, map(_problem, members)), None)
    if name == "":
        problem = "is empty"
    elif problem is None and len(set(members)) < len(members):
        problem = "names one member twice"
    if problem:
        raise ReveilError(_explain(name, problem))
    return augment, tuple(sorted(members))


def _join(augment: str | None, members: tuple[str, ...]) -> str:
    if augment == "crop_flip":
        return CROP_FLIP
    return (ONLY if augment == "policy" else "") + "+".join(members)


def _problem(member: str) -> str | None:
    """Return what is wrong with one member, or None."""
    if parse_found(member):
        return None
    if member == "":
        return "has an empty member beside '+' or 'only-'"
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
    message = f"policy {name!r}: {problem}; allowed: {_GRAMMAR}"
    return f"{message}; did you mean {hint!r}?" if hint else message


def _nearest_valid(name: str) -> str | None:
    """Return the valid name that ``name`` misses by a slip of the keyboard, or None."""
    if not re.fullmatch(r"[0-9+-]*", name.removeprefix(ONLY)):
        return nearest(name, (NONE, CROP_FLIP, *ALIASES))
    members = []
    for member in name.removeprefix(ONLY).split("+"):
        indices = [index.lstrip("0") or "0" for index in member.split("-") if index]
        if indices and not member.startswith("-"):
            members.append("-".join(indices))
    members = sorted(set(members))
    if not members or any(map(_problem, members)):
        return None
    return (ONLY if name.startswith(ONLY) else "") + "+".join(members)
