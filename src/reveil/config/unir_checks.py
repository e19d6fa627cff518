"""Checks of the study of reconstructions: its names exist, and what it combines goes together."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from reveil import datasets
from reveil.config import (
    effects,
    image_checks,
    operator_checks,
    reconstruction_checks,
    section_checks,
    unir_fit,
)
from reveil.config.experiments import ATTACK, NETWORK, Page, recipe_name
from reveil.config.name_checks import caught, check_recipe
from reveil.config.other_study import with_home
from reveil.config.presets import DEFAULT
from reveil.config.resolve import values_of
from reveil.config.study import CHECK_MODEL, NAME, Place, Study
from reveil.errors import ReveilError, not_allowed
from reveil.unir import variants

Values = Mapping[str, Any]
Entries = Sequence[tuple[str, str]]

PRESETS = {"policies": "operators", "attacks": "reconstructions"}
# The recipe that those of generators stand on, and its keys that the training of a generator has no
# use for: its optimiser is Adam, its end a number of steps, and its images are not augmented.
GENERATORS = "unir"
UNUSED = ("epochs", "optimizer", "momentum", "nesterov", "weight_decay", "milestones",
          "loss_factor", "drop_last", "augment", "normalisation")  # fmt: skip


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    yield from operator_checks.check(study)
    yield from reconstruction_checks.check(study)
    yield from effects.told(study, "recipes", partial(_alone, study), "reconstruction")
    yield from _unused(study)
    yield from _classifiers(study)
    yield from section_checks.check(study, PRESETS)
    for entry, name in study.entries("recipes"):
        if name != "full":
            yield from check_recipe(study, entry, name)
    yield from image_checks.check_shared(study)
    yield from _section(study)


def row_problems(study: Study, key: str, page: Page, row: Values) -> Iterator[str]:
    """Yield what is wrong with a row of an experiment on reconstructions.

    All that a row lists must go together; what does not is a row of its own.

    Args:
        study: of reconstructions.
        key: of the row.
        page: where it is done.
        row: policies, recipes and attacks, and what else a row may have.
    """
    if row.get("defences", ["none"]) != ["none"]:
        yield (
            f"{key}.defences: {row['defences']!r} is not allowed in this study, as no gradient is "
            "shared; allowed: none"
        )
    policies = [(f"{key}.policies", name) for name in row["policies"]]
    attacks = [(f"{key}.attacks", name) for name in row.get("attacks", [ATTACK[study.name]])]
    yield from section_checks.unknown(study, "policies", PRESETS["policies"], policies)
    yield from section_checks.unknown(study, "attacks", PRESETS["attacks"], attacks)
    switches = study.protocol(page.protocol)
    if switches is None:
        return
    place = Place(page.protocol, switches, page.dataset, page.origin[1], page.model)
    methods = [study.reconstruction(name) for _, name in attacks]
    trains = not attacks or any(method and method.method == NETWORK for method in methods)
    roles = row.get("recipes", ["full"]) if trains else ["full"]
    recipes = [(f"{key}.recipes", recipe_name(role, switches, "none")) for role in roles]
    yield from _images(study, place, policies, recipes, f"{key}: {page.model}", trains=trains)
    for policy, recipe in ((p, r) for p in policies for r in recipes):
        told = _misfit(study, place, policy, recipe) if trains else None
        if told:
            yield told
        for attack in attacks:
            yield from _apply(study, place, policy, recipe, attack)


def _alone(study: Study, settings: Values, default: Values) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong with it) for the reconstruction of a recipe by itself."""
    assumed = settings["assumed"]
    if assumed and not study.known("operators", assumed):
        message = not_allowed("assumed", assumed, study.presets["operators"].names)
        told = with_home(study, "policies", assumed, message)
        yield "assumed", told.removeprefix("assumed: ")
    if wrong := variants.wrong_d_input(settings):
        yield "d_input", wrong


def _unused(study: Study) -> Iterator[str]:
    """What has no effect on a generator stays as it is in the recipe of all of them."""
    presets = study.presets["recipes"]
    stand = [
        n for n in presets.names if study.sound("recipes", n) and GENERATORS in presets.chain(n)
    ]
    kept = {**values_of(presets, DEFAULT), **presets.files[GENERATORS]}
    for name in stand:
        values, base = (values_of(presets, n) for n in (name, presets.chain(name)[-2]))
        for key in UNUSED:
            of_base = name != GENERATORS and values[key] == base[key]
            if values[key] != kept[key] and not of_base:
                yield (
                    f"recipes.{name}.{key}: {values[key]!r} has no effect on generators, which "
                    "Adam trains for reconstruction.steps on images as they are; allowed: "
                    f"{kept[key]!r}, as in recipe {GENERATORS}"
                )


