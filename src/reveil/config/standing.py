"""Which plug-ins a job stands on, by the names in the path of what it makes."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reveil import policies
from reveil.config import resolve
from reveil.config.experiments import UNTRAINED
from reveil.cvnn.names import is_private
from reveil.digest import data_digest
from reveil.errors import ReveilError
from reveil.plugins import known
from reveil.plugins.known import Declared
from reveil.unir.names import is_reconstructor

Config = Mapping[str, Any]
Root = str | os.PathLike[str]
Named = Mapping[str, str]

# What resolves the preset that an attack's name is, by study.
ATTACKS: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "ats": ("attacks", resolve.resolve_attack),
    "cvnn": ("feature_attacks", resolve.resolve_feature_attack),
    "unir": ("reconstructions", resolve.resolve_reconstruction),
}


def digest_behind(config: Config, root: Root, named: Named) -> str:
    """Return 16 hex digits of the plug-ins that a job stands on; empty where it stands on none.

    Args:
        config: the checked configuration.
        root: of the repository.
        named: wildcards of the job's outputs: ``dataset``, ``model``, ``policy``, ``recipe``,
            ``defence``, ``study`` and ``attack`` are looked at, those that are there.
    """
    found = {one.key: one.digest for one in behind(config, root, named) if one is not None}
    return data_digest(sorted(found.items())) if found else ""


def behind(config: Config, root: Root, named: Named) -> Iterator[Declared | None]:
    """Yield what plug-ins give to a job, and None for what else it is made of."""
    yield known.find(known.DATASET, named.get("dataset"))
    yield known.network(named.get("model"))
    yield known.find(known.DEFENCE, named.get("defence"))
    try:
        yield from _policy(config, root, named)
        yield from _recipe(config, root, named)
        yield from _attack(config, root, named)
    except ReveilError:
        return  # of files that no rule here makes, which Snakemake tells


def _policy(config: Config, root: Root, named: Named) -> Iterator[Declared | None]:
    policy, model = named.get("policy"), named.get("model")
    if policy is None or model is None:
        return
    if is_private(model):
        kind = resolve.resolve_protection(config, root, policy).kind
        yield known.find(known.POLICY, kind, known.CVNN)
    elif is_reconstructor(model) or model == UNTRAINED:
        yield _operator(config, root, policy)
    else:
        for member in policies.member_names(policy):
            yield known.find(known.POLICY, member, known.ATS)


def _operator(config: Config, root: Root, name: str) -> Declared | None:
    kind = resolve.resolve_operator(config, root, name).kind
    return known.find(known.POLICY, kind, known.UNIR)


def _recipe(config: Config, root: Root, named: Named) -> Iterator[Declared | None]:
    names = [named.get(key) for key in ("recipe", "dataset", "model")]
    if None in names or UNTRAINED in names:
        return
    recipe = resolve.resolve_recipe(config, root, *names)
    yield known.find(known.DEFENCE, recipe["defence"])
    if is_reconstructor(names[2]) and (assumed := recipe["reconstruction"]["assumed"]):
        yield _operator(config, root, assumed)


def _attack(config: Config, root: Root, named: Named) -> Iterator[Declared | None]:
    if "attack" not in named or named.get("study") not in ATTACKS:
        return
    kind, resolved = ATTACKS[named["study"]]
    found = resolved(config, root, named["attack"])
    yield known.built_on(kind, found if isinstance(found, Mapping) else vars(found))
