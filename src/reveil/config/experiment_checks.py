"""Checks of the experiments: each names what exists, and can be done where it is asked for."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from reveil import datasets, defence_names, indices, lists, policies
from reveil.config import private_checks, unir_checks
from reveil.config.attack_checks import label_problems, scene_problems
from reveil.config.bounds_checks import is_stretched, shift_problems
from reveil.config.defence_checks import batch_problems
from reveil.config.experiments import (
    KIND,
    Page,
    expand_policies,
    experiment_of,
    nowhere,
    pages_of,
    recipe_name,
    study_of,
)
from reveil.config.image_checks import training_problems
from reveil.config.name_checks import caught, check_recipe, with_key
from reveil.config.other_study import with_home
from reveil.config.presets import DEFAULT, KINDS
from reveil.config.study import NAME, Study
from reveil.datasets.folders import PREFIX
from reveil.errors import ReveilError, not_allowed

Values = Mapping[str, Any]

# Of the studies whose policies and attacks are presets.
ROW_CHECKS = {"cvnn": private_checks.row_problems, "unir": unir_checks.row_problems}
_COUNTED = re.compile(r"(plain-)?(dra|random)-([1-9]\d*)")


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong: with all experiments by themselves, with those asked for in full."""
    presets, allowed = study.presets[KIND], study.section.get("experiments") or {}
    yield from _where(study, allowed)
    own = [name for name in presets.names if study_of(name) == study.name]
    targets = [name for name in allowed.get("targets") or [] if name is not None]
    for index, name in enumerate(targets):
        if name not in own and not (study.known(KIND, name) and name not in presets.names):
            key = f"studies.{study.name}.experiments.targets[{index}]"
            yield with_home(study, "targets", name, not_allowed(key, name, own))
    for name in own:
        yield from check_experiment(study, name, full=name in targets)


def check_experiment(study: Study, name: str, *, full: bool = True) -> Iterator[str]:
    """Yield what is wrong with one experiment: its names; in full, whether it can be done here."""
    allowed = study.section.get("experiments") or {}
    try:
        experiment = experiment_of(study.presets[KIND], name)
        links = study.presets[KIND].chain(name)
    except ReveilError:
        return  # told by name_checks
    if study.broken & {(KIND,), *((KIND, link) for link in links)}:
        return  # told by the schema
    problems = list(_runs(study, name, experiment))
    yield from problems
    complete = all(allowed.get(part) for part in ("datasets", "models")) and "stand_ins" in allowed
    lost = study.broken & {(kind,) for kind in KINDS if kind != KIND}
    if full and complete and not problems and not lost:
        yield from _places(study, name, experiment, allowed)


def _where(study: Study, allowed: Values) -> Iterator[str]:
    """The datasets, models and stand-ins must exist."""
    key = f"studies.{study.name}.experiments"
    for index, name in enumerate(allowed.get("datasets") or []):
        if name not in datasets.DATASETS:
            yield not_allowed(f"{key}.datasets[{index}]", name, datasets.DATASETS)
    for index, name in enumerate(allowed.get("models") or []):
        yield from _model(study, name, f"{key}.models[{index}]")
    for name, other in (allowed.get("stand_ins") or {}).items():
        known = datasets.DATASETS if _is_dataset(name) else None
        if known and other not in known:
            yield not_allowed(f"{key}.stand_ins.{name}", other, known)
        elif not known:
            yield from _model(study, name, f"{key}.stand_ins")
            yield from _model(study, other, f"{key}.stand_ins.{name}")


def _is_dataset(name: str) -> bool:
    """Whether a place may name it: places in folders that nobody has are left out."""
    return name in datasets.DATASETS or name.startswith(PREFIX)


def _model(study: Study, name: str, key: str) -> Iterator[str]:
    for message in caught(partial(study.check_model, name), key):
        yield with_home(study, "models", name, message)


def _runs(study: Study, name: str, experiment: Values) -> Iterator[str]:
    """Runs must name protocols and places that exist."""
    for run, settings in experiment["runs"].items():
        key = f"{KIND}.{name}.runs.{run}"
        missing = [part for part in ("protocol", "places") if part not in settings]
        yield from (f"{key}.{part}: is missing" for part in missing)
        if missing:
            continue
        for role in ("protocol", "attacked"):
            if role in settings and not study.known("protocols", settings[role]):
                names = study.presets["protocols"].names
                yield not_allowed(f"{key}.{role}", settings[role], names)
        for place in settings["places"]:
            dataset, _, model = place.partition("/")
            if not _is_dataset(dataset):
                yield not_allowed(f"{key}.places", dataset, datasets.DATASETS)
            yield from _model(study, model, f"{key}.places, {place}")
    if study.name == NAME:
        for listed in experiment["lists"]:
            yield from caught(partial(lists.list_size, listed), f"{KIND}.{name}.lists")
    else:
        yield from _no_lists(name, experiment, experiment_of(study.presets[KIND], DEFAULT))


def _no_lists(name: str, experiment: Values, default: Values) -> Iterator[str]:
    """Only the study of policies for gradients can score them."""
    for part in ("lists", "repeats"):
        if experiment[part] != default[part]:
            yield (
                f"{KIND}.{name}.{part}: {experiment[part]!r} has no effect in this study, which "
                f"scores no policies; allowed: {default[part]!r}"
            )


def _places(study: Study, name: str, experiment: Values, allowed: Values) -> Iterator[str]:
    sound = _sound(study, allowed)
    pages = pages_of(experiment, study.presets["protocols"], sound)
    if not pages and sound == allowed:
        yield nowhere(name, experiment, allowed)
    told: set[str] = set()
    for page in pages:
        for position, row in enumerate(experiment["rows"]):
            key = f"{KIND}.{name}.rows[{position}]"
            for message in _row(study, key, page, row, tuple(experiment["runs"])):
                if message not in told:
                    told.add(message)
                    yield message


