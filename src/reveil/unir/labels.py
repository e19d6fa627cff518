"""What a reader sees in place of the names of operators and methods of reconstruction.

A method of a table or figure is what made the images: the recipe of a trained network, or the
preset of a reconstruction that trains nothing, whose rows have the recipe ``none``.
"""

import re

UNTRAINED = "none"
NETWORK = "network"
AVERAGED = "network-averaged"
# Recipes that see clean images, other ones than those of their measurements included; also the
# beginnings of names of their variants.
SUPERVISED = ("unpaired", "paired", "regress")

_METHODS = {
    "unir": "UNIR",
    "unir-average": "UNIR with EMA",
    "unir-hinge": "UNIR, hinge and spectral norm",
    "unir-least-squares": "UNIR, least squares",
    "unir-two-rates": "UNIR, two learning rates",
    "unir-fresh": "UNIR, fresh corruption",
    "unir-own-noise": "UNIR, noise drawn twice",
    "unir-detach-both": "UNIR, likelihood detached at both",
    "unir-detach-none": "UNIR, likelihood not detached",
    "unir-detach-output": "UNIR, likelihood detached at output",
    "unir-weight-0": "UNIR, lambda 0",
    "unir-weight-05": "UNIR, lambda 0.5",
    "unir-weight-1": "UNIR, lambda 1",
    "unir-weight-5": "UNIR, lambda 5",
    "unir-weight-10": "UNIR, lambda 10",
    "unir-weight-20": "UNIR, lambda 20",
    "unir-1k": "UNIR, 1,000 measurements",
    "unir-5k": "UNIR, 5,000 measurements",
    "unir-20k": "UNIR, 20,000 measurements",
    "unir-60k": "UNIR, all measurements",
    "unir-assumed-30": "UNIR, assumed p = 0.3",
    "unir-assumed-50": "UNIR, assumed p = 0.5",
    "unir-assumed-70": "UNIR, assumed p = 0.7",
    "unir-assumed-noise": "UNIR, assumed blur and noise",
    "cond-ambient": "Conditional AmbientGAN",
    "unir-released": "UNIR, released code",
    "guo2020-intended": "Report, as described",
    "splitting": "Measurement splitting",
    "unpaired": "Unpaired clean images",
    "paired": "Paired clean images",
    "regress": "Regression on clean images",
    "keep": "Measurement as it is",
    "mean-fill": "Mean of observed values",
    "mean-image": "Mean image",
    "median": "Masked median",
    "normalised-1": "Normalised convolution, sigma 1",
    "normalised-15": "Normalised convolution, sigma 1.5",
    "normalised-2": "Normalised convolution, sigma 2",
    "normalised-3": "Normalised convolution, sigma 3",
    "tv": "Total variation",
    "biharmonic": "Biharmonic",
    "wiener": "Wiener",
    "richardson-lucy": "Richardson-Lucy",
    "image-prior": "Deep image prior",
    "ambientgan": "AmbientGAN",
    "ignore": "GAN on measurements",
    "unmeasure-blur": "GAN on blurred measurements",
    "unmeasure-tv": "GAN after total variation",
    "unmeasure-biharmonic": "GAN after biharmonic",
    "unmeasure-wiener": "GAN after Wiener",
    "guo2020-code": "Report's code",
}
# End of a recipe's name by whose settings it is -> what that adds to the label.
_WHOSE = {"-pajot2019": ", released settings", "-bora2018": ", their settings"}
_OPERATORS = {
    "identity": "Identity",
    "patch-band": "Patch-Band",
    "patch-half": "Patch, half by half",
    "block-patch": "Block-patch",
    "keep-patch": "Keep-patch",
    "extract-patch": "Extract-patch",
    "convolve-noise": "Convolve-Noise, 0.3",
    "convolve-noise-10": "Convolve-Noise, 0.1",
    "pad-rotate-project": "Pad-rotate-project",
    "pad-rotate-project-2": "Pad-rotate-project, 2 angles",
    "pad-rotate-project-theta": "Pad-rotate-project-theta",
}
# Names that end in per cent: in the order of figures.
_SHARES = {
    "remove-pixel-dark": "Remove-Pixel-Dark",
    "remove-pixel": "Remove-Pixel",
    "block-pixels": "Block-pixels",
    "row-runs": "Row runs",
}
_NOISY = "blur-noise"


def method_of(recipe: str, attack: str) -> str:
    """Return the method that a row is of: its recipe, or its reconstruction if nothing is trained.

    Args:
        recipe: ``none`` for reconstructions that train nothing.
        attack: preset of the reconstruction; one other than ``network`` follows the recipe.
    """
    if recipe == UNTRAINED:
        return attack
    return recipe if attack == NETWORK else f"{recipe} {attack}"


def method_label(method: str) -> str:
    """Return the label of a method, its name if it has none."""
    recipe, _, attack = method.partition(" ")
    name, whose = _whose(recipe)
    label = _METHODS.get(name, name) + whose
    return f"{label}, {weights_label(attack)}" if attack else label


def _whose(recipe: str) -> tuple[str, str]:
    """Return the recipe of ours that one of a report's settings is, and what these add."""
    for end, told in _WHOSE.items():
        if recipe not in _METHODS and recipe.removesuffix(end) in _METHODS:
            return recipe.removesuffix(end), told
    return recipe, ""


def plain_recipe(recipe: str) -> str:
    """Return the recipe of ours that one of a report's settings is; any other as it is."""
    return _whose(recipe)[0]


def weights_label(attack: str) -> str:
    """Return what is told of a network's reconstruction other than the one by its last weights."""
    return "averaged weights" if attack == AVERAGED else attack


def operator_label(policy: str) -> str:
    """Return the label of an operator, its name if it has none."""
    if match := re.fullmatch(r"(.+)-(\d+)", policy):
        name, number = match[1], int(match[2])
        if name in _SHARES:
            return f"{_SHARES[name]}, {number} %"
        if name == _NOISY:
            return f"Convolve + noise, {number / 100:g}"
    return _OPERATORS.get(policy, policy)


def method_order(method: str) -> tuple[int, str]:
    """Return a sort key: adversarial, other trained, supervised, untrained, samplers, others."""
    known = list(_METHODS)
    recipe, _ = _whose(method.partition(" ")[0])
    return (known.index(recipe) if recipe in _METHODS else len(known)), method


def operator_order(policy: str) -> tuple[int, int, str]:
    """Return a sort key: pixels by their share, then patches, blur and projections."""
    match = re.fullmatch(r"(.+?)-(\d+)", policy)
    if match and match[1] in _SHARES:
        return list(_SHARES).index(match[1]), int(match[2]), policy
    known = list(_OPERATORS)
    place = known.index(policy) if policy in _OPERATORS else len(known)
    return len(_SHARES) + place, int(match[2]) if match else 0, policy
