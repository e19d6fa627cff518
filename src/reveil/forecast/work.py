"""How much work a job is, by its rule and what presets say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reveil import datasets
from reveil.config.experiments import UNTRAINED
from reveil.config.image_checks import training_count
from reveil.config.workload import INNER_STEPS, trained_epochs
from reveil.cvnn.names import is_private
from reveil.forecast.networks import Network, network
from reveil.forecast.rates import ALIKE
from reveil.forecast.settings import Settings
from reveil.lists import list_size
from reveil.unir.names import is_reconstructor

Named = Mapping[str, str]
Values = Mapping[str, Any]

# A test image goes forward only, a third of what a training image takes.
TESTED = 1 / 3
# Of S_acc's images, against a gradient of S_pri: they take no second random start.
ACCURATE = 0.45
SINGLES = 50
# Epochs of an attacker on features, whom patience ends (see rates).
PATIENT_EPOCHS = 100
# Multiply-adds of a decoder of this width for an image of 32 pixels.
DECODER, DECODER_WIDTH = 100e6, 64
# Methods that need no training, or next to none.
QUICK = ("blind", "two_image")
# Iterations that one image of a classical method is worth.
CLASSICAL: Mapping[str, float] = {"biharmonic": 500, "wiener": 2, "median": 5, "normalised": 2}


@dataclass(frozen=True)
class Work:
    """What a job has to do.

    Attributes:
        kind: what a measured job must have in common with it, but for the amount.
        alike: the same, for one whose time may be scaled.
        amount: in the unit of the rule's rate, above 0.
        products: multiply-adds of a pass, for one unit.
        images: that it reads or makes, for what it writes.
        bf16: whether it calculates in bfloat16.
    """

    kind: tuple[str, ...]
    alike: tuple[str, ...]
    amount: float
    products: float = 0.0
    images: int = 0
    bf16: bool = False


def work_of(
    rule: str, named: Named, settings: Settings, found: Values | None = None
) -> Work | None:
    """Return the work of a job, or None for a light one.

    Args:
        rule: that makes it.
        named: its wildcards.
        settings: of the configuration.
        found: what the provenance of a finished job says (``recipe``, ``attack``, ``scene`` and so
            on), which counts instead of the settings.

    Raises:
        ReveilError: a name that means nothing under the configuration.
    """
    law = _LAWS.get("prepare" if ALIKE.get(rule) == "prepare" else rule)
    return law(rule, named, settings, found or {}) if law else None


def block_size(block: str) -> int:
    """Return how many things a block such as ``00016-00031`` holds."""
    first, last = block.split("-")
    return int(last) - int(first) + 1


def network_of(named: Named, settings: Settings) -> Network:
    """Return the network of a job; one that nobody trained is nothing."""
    model, dataset = named["model"], named["dataset"]
    if model == UNTRAINED:
        return Network(0.0, 0.0, 0)
    protection = settings.protection(named["policy"]) if is_private(model) else None
    return network(model, dataset, protection)


def _recipe(named: Named, settings: Settings, found: Values) -> Values:
    said = found.get("recipe")
    # A provenance has the recipe's name under "recipe" where it does not depend on its values.
    if isinstance(said, Mapping) and "batch_size" in said:
        return said
    return settings.recipe(named["recipe"], named["dataset"], named["model"])


def _training(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    recipe, net = _recipe(named, settings, found), network_of(named, settings)
    counts = datasets.get(named["dataset"]).counts
    images = training_count(recipe, counts["train"])
    study = "unir" if is_reconstructor(named["model"]) else "ats"
    amount = trained_epochs(recipe, images, study) * images
    products = net.products + 3 * net.against
    hidden = ""
    if study == "ats":
        amount += TESTED * counts["test"]
        hidden = named["policy"] if is_private(named["model"]) else recipe["defence"]
    place = rule, named["model"], _size(named), hidden, recipe["precision"]
    kind = (*place, named["dataset"])
    return Work(kind, place, amount, products, images, recipe["precision"] == "bf16")


def _attack(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    said = found.get("attack")
    attack = said if isinstance(said, Mapping) else settings.attack(named["attack"])
    images = block_size(named["block"])
    steps = attack["iterations"] * attack["restarts"]
    if attack["method"] == "lbfgs":
        steps *= INNER_STEPS
    if attack["method"] == "aware":
        late = 1 - attack["prune_at"]
        steps *= attack["prune_at"] * attack["max_hypotheses"] + late * attack["keep"]
    alike = rule, named["model"], _size(named), attack["method"], attack["objective"]
    net = network_of(named, settings)
    kind = (*alike, named["dataset"], named["attack"])
    return Work(kind, alike, images * steps, net.products, images)


def _scores(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    search = settings.protocol(named["protocol"])["search"]
    private, accurate = search["s_pri"], search["s_acc"]
    gradients = private["images"]["count"] * (private["points"] + 1)
    tested = accurate["images"]["batches"] * accurate["images"]["batch_size"]
    inits = accurate["init_count"] if accurate["inits"] == "averaged" else 1
    each = gradients * private["repeats"] + ACCURATE * tested * inits
    if rule == "score_candidates":
        amount = block_size(named["block"]) * each
    elif rule == "score_singles":
        amount = SINGLES * each
    elif rule == "score_list":
        repeated = gradients * int(named["repeats"]) + ACCURATE * tested * inits
        amount = list_size(named["list"]) * repeated
    else:
        amount = 2 * gradients * private["repeats"]
    alike = rule, named["model"], _size(named)
    kind = (*alike, named["dataset"], named["protocol"])
    return Work(kind, alike, amount, network_of({**named, "policy": "none"}, settings).products)


def _attacker(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    attack = _feature_attack(named, settings, found)
    features = found.get("features") or settings.protocol(named["protocol"])["features"]
    recipe, net = _recipe(named, settings, found), network_of(named, settings)
    train = datasets.get(named["dataset"]).counts["train"]
    own = recipe["holdout"] if features["attacker_images"] == "heldout" else train
    images = min(features["attacker_count"] or own, train) or train
    epochs = min(attack["max_epochs"], max(attack["min_epochs"], PATIENT_EPOCHS))
    amount = images * (1 if attack["method"] in QUICK else epochs)
    alike = rule, named["model"], _size(named), named["policy"], attack["method"], named["attack"]
    kind = (*alike, named["dataset"])
    products = net.products / 2 + _decoder(attack, named)
    return Work(kind, alike, amount, products, images)


def _guesses(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    attack, net = _feature_attack(named, settings, found), network_of(named, settings)
    images = block_size(named["block"])
    tried = attack["candidates"] if attack["method"] == "angle_search" else 1
    alike = rule, named["model"], _size(named), named["policy"], attack["method"], named["attack"]
    kind = (*alike, named["dataset"])
    products = (_decoder(attack, named) + tried * net.against + net.products) / tried
    return Work(kind, alike, images * tried, products, images)


def _decoder(attack: Values, named: Named) -> float:
    """Return the multiply-adds of an attacker's decoder for one image."""
    return DECODER * (attack["width"] / DECODER_WIDTH) ** 2 * (int(_size(named)) / 32) ** 2


