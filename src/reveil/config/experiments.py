"""Experiments: what each table or figure of the reports asks to be attacked, scored and trained.

A preset in ``config/experiments`` names the runs of an experiment (the protocol of the report that
made it, and ours), the places (dataset and model) of each, and rows: products of policies,
attacks, defences, recipes and variants of the protocol. Used while the graph is planned.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial, reduce
from itertools import product
from typing import Any

from reveil import lists, policies
from reveil.config.presets import Presets, merge
from reveil.config.resolve import architecture, protocol_of, values_of

Config = Mapping[str, Any]
Root = str | os.PathLike[str]

KIND = "experiments"
STUDIES = ("ats", "cvnn", "unir")
# What is attacked with where a row does not say.
ATTACK = {"ats": "inversed", "cvnn": "inversion1", "unir": "network"}
FULL = "full"
# Model and recipe of what is attacked, or reconstructed, by no trained network.
UNTRAINED = "none"
# Method of the reconstructions that a trained network makes.
NETWORK = "network"
TINY = "tiny"
_LIST = re.compile(r"(plain-)?(dra|random)-(\d+)")
# Ten random policies have names of their own, see reveil.policies.
_NAMED = 10


@dataclass(frozen=True)
class Page:
    """One run of an experiment on one dataset and model.

    Attributes:
        run: name of the run in the preset: ``published`` or ``ours``.
        protocol: of searches and trainings.
        attacked: protocol whose scene the attacks have; its variants add a suffix.
        dataset: name of the dataset, a stand-in if the configuration says so.
        model: name of the network.
        origin: dataset and model that the preset names, which decide the published policies.
    """

    run: str
    protocol: str
    attacked: str
    dataset: str
    model: str
    origin: tuple[str, str]

    @property
    def names(self) -> dict[str, str]:
        """The wildcards of its searches and trainings."""
        return {"protocol": self.protocol, "dataset": self.dataset, "model": self.model}


@dataclass(frozen=True)
class Cell:
    """One policy on one page: a model, and an attack on it unless ``attack`` is None.

    Attributes:
        page: where.
        protocol: of the attack.
        policy: canonical name.
        recipe: of the model.
        attack: name of the attack, or None.
        defence: what is done to the gradient.
    """

    page: Page
    protocol: str
    policy: str
    recipe: str
    attack: str | None
    defence: str


def resolve_experiment(config: Config, root: Root, name: str) -> dict[str, Any]:
    """Return the experiment ``name`` with every key.

    Raises:
        ReveilError: there is no such experiment.
    """
    return experiment_of(Presets.load(config, root, KIND), name)


def experiment_of(presets: Presets, name: str) -> dict[str, Any]:
    """Return the experiment ``name`` of loaded presets."""
    layers = [{k: v for k, v in layer.items() if k != "base"} for layer in presets.layers(name)]
    return reduce(merge, layers, {})


def experiment_names(config: Config, root: Root) -> list[str]:
    """Return the names of all experiments."""
    return Presets.load(config, root, KIND).names


def study_of(name: str) -> str:
    """Return the study of an experiment: what its name begins with, ``ats`` for names of one's own.

    Args:
        name: of the experiment, ``cvnn-exp02``.
    """
    first = name.partition("-")[0]
    return first if first in STUDIES else STUDIES[0]


def pages(config: Config, root: Root, name: str) -> list[Page]:
    """Return where an experiment is done under this configuration; empty if nowhere.

    Places keep to the datasets and models of ``studies.{study}.experiments``, after its stand-ins;
    of places that stand-ins make one, the first stays.
    """
    protocols = Presets.load(config, root, "protocols")
    experiment = resolve_experiment(config, root, name)
    return pages_of(experiment, protocols, config["studies"][study_of(name)]["experiments"])


def pages_of(
    experiment: Mapping[str, Any], protocols: Presets, allowed: Mapping[str, Any]
) -> list[Page]:
    """Return ``pages`` of a complete experiment and loaded presets.

    Args:
        experiment: with every key.
        protocols: the presets of that kind.
        allowed: ``datasets``, ``models`` and ``stand_ins``.
    """
    found: dict[tuple[str, ...], Page] = {}
    for run, settings in experiment["runs"].items():
        switches = protocol_of(protocols, settings["protocol"])
        for place in settings["places"]:
            origin = tuple(place.split("/"))
            dataset, model = (allowed["stand_ins"].get(part, part) for part in origin)
            if dataset not in allowed["datasets"] or model not in allowed["models"]:
                continue
            network = architecture(switches, dataset, model)
            attacked = settings.get("attacked", settings["protocol"])
            page = Page(run, settings["protocol"], attacked, dataset, network, origin)
            found.setdefault((run, page.protocol, dataset, network), page)
    return list(found.values())


def cells(config: Config, root: Root, name: str, seed: int) -> list[Cell]:
    """Return the cells of an experiment for one seed, each once.

    Raises:
        ReveilError: a policy, protocol or recipe that does not exist.
    """
    protocols = Presets.load(config, root, "protocols")
    # Hundreds of rows share a few protocols.
    switches_of = cache(partial(protocol_of, protocols))
    study, experiment = study_of(name), resolve_experiment(config, root, name)
    trains = networks_of(study, Presets.load(config, root, "reconstructions"))
    found = [
        cell
        for page in pages_of(experiment, protocols, config["studies"][study]["experiments"])
        for row in experiment["rows"]
        for cell in _cells(study, page, row, switches_of(page.protocol), seed)
    ]
    return list(dict.fromkeys(cell if trains(cell.attack) else untrained(cell) for cell in found))


def networks_of(study: str, reconstructions: Presets) -> Callable[[str | None], bool]:
    """Return a function from an attack of a study, or None, to whether it is on a trained network.

    Args:
        study: reconstructions of ``unir`` may be made without one.
        reconstructions: the presets of that kind.
    """
    if study != "unir":
        return lambda attack: True
    return cache(
        lambda attack: not attack or values_of(reconstructions, attack)["method"] == NETWORK
    )


def untrained(cell: Cell) -> Cell:
    """Return a cell as it is where no network is trained for it, the same for all networks."""
    origin = (cell.page.origin[0], UNTRAINED)
    page = replace(cell.page, model=UNTRAINED, origin=origin)
    return replace(cell, page=page, recipe=UNTRAINED)


def _cells(
    study: str, page: Page, row: Mapping[str, Any], switches: Mapping[str, Any], seed: int
) -> Iterator[Cell]:
    if page.run not in row.get("runs", [page.run]):
        return
    if page.origin[1] not in row.get("models", [page.origin[1]]):
        return
    names = [
        policy
        for entry in row["policies"]
        for policy in (
            expand_policies(str(entry), page, switches, seed) if study == "ats" else [str(entry)]
        )
    ]
    for variant, policy, role, attack, defence in product(
        row.get("variants", [""]),
        names,
        row.get("recipes", [FULL]),
        row.get("attacks", [ATTACK[study]]) or [None],
        row.get("defences", ["none"]),
    ):
        protocol = f"{page.attacked}-{variant}" if variant else page.attacked
        recipe = recipe_name(role, switches, defence)
        yield Cell(page, protocol, policy, recipe, attack, defence)


def recipe_name(role: str, switches: Mapping[str, Any], defence: str) -> str:
    """Return the recipe that a row means by a role under a protocol.

    Args:
        role: ``full``, ``tiny``, one of them with ``-after-{steps}``, or the name of a recipe.
        switches: the protocol with every key.
        defence: that the model is trained under, too.
    """
    head, after, steps = role.partition("-after-")
    under = "" if defence == "none" else f"-with-{defence}"
    return switches["recipes"].get(head, head) + under + after + steps


def expand_policies(entry: str, page: Page, switches: Mapping[str, Any], seed: int) -> list[str]:
    """Return the canonical policies that an entry stands for: one, or those of a list.

    ``dra-{n}`` are the first n policies of the correlation experiment of Drabent et al. (2022),
    ``random-{n}``, for n above 10, the first n candidates of the protocol's generator under seed 0,
    whatever the seed; ``plain-`` before them attacks them on the model trained without a policy.

    Raises:
        ReveilError: neither a policy, nor an alias, nor a list.
    """
    match = _LIST.fullmatch(entry)
    if match and not (match[2] == "random" and int(match[3]) <= _NAMED):
        prefix = match[1] or ""
        listed = list_policies(f"{match[2]}-{match[3]}", switches)
        return [policies.canonical(prefix + policy) for policy in listed]
    return [policies.resolve_alias(entry, *page.origin, page.protocol, seed)]


def list_policies(name: str, switches: Mapping[str, Any]) -> list[str]:
    """Return the policies of a list, the same for every seed, without repeats and the empty one."""
    listed = lists.fixed_list(name)
    if listed is None:
        drawn = {key: switches["search"][key] for key in ("slots", "slot_max")}
        listed = lists.drawn_before(name, **drawn)
    if listed is None:
        # Drawn by torch, which planning pays for only where such a list is used.
        from reveil.candidates import policy_list

        listed = policy_list(name, **drawn)["policy"]
    return [policy for policy in dict.fromkeys(listed) if policy != policies.NONE]


def nowhere(name: str, experiment: Mapping[str, Any], allowed: Mapping[str, Any]) -> str:
    """Return why an experiment can be done nowhere under this configuration."""
    places = sorted({p for run in experiment["runs"].values() for p in run["places"]})
    return (
        f"experiment {name!r}: none of its places ({', '.join(places)}) is among the datasets "
        f"({', '.join(allowed['datasets'])}) and models ({', '.join(allowed['models'])}) of "
        f"studies.{study_of(name)}.experiments; add them there, or name stand-ins"
    )