def _classifiers(study: Study) -> Iterator[str]:
    """What images made of noise are scored by must be a network that classifies."""
    presets = study.presets["protocols"]
    for layers in (presets.files, presets.changes):
        for name, layer in layers.items():
            if classifier := (layer.get("reconstruction") or {}).get("classifier"):
                key = f"protocols.{name}.reconstruction.classifier"
                ats = partial(CHECK_MODEL[NAME], classifier)
                for message in caught(ats, key):
                    yield with_home(study, "models", classifier, message)


def _section(study: Study) -> Iterator[str]:
    """Each entry of the lists must go with something; what does not go together is left out."""
    policies, attacks = study.entries("policies"), study.entries("attacks")
    keys = {name: key for key, name in study.existing("models")}
    fitted: set[str] = set()
    reasons: dict[str, str] = {}
    for place in study.places():
        recipes = _known_recipes(study, place)
        key = keys[place.model]
        yield from _images(study, place, policies, recipes, key, trains=True)
        if any(study.recipe(name, place.dataset, place.network) is None for _, name in recipes):
            return  # told by name_checks or the schema
        for policy, recipe in ((p, r) for p in policies for r in recipes):
            told = _misfit(study, place, policy, recipe)
            if told is None:
                fitted |= {key, recipe[0]}
            for entry in (key, recipe[0]) if told else ():
                reasons.setdefault(entry, f"{entry}: {told.partition(': ')[2]}")
            for attack in attacks:
                wrong = [*_apply(study, place, policy, recipe, attack)]
                if not wrong:
                    fitted.add(attack[0])
                for message in wrong:
                    reasons.setdefault(attack[0], message)
    for entry in [entry for entry in reasons if entry not in fitted]:
        yield f"{reasons[entry]}; nothing else in studies.unir goes with it"


def _known_recipes(study: Study, place: Place) -> Entries:
    names = [
        (key, recipe_name(role, place.switches, "none")) for key, role in study.entries("recipes")
    ]
    return [(key, name) for key, name in names if not any(check_recipe(study, key, name))]


def _images(
    study: Study, place: Place, policies: Entries, recipes: Entries, model: str, *, trains: bool
) -> Iterator[str]:
    """The images of a dataset must be such as operators, networks and batches take."""
    dataset = datasets.get(place.dataset)
    for _, name in recipes:
        recipe = _recipe(study, place, name)
        if recipe is None:
            continue
        for key, policy in policies:
            operator = study.operator(policy)
            problem = operator and unir_fit.shape_problem(operator, dataset, recipe)
            if problem:
                yield f"{key}: {policy!r} is not allowed {problem}"
        if trains:
            yield from _own(name, recipe)
            if problem := unir_fit.size_problem(place.network, dataset, recipe):
                yield f"{model}: {problem}"
            if problem := unir_fit.batch_problem(dataset, recipe):
                yield f"recipes.{name}.{problem}"


def _own(name: str, recipe: Values) -> Iterator[str]:
    """What is a matter of shared gradients, or of early models, reconstructions do not have."""
    for part, only in (("defence", "none"), ("stop_after", None)):
        if recipe[part] != only:
            yield (
                f"recipes.{name}: {part} {recipe[part]!r} is not allowed for reconstructions; "
                f"allowed: {only or 'null'}"
            )


def _misfit(
    study: Study, place: Place, policy: tuple[str, str], recipe: tuple[str, str]
) -> str | None:
    """Return why a recipe does not train the network of a place under an operator, or None."""
    operator, settings = study.operator(policy[1]), _recipe(study, place, recipe[1])
    if operator is None or settings is None or variants.wrong_d_input(settings["reconstruction"]):
        return None
    problem = unir_fit.training_problem(settings, place.network, operator)
    return problem and f"{recipe[0]}: {recipe[1]!r}: {problem}"


def _apply(
    study: Study,
    place: Place,
    policy: tuple[str, str],
    recipe: tuple[str, str],
    attack: tuple[str, str],
) -> Iterator[str]:
    """Yield why a reconstruction cannot be made of what an operator measures."""
    operator, method = study.operator(policy[1]), study.reconstruction(attack[1])
    settings = _recipe(study, place, recipe[1])
    if operator is None or method is None or settings is None:
        return
    if problem := unir_fit.method_problem(method, operator):
        yield f"{attack[0]}: {attack[1]!r}: {problem}"
    elif problem := unir_fit.network_problem(method, recipe[1], settings, place.network):
        yield f"{attack[0]}: {problem}"


def _recipe(study: Study, place: Place, name: str) -> Values | None:
    try:
        return study.recipe(name, place.dataset, place.network)
    except ReveilError:
        return None  # told by name_checks
