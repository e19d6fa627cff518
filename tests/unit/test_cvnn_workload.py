"""The work of the experiments on private networks, counted by hand."""

from pathlib import Path

import pytest

from reveil import config as settings
from reveil.config.presets import merge, read_yaml

ROOT = Path(__file__).resolve().parents[2]


def own(*rows: dict, seeds: tuple[int, ...] = (0,)) -> dict:
    """Return the papers' configuration with one experiment on CIFAR-10, ours alone."""
    place = {"ours": {"protocol": "fixed-cvnn", "places": ["cifar10/resnet20-alpha"]}}
    said = {"title": "Mine", "source": "Ours", "runs": place, "rows": list(rows)}
    changes = {"experiments": {"cvnn-own": said}, "seeds": list(seeds)}
    return merge(read_yaml(ROOT / "config.yaml"), changes)


def test_every_protection_is_a_training_and_every_attack_an_attacker() -> None:
    rows = (
        {"policies": ["none", "rotation"], "attacks": ["inversion1", "two-image"]},
        {"policies": ["rotation", "additional"], "attacks": []},
    )
    work = settings.workload(own(*rows, seeds=(0, 1)), ROOT, "cvnn-own")
    assert work.trainings == 2 * 3
    # 100 epochs of half of the 50,000 images.
    assert work.training_images == 2 * 3 * 100 * 25_000
    assert work.attackers == 2 * 2 * 2
    assert work.attacked_images == 2 * 2 * 2 * 500


def test_an_inference_attack_brings_the_attacker_it_builds_on_once() -> None:
    row = {"policies": ["rotation"], "attacks": ["infer-features", "knn-1", "inversion1-both"]}
    work = settings.workload(own(row), ROOT, "cvnn-own")
    assert work.attackers == 3
    assert work.attacked_images == 3 * 500


def test_attacks_on_features_have_no_iterations() -> None:
    row = {"policies": ["rotation"], "attacks": ["inversion1"]}
    work = settings.workload(own(row), ROOT, "cvnn-own")
    assert work.image_iterations == 0
    place = "cifar10", "resnet20-alpha"
    assert dict(work.units) == {(*place, "training", "cvnn"): 100}
    assert dict(work.epoch_images) == {(*place, "cvnn"): 25_000}


@pytest.mark.parametrize("name", ["cvnn-exp11", "cvnn-ext13"])
def test_counted_layers_need_no_training(name: str) -> None:
    work = settings.workload(read_yaml(ROOT / "config.yaml"), ROOT, name)
    assert (work.trainings, work.attackers, work.attacked_images) == (0, 0, 0)
