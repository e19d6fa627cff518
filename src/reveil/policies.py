"""Policies: what is done to an image before an adversary sees a trace of it, by name and as a file.

A policy of transformations is written ``i-j-k``: one to three indices into the library of 50,
applied from left to right. ``a+b`` is a hybrid: one member is drawn for each image. ``only-``
before it leaves out crop and flip, and ``plain-`` has its victims share gradients of the model that
was trained without any policy. A transformation of a plug-in stands for itself, and may be a member
of a hybrid. Used while the graph is planned, so it does not import torch.
"""

import os
from dataclasses import dataclass
from typing import Any

from reveil import datasets, policy_files
from reveil.aliases import (
    ALIASES,
    FOUND,
    PASSED,
    PUBLISHED,
    RANDOM,
    RANDOM_POLICIES,
    parse_searched,
    searched_name,
)
from reveil.errors import ReveilError
from reveil.policy_names import MAX_LENGTH, NONE, OPERATIONS, is_plugged, split, without_prefix

# An index into the library, or the name of a transformation of a plug-in.
Operation = int | str


@dataclass(frozen=True)
class Policy:
    """What is done to images.

    Attributes:
        name: canonical name.
        members: tuples of operation indices, or of the name of a plug-in's transformation; one is
            drawn per image. No operations: ``((),)``.
        augment: what a victim gets whatever the scene says: ``"crop_flip"`` (no operations),
            ``"policy"`` (no crop and flip), or None to leave it to the scene.
        source: ``"config"``, or the search that found it.
    """

    name: str
    members: tuple[tuple[Operation, ...], ...]
    augment: str | None = None
    source: str = "config"

    @property
    def plugged(self) -> bool:
        """Whether a plug-in's code is a part of it."""
        return any(isinstance(step, str) for member in self.members for step in member)


def parse(name: str) -> Policy:
    """Return the policy that ``name`` spells out.

    Raises:
        ReveilError: the name is none of the forms, or names a search's result, whose operations
            are known only to its file.
    """
    parts = split(name)
    for member in parts.members:
        if parse_searched(member):
            raise ReveilError(
                f"policy {name!r}: {member} is the result of a search, which its name does not "
                "spell out; read its policy file"
            )
    return Policy(parts.name, tuple(map(_operations, parts.members)), parts.augment)


def _operations(member: str) -> tuple[Operation, ...]:
    if is_plugged(member):
        return (member,)
    return () if member == NONE else tuple(map(int, member.split("-")))


def canonical(name: str) -> str:
    """Return the one name of a policy, searched or spelled out: members of a hybrid are sorted."""
    return split(name).name


def member_names(name: str) -> tuple[str, ...]:
    """Return the members of a policy by name, in the order of its file: one unless a hybrid."""
    return split(name).members


def augment_of(name: str) -> str | None:
    """Return what the name says of a victim's crop and flip; see ``Policy.augment``."""
    return split(name).augment


def trained_name(name: str) -> str:
    """Return the policy the model was trained with: ``crop-flip`` and ``only-`` ask no training.

    The model of ``plain-`` was trained with none.
    """
    parts = split(name)
    return NONE if parts.plain else "+".join(parts.members)


def found_name(protocol: str, seed: int, rank: int) -> str:
    """Return the name of a search's result; rank 1 is the best."""
    return searched_name(FOUND, protocol, seed, rank)


def role(name: str) -> str:
    """Return the label of a policy in tables: the same for what different seeds found.

    ``found-fixed-s0-1`` is ``found-1``, a hybrid of found policies is ``found-hybrid``,
    ``passing-fixed-s0-3`` is ``passing-3``; any other policy goes by its name.
    """
    parts = split(name)
    searched = [parse_searched(member) for member in parts.members]
    if len(searched) == 1 and searched[0]:
        return parts._replace(members=(f"{searched[0].kind}-{searched[0].number}",)).name
    if all(member and member.kind == FOUND for member in searched):
        return parts._replace(members=("found-hybrid",)).name
    return parts.name


def resolve_alias(alias: str, dataset: str, model: str, protocol: str, seed: int) -> str:
    """Return the canonical name that a config's policy stands for.

    ``published-...`` depends on dataset and model (Gao et al. 2021). Colour datasets other than
    CIFAR-100 take its policies, as Drabent et al. (2022) do on Tiny-ImageNet, and models other than
    the two of the paper take those of ResNet20-4. ``found-...`` and ``passing-...`` depend on
    protocol and seed. ``only-`` or ``plain-`` may stand before any alias.

    Raises:
        ReveilError: neither an alias nor a policy, or an unknown dataset.
    """
    prefix, bare = without_prefix(alias)
    if bare not in ALIASES:
        return canonical(alias)
    if bare == "random":
        return prefix + RANDOM
    kind, which = bare.split("-")
    if kind == "random":
        return prefix + RANDOM_POLICIES[int(which) - 1]
    if kind == PASSED:
        return prefix + searched_name(PASSED, protocol, seed, int(which))
    if kind == "published":
        family = datasets.get(dataset).family
        pair = PUBLISHED[
            family if family == "fashion-mnist" else "cifar100",
            "convnet" if model.startswith("convnet") else "resnet20",
        ]
    else:
        pair = (found_name(protocol, seed, 1), found_name(protocol, seed, 2))
    return canonical(prefix + ("+".join(pair) if which == "hybrid" else pair[int(which) - 1]))


def first_member(policy: Policy) -> int:
    """Return the position of the member of a hybrid that is named first.

    The name of a policy sorts its members; of a published pair it is the one that Gao et al. (2021)
    list first, as Drabent et al. (2022) name them on their command line.
    """
    members = split(policy.name).members
    pairs = (pair for pair in PUBLISHED.values() if set(pair) == set(members))
    return next((members.index(pair[0]) for pair in pairs), 0)


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
    return policy_files.read(path, _from_json)


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
    parts = split(name)
    if name != parts.name:
        raise ReveilError(f"name: {name!r} is not allowed; did you mean {parts.name!r}?")
    if augment != parts.augment:
        raise ReveilError(
            f"augment: {augment!r} is not allowed for {name!r}; allowed: {parts.augment!r}"
        )
    if any(map(parse_searched, parts.members)):
        agrees = len(parts.members) == len(members)
    else:
        agrees = policy.members == parse(name).members
    if not agrees:
        raise ReveilError(f"members: {members!r} are not those of {name!r}")
    return policy


def _is_member(member: Any) -> bool:
    if isinstance(member, list) and len(member) == 1 and isinstance(member[0], str):
        return is_plugged(member[0])
    return (
        isinstance(member, list)
        and len(member) <= MAX_LENGTH
        and all(type(index) is int and 0 <= index < OPERATIONS for index in member)
    )
