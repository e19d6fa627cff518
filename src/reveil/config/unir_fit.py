"""What goes together in a reconstruction: images, an operator, a network, a recipe and a method.

Used while the graph is planned, so it imports no torch. Each function returns what is wrong, with
what would be allowed, or None.
"""

from collections.abc import Mapping
from typing import Any

from reveil.config.experiments import NETWORK
from reveil.config.image_checks import training_count
from reveil.config.image_sizes import PADDED
from reveil.datasets import Dataset
from reveil.errors import ReveilError
from reveil.unir import methods, names, variants
from reveil.unir.methods import MethodSettings
from reveil.unir.operators.settings import OperatorSettings, shape_problems

Recipe = Mapping[str, Any]

# Networks that halve the image until a few pixels are left.
HALVING = ("dcgan", "dcgan-unet", "ambient-cifar")
LARGEST_START = 7


def image_shape(dataset: Dataset, recipe: Recipe) -> tuple[int, int, int]:
    """Return (C, H, W) of the images that are measured."""
    padded = dataset.family == "fashion-mnist" and recipe["fmnist_pipeline"] != "native28"
    size = PADDED if padded else dataset.size
    return dataset.channels, size, size


def shape_problem(operator: OperatorSettings, dataset: Dataset, recipe: Recipe) -> str | None:
    """Why the images of a dataset cannot be measured."""
    problems = shape_problems(operator, image_shape(dataset, recipe))
    return f"on {dataset.name}: {'; '.join(problems)}" if problems else None


def size_problem(model: str, dataset: Dataset, recipe: Recipe) -> str | None:
    """Why a network cannot take the images of a dataset."""
    side = size = image_shape(dataset, recipe)[1]
    while side > LARGEST_START and side % 2 == 0:
        side //= 2
    if names.parse(model).family in HALVING and side > LARGEST_START:
        return (
            f"{model!r} is not allowed on {dataset.name}, whose images are of {size} pixels a "
            f"side; allowed: 4 to {LARGEST_START} times a power of 2"
        )
    return None


def batch_problem(dataset: Dataset, recipe: Recipe) -> str | None:
    """Why the training images do not fill a batch, or the two of an unpaired step."""
    count = training_count(recipe, dataset.counts["train"])
    variant = variants.get(recipe["reconstruction"]["variant"])
    most = count // (2 if variant.real == variants.OTHER_CLEAN else 1)
    # That a holdout leaves none is told by itself.
    if count > 0 and recipe["batch_size"] > most:
        return (
            f"batch_size on {dataset.name}: {recipe['batch_size']} is not allowed for {count} "
            f"training images; allowed: 1 to {most}"
        )
    return None


def training_problem(recipe: Recipe, model: str, operator: OperatorSettings) -> str | None:
    """Why a network cannot be trained by a recipe on what an operator measures."""
    try:
        variants.check(recipe["reconstruction"], model, operator)
    except ReveilError as error:
        return str(error).removeprefix("recipe.reconstruction.")
    return None


def method_problem(method: MethodSettings, operator: OperatorSettings) -> str | None:
    """Why a method cannot reconstruct what an operator measures."""
    try:
        methods.require(method.method, operator)
    except ReveilError as error:
        return str(error)
    return None


def network_problem(method: MethodSettings, name: str, recipe: Recipe, model: str) -> str | None:
    """Why a trained network does not reconstruct as a method asks.

    Args:
        method: how images are reconstructed.
        name: of the recipe.
        recipe: that the network is trained by.
        model: of the network.
    """
    if method.method != NETWORK:
        return None
    if not names.reconstructs(model):
        return (
            f"{method.name!r} is not allowed for {model!r}, which makes images of noise and "
            "reconstructs none; allowed: methods that need no network, or none"
        )
    if method.weights == "averaged" and not recipe["reconstruction"]["ema"]:
        return (
            f"{method.name!r} is not allowed with recipe {name!r}, whose reconstruction.ema is 0; "
            "allowed: weights last, or a recipe with ema above 0"
        )
    return None