def _sound(study: Study, allowed: Values) -> Values:
    """Return what experiments may be done with, without what is told to be wrong by _where."""

    def exists(name: str) -> bool:
        return name in datasets.DATASETS or not any(_model(study, name, ""))

    stand_ins = {name: other for name, other in allowed["stand_ins"].items() if exists(other)}
    models = [name for name in allowed["models"] if exists(name)]
    data = [name for name in allowed["datasets"] if name in datasets.DATASETS]
    return {**allowed, "datasets": data, "models": models, "stand_ins": stand_ins}


def _row(study: Study, key: str, page: Page, row: Values, runs: tuple[str, ...]) -> Iterator[str]:
    known = list(dict.fromkeys(("published", "ours", *runs)))
    for part, run in enumerate(row.get("runs", [])):
        if run not in known:
            yield not_allowed(f"{key}.runs[{part}]", run, known)
    if page.run not in row.get("runs", [page.run]):
        return
    if page.origin[1] not in row.get("models", [page.origin[1]]):
        return
    switches = study.protocol(page.protocol)
    if switches is None:
        return
    own = switches["recipes"].values()
    if not any(list(check_recipe(study, key, name)) for name in own):
        for role in row.get("recipes", ["full"]):
            yield from _recipe(study, f"{key}.recipes", page, recipe_name(role, switches, "none"))
    for variant in row.get("variants", [""]):
        yield from _scene(study, key, page, f"{page.attacked}-{variant}".removesuffix("-"))
    if study.name == NAME:
        yield from _gradients(study, key, page, row, switches)
    else:
        yield from ROW_CHECKS[study.name](study, key, page, row)


def _gradients(study: Study, key: str, page: Page, row: Values, switches: Values) -> Iterator[str]:
    """What is attacked by its gradients must be possible."""
    for attack in row.get("attacks", []):
        if not study.known("attacks", attack):
            message = not_allowed(f"{key}.attacks", attack, study.presets["attacks"].names)
            yield with_home(study, "attacks", attack, message)
    defences = row.get("defences", ["none"])
    for defence in defences:
        yield from caught(partial(defence_names.parse, defence), f"{key}.defences")
    yield from _policies(study, key, page, row)
    yield from _shifts(study, page, row, switches)
    for variant in row.get("variants", [""]):
        yield from _attacks(study, page, row, f"{page.attacked}-{variant}".removesuffix("-"))


def _attacks(study: Study, page: Page, row: Values, protocol: str) -> Iterator[str]:
    """Each attack must be one that can be done on the victims."""
    switches = study.protocol(protocol) if study.known("protocols", protocol) else None
    dataset = datasets.get(page.dataset)
    for name in row.get("attacks", ["inversed"]) if switches else []:
        if study.known("attacks", name) and (attack := study.attack(name)):
            yield from scene_problems(name, attack, protocol, switches["scene"])
            yield from label_problems(name, attack, protocol, switches["scene"], dataset)


def _policies(study: Study, key: str, page: Page, row: Values) -> Iterator[str]:
    for entry in map(str, row["policies"]):
        match = _COUNTED.fullmatch(entry)
        if match and not (match[2] == "random" and int(match[3]) <= 10):
            listed = entry.removeprefix("plain-")
            yield from caught(partial(lists.list_size, listed), f"{key}.policies")
            continue
        try:
            policies.resolve_alias(entry, *page.origin, page.protocol, 0)
        except ReveilError as error:
            message = with_key(f"{key}.policies", error)
            yield with_home(study, "policies", entry, message)


def _shifts(study: Study, page: Page, row: Values, switches: Values) -> Iterator[str]:
    """Attacks that learn shifts must have limits for each policy; of a list the first is told."""
    victims = study.protocol(page.attacked)
    stretched = victims and is_stretched(
        study, switches["recipes"]["full"], page.dataset, page.model
    )
    for name in row.get("attacks", []) if victims else []:
        attack = study.attack(name) if study.known("attacks", name) else None
        if attack is None or attack["method"] not in ("translation", "aware"):
            continue
        for entry in map(str, row["policies"]):
            found = (
                problem
                for policy in _expanded(entry, page, switches)
                for problem in shift_problems(
                    name, attack, policy, victims["scene"], stretched=stretched
                )
            )
            yield from islice(found, 1)


def _expanded(entry: str, page: Page, switches: Values) -> list[str]:
    try:
        return expand_policies(entry, page, switches, 0)
    except ReveilError:
        return []  # told by _policies


def _recipe(study: Study, key: str, page: Page, name: str) -> Iterator[str]:
    yield from check_recipe(study, key, name)
    if recipe := study.recipe(name, page.dataset, page.model):
        yield from training_problems(study, name, recipe, datasets.get(page.dataset))


def _scene(study: Study, key: str, page: Page, name: str) -> Iterator[str]:
    """The victims' images must exist, and a block hold whole batches."""
    if not study.known("protocols", name):
        yield not_allowed(f"{key}.variants", name, study.presets["protocols"].names)
        return
    switches = study.protocol(name)
    if switches is None:
        return
    scene = switches["scene"]
    recipe = study.recipe(switches["recipes"]["full"], page.dataset, page.model)
    if recipe and recipe["holdout"] < datasets.get(page.dataset).counts["train"]:
        rule = scene["images"]
        for problem in indices.check_rule(rule, datasets.get(page.dataset), recipe["holdout"]):
            yield f"protocols.{name}.scene.images on {page.dataset}: {problem}"
    yield from batch_problems(name, scene, study.section.get("block"))