def _feature_attack(named: Named, settings: Settings, found: Values) -> Values:
    said = found.get("attack")
    return said if isinstance(said, Mapping) else settings.feature_attack(named["attack"])


def _reconstruction(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    said = found.get("reconstruction")
    values = said if isinstance(said, Mapping) else settings.reconstruction(named["attack"])
    method, images = values["method"], block_size(named["block"])
    iterates = method in ("tv", "richardson-lucy", "image-prior")
    steps = values["iterations"] if iterates else CLASSICAL.get(method, 1)
    net = network_of(named, settings)
    products = net.products
    if method == "image-prior":
        products = network("unet", named["dataset"]).products * (values["width"] / 16) ** 2
    alike = rule, named["model"], _size(named), method
    return Work((*alike, named["dataset"]), alike, images * steps, products, images)


def _samples(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    count = (
        found.get("samples") or settings.protocol(named["protocol"])["reconstruction"]["samples"]
    )
    alike = rule, named["model"], _size(named)
    net = network_of(named, settings)
    return Work((*alike, named["dataset"]), alike, float(count), net.products, count)


def _preparing(rule: str, named: Named, settings: Settings, found: Values) -> Work:
    data = datasets.get(named["dataset"])
    return Work((rule, data.name), (rule, data.format), array_bytes(data) / 1e6)


def array_bytes(data: datasets.Dataset) -> int:
    """Return the bytes of the arrays of both splits of a dataset."""
    each = data.channels * data.size**2 + 8 + sum(8 * max(1, w) for _, w in data.extras.values())
    return each * sum(data.counts.values())


def _size(named: Named) -> str:
    return str(max(32, datasets.get(named["dataset"]).input_size))


_LAWS: Mapping[str, Callable[[str, Named, Settings, Values], Work]] = {
    "train_model": _training,
    "train_private_model": _training,
    "train_reconstruction": _training,
    "attack_images": _attack,
    "score_candidates": _scores,
    "score_singles": _scores,
    "score_list": _scores,
    "trace_gradsim": _scores,
    "train_attacker": _attacker,
    "attack_features": _guesses,
    "reconstruct_images": _reconstruction,
    "draw_samples": _samples,
    "prepare": _preparing,
}
