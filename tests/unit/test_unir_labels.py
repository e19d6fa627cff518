"""Every operator and method of unir has a label of its own, and an order."""

import pytest

from reveil.unir.labels import (
    method_label,
    method_of,
    method_order,
    operator_label,
    operator_order,
)
from tests.workflow import ROOT

OPERATORS = sorted(p.stem for p in (ROOT / "config/operators").glob("*.yaml"))
METHODS = sorted(p.stem for p in (ROOT / "config/reconstructions").glob("*.yaml"))
WITHOUT = {"default", "network", "network-averaged"}


@pytest.mark.parametrize(
    ("names", "label"),
    [(OPERATORS, operator_label), (METHODS, method_label)],
    ids=["operator", "method"],
)
def test_every_preset_has_a_label_of_its_own(names, label):
    labels = [label(name) for name in names if name not in WITHOUT]
    assert len(set(labels)) == len(labels) > 10
    assert not set(labels) & set(names)


@pytest.mark.parametrize(
    ("recipe", "attack", "method", "label"),
    [
        ("unir", "network", "unir", "UNIR"),
        ("unir", "network-averaged", "unir network-averaged", "UNIR, averaged weights"),
        ("none", "keep", "keep", "Measurement as it is"),
        (
            "regress-pajot2019",
            "network",
            "regress-pajot2019",
            "Regression on clean images, released settings",
        ),
        ("mine", "network", "mine", "mine"),
        ("mine", "other", "mine other", "mine, other"),
    ],
)
def test_a_method_is_the_recipe_or_what_trains_nothing(recipe, attack, method, label):
    assert method_of(recipe, attack) == method
    assert method_label(method) == label


def test_operators_come_by_kind_and_share():
    mixed = ["convolve-noise", "mine", "block-pixels-50", "remove-pixel-dark-90", "patch-band",
             "block-pixels-0", "remove-pixel-dark-50"]  # fmt: skip
    assert sorted(mixed, key=operator_order) == [
        "remove-pixel-dark-50", "remove-pixel-dark-90", "block-pixels-0", "block-pixels-50",
        "patch-band", "convolve-noise", "mine",
    ]  # fmt: skip


def test_labels_of_operators_tell_their_numbers():
    assert operator_label("remove-pixel-dark-50") == "Remove-Pixel-Dark, 50 %"
    assert operator_label("blur-noise-10") == "Convolve + noise, 0.1"
    assert operator_label("folder-7") == "folder-7"


def test_methods_come_from_the_method_of_the_study_to_what_trains_nothing():
    mixed = ["keep", "regress", "zzz", "unir network-averaged", "splitting-pajot2019", "unir"]
    assert sorted(mixed, key=method_order) == [
        "unir", "unir network-averaged", "splitting-pajot2019", "regress", "keep", "zzz",
    ]  # fmt: skip
