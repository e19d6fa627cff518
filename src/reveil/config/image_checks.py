"""Checks against the datasets: searches, victims and trainings must have their images."""

from collections.abc import Iterator, Mapping
from typing import Any

from reveil import datasets, indices
from reveil.config.study import Place, Study
from reveil.datasets import Dataset
from reveil.schedule import steps_per_epoch

Values = Mapping[str, Any]
# Studies whose networks tell classes apart.
CLASSIFYING = ("ats", "cvnn")


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    for place in study.places():
        yield from _victims(study, place)
        for name, switches in study.searches(place).items():
            yield from _search(study, place, name, switches)
        yield from _holdouts(study, place)
        yield from _recipe(study, place, place.switches["recipes"]["full"])
    yield from _pictures(study)


def check_shared(study: Study) -> Iterator[str]:
    """Yield what is wrong where there is no search: with victims, trainings and pictures."""
    for place in study.places():
        yield from _victims(study, place)
        yield from _recipe(study, place, place.switches["recipes"]["full"])
    yield from _pictures(study)


def _labels(study: Study, dataset: Dataset) -> Iterator[str]:
    """Classifiers need classes to tell apart."""
    if study.name in CLASSIFYING and dataset.classes < 2:
        yield (
            f"studies.{study.name}.datasets: {dataset.name!r} is not allowed, as all of its "
            "images are of one class and this study trains classifiers; allowed: datasets of two "
            "classes and more, such as a folder with labels: folders; unir needs no labels"
        )


def _victims(study: Study, place: Place) -> Iterator[str]:
    name = place.switches["recipes"]["full"]
    recipe = study.recipe(name, place.dataset, place.network)
    if recipe:
        key = f"protocols.{place.protocol}.scene.images"
        yield from _rule(key, place.switches["scene"]["images"], place.dataset, recipe["holdout"])


def _search(study: Study, place: Place, name: str, switches: Values) -> Iterator[str]:
    """A search must have its images and its model, and cannot take more than it scores."""
    search, tiny = switches["search"], switches["recipes"]["tiny"]
    key = f"protocols.{name}.search"
    if search["final"] > search["candidates"]:
        yield (
            f"{key}.final: {search['final']} is not allowed; search.candidates is "
            f"{search['candidates']}; allowed: 1 to {search['candidates']}"
        )
    recipe = study.recipe(tiny, place.dataset, place.network)
    if recipe:
        for score in ("s_pri", "s_acc"):
            rule = search[score]["images"]
            yield from _rule(f"{key}.{score}.images", rule, place.dataset, recipe["holdout"])
    yield from _recipe(study, place, tiny)


def _rule(key: str, rule: Values, dataset: str, holdout: int) -> Iterator[str]:
    if holdout >= datasets.get(dataset).counts["train"]:
        return  # told by _training_images
    for problem in indices.check_rule(rule, datasets.get(dataset), holdout):
        yield f"{key} on {dataset}: {problem}"


def _holdouts(study: Study, place: Place) -> Iterator[str]:
    """Where held-out images are used, neither recipe may train on those of the other."""
    search, names = place.switches["search"], place.switches["recipes"]
    rules = (
        search["s_pri"]["images"],
        search["s_acc"]["images"],
        place.switches["scene"]["images"],
    )
    recipes = {name: study.recipe(name, place.dataset, place.network) for name in names.values()}
    if not all(recipes.values()) or all(rule["split"] != "heldout" for rule in rules):
        return
    if len({recipe["holdout"] for recipe in recipes.values()}) > 1:
        both = " and ".join(f"{name!r} ({recipe['holdout']})" for name, recipe in recipes.items())
        yield (
            f"protocols.{place.protocol}.recipes on {place.dataset}: {both} hold out different "
            "training images, so what one holds out the other would train on; give both one holdout"
        )


def _recipe(study: Study, place: Place, name: str) -> Iterator[str]:
    """A recipe must leave images to train on, and its optimizer must accept its settings."""
    recipe = study.recipe(name, place.dataset, place.network)
    if recipe is None:
        return
    yield from training_problems(study, name, recipe, datasets.get(place.dataset))


def training_problems(study: Study, name: str, recipe: Values, dataset: Dataset) -> Iterator[str]:
    """Yield what keeps a recipe from training on a dataset.

    What a derived recipe has of another one is told by the name of that.
    """
    yield from _labels(study, dataset)
    yield from _stop(name, recipe, dataset)
    name, _ = study.presets["recipes"].split(name)
    yield from _training_images(name, recipe, dataset)
    if recipe["optimizer"] == "sgd" and recipe["nesterov"] and not recipe["momentum"]:
        yield (
            f"recipes.{name}.nesterov: true is not allowed with momentum {recipe['momentum']}; "
            "allowed: false, or a momentum above 0"
        )


def _training_images(name: str, recipe: Values, dataset: Dataset) -> Iterator[str]:
    images, classes = dataset.counts["train"], dataset.classes
    holdout, batch = recipe["holdout"], recipe["batch_size"]
    count = training_count(recipe, images)
    if images - holdout < classes:
        yield (
            f"recipes.{name}.holdout on {dataset.name}: {holdout} leaves "
            f"{max(images - holdout, 0)} of the {images} training images; allowed: 0 to "
            f"{images - classes}, so that each of the {classes} classes can have one"
        )
    elif count < classes:
        yield (
            f"recipes.{name}.subset.fraction on {dataset.name}: {recipe['subset']['fraction']} of "
            f"the {images} training images is {count}; allowed: fractions that leave {classes} or "
            "more, so that each class can have one"
        )
    elif recipe["drop_last"] and count < batch:
        yield (
            f"recipes.{name}.batch_size on {dataset.name}: {batch} is not allowed with drop_last, "
            f"as there are {count} training images and so no batch; allowed: 1 to {count}, or "
            "drop_last: false"
        )


def _stop(name: str, recipe: Values, dataset: Dataset) -> Iterator[str]:
    """A training cannot be stopped after its end."""
    count = training_count(recipe, dataset.counts["train"])
    batches = steps_per_epoch(count, recipe["batch_size"], recipe["drop_last"])
    steps = recipe["epochs"] * batches
    if recipe["stop_after"] is not None and steps and recipe["stop_after"] > steps:
        yield (
            f"recipes.{name} on {dataset.name}: stop_after {recipe['stop_after']} is not allowed, "
            f"as the whole training has {steps} steps; allowed: 0 to {steps}"
        )


def training_count(recipe: Values, images: int) -> int:
    """Return how many of ``images`` a recipe trains on, as ``indices.training_indices`` does."""
    left = images - recipe["holdout"]
    subset = recipe["subset"]
    return left if subset["rule"] == "all" else min(round(subset["fraction"] * images), left)


def _pictures(study: Study) -> Iterator[str]:
    """The pictures shown must be among the attacked ones."""
    positions = (study.section.get("pictures") or {}).get("images") or []
    for name, switches in study.protocols().items():
        count = switches["scene"]["images"]["count"]
        for index, position in enumerate(positions):
            if position is not None and position >= count:
                yield (
                    f"studies.{study.name}.pictures.images[{index}]: {position} is not allowed; "
                    f"protocol {name!r} attacks {count} images; allowed: 0 to {count - 1}"
                )
