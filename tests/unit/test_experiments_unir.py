"""The experiments of the study of reconstructions: their pages and cells, and their work."""

from pathlib import Path

import pytest

from reveil import config as settings
from reveil.config.experiments import UNTRAINED, Cell
from reveil.config.presets import merge, read_yaml
from reveil.unir import names

KNOWN = tuple(f"unir-exp{number:02}" for number in range(1, 18))
# The report whose result an experiment stands beside.
PUBLISHED = {
    **dict.fromkeys(("unir-exp01", "unir-exp02", "unir-exp03"), "guo2020"),
    **dict.fromkeys(("unir-exp04", "unir-exp15", "unir-exp16"), "pajot2019"),
    **dict.fromkeys(("unir-exp10", "unir-exp11"), "bora2018"),
}
CLASSICAL = {"keep", "mean-image", "mean-fill", "median", "normalised-15", "tv", "biharmonic"}


@pytest.fixture(scope="module")
def paper(root: Path) -> dict:
    return read_yaml(root / "config.yaml")


def laid(root: Path, paper: dict, *files: str) -> dict:
    config = paper
    for name in files:
        config = merge(config, read_yaml(root / "config" / f"{name}.yaml"))
    return config


def own(paper: dict, *rows: dict, place: str = "fashion-mnist/unet", seeds=(0,)) -> dict:
    """Return the papers' configuration with one experiment, ours alone."""
    places = [place] if isinstance(place, str) else place
    runs = {"ours": {"protocol": "fixed-unir", "places": places}}
    said = {"title": "Mine", "source": "Ours", "runs": runs, "rows": list(rows)}
    return merge(paper, {"experiments": {"unir-own": said}, "seeds": list(seeds)})


def parts(cells: list[Cell], *keys: str) -> set[tuple[str, ...]]:
    return {tuple(getattr(cell, key) for key in keys) for cell in cells}


@pytest.mark.parametrize("name", KNOWN)
def test_experiments_run_as_published_and_as_ours(root, paper, name) -> None:
    runs = {page.run: page.protocol for page in settings.pages(paper, root, name)}
    published = {"published": PUBLISHED[name]} if name in PUBLISHED else {}
    assert runs == {**published, "ours": "fixed-unir"}


@pytest.mark.parametrize(
    ("files", "without"),
    [
        (("demo",), set()),
        (("tiny",), set()),
        (("fashion",), {"unir-exp16"}),
        (("fashion-unir",), {"unir-exp16"}),
        (("fashion-unir", "fashion-unir-cpu"), {"unir-exp16"}),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_configurations_are_valid_and_have_the_places(root, paper, files, without) -> None:
    config = laid(root, paper, *files)
    assert settings.check(config, root) == []
    assert {n for n in KNOWN if not settings.pages(config, root, n)} == without


def test_the_main_experiment_has_all_methods_on_four_operators(root, paper) -> None:
    cells = settings.cells(paper, root, "unir-exp04", 0)
    ours = [c for c in cells if c.page.run == "ours" and c.page.dataset == "fashion-mnist"]
    masks = {"remove-pixel-90", "remove-pixel-dark-90", "patch-band"}
    assert {c.policy for c in ours} == {*masks, "convolve-noise"}
    learned = {"unir", "cond-ambient", "unir-released", "unpaired", "paired", "regress"}
    for policy in masks:
        here = [c for c in ours if c.policy == policy]
        assert {c.recipe for c in here if c.attack == "network"} == {*learned, "splitting"}
        assert {c.attack for c in here if c.recipe == UNTRAINED} == CLASSICAL
    noisy = [c for c in ours if c.policy == "convolve-noise"]
    assert {c.recipe for c in noisy if c.attack == "network"} == learned
    assert {c.attack for c in noisy if c.recipe == UNTRAINED} == {
        *("keep", "mean-image", "tv", "wiener", "richardson-lucy"),
    }
    published = [c for c in cells if c.page.run == "published"]
    assert {c.recipe for c in published} - {UNTRAINED} == {
        f"{recipe}-pajot2019" for recipe in (*learned, "splitting")
    }
    # Each with the clean images is one of it, too.
    clean = settings.cells(paper, root, "unir-exp15", 0)
    assert set(clean) <= set(cells)


@pytest.mark.parametrize(
    ("name", "recipes"),
    [
        ("unir-exp06", {"unir", *(f"unir-weight-{w}" for w in ("0", "05", "1", "5", "10", "20"))}),
        ("unir-exp12", {"unir", "unir-fresh"}),
        ("unir-exp14", {f"unir-{count}" for count in ("1k", "5k", "20k", "60k")}),
        ("unir-exp17", {"unir", "cond-ambient"}),
    ],
)
def test_sweeps_compare_recipes(root, paper, name, recipes) -> None:
    cells = settings.cells(paper, root, name, 0)
    assert {c.recipe for c in cells if c.attack == "network"} == recipes


def test_sizes_of_the_sweep_are_what_they_are_called(root, paper) -> None:
    for dataset, all_of_them in (("fashion-mnist", 60_000), ("cifar10", 50_000)):
        config = own(
            paper,
            {"policies": ["patch-band"], "recipes": ["unir-1k", "unir-5k", "unir-20k", "unir-60k"]},
            place=f"{dataset}/unet",
        )
        counts = settings.workload(config, root, "unir-own").epoch_images
        assert {name: count for (*_, name), count in counts.items()} == {
            "unir-1k": 1000, "unir-5k": 5000, "unir-20k": 20_000, "unir-60k": all_of_them,
        }  # fmt: skip


def test_what_trains_no_network_is_one_cell_beside_all_networks(root, paper) -> None:
    row = {"policies": ["patch-band"], "recipes": ["unir", "regress"], "attacks": ["network", "tv"]}
    places = ["fashion-mnist/unet", "fashion-mnist/variational"]
    cells = settings.cells(own(paper, row, place=places), root, "unir-own", 0)
    assert parts([c for c in cells if c.attack == "network"], "recipe") == {("unir",), ("regress",)}
    assert len(cells) == 5
    (alone,) = [c for c in cells if c.attack == "tv"]
    assert (alone.page.model, alone.recipe, alone.policy) == ("none", "none", "patch-band")
    assert alone.page.origin == ("fashion-mnist", "none")


def test_generators_of_noise_are_in_no_reconstruction(root, paper) -> None:
    for name in KNOWN:
        cells = settings.cells(paper, root, name, 0)
        samples = [c for c in cells if c.recipe != UNTRAINED and c.attack is None]
        assert all(not names.reconstructs(c.page.model) for c in samples)
        others = [c for c in cells if c.recipe != UNTRAINED and c.attack]
        assert all(names.reconstructs(c.page.model) for c in others)
        assert bool(samples) == (name in ("unir-exp01", "unir-exp02", "unir-exp10", "unir-exp11"))


def test_folders_that_a_configuration_has_join_the_other_images(root, paper) -> None:
    data = {page.dataset for page in settings.pages(paper, root, "unir-exp16")}
    assert len(data) == 4
    assert all(name.startswith("celeba-64-") for name in data)
    allowed = {"experiments": {"datasets": ["folder-lsun"]}}
    config = merge(paper, {"studies": {"unir": allowed}})
    assert {page.dataset for page in settings.pages(config, root, "unir-exp16")} == {"folder-lsun"}


def test_work_counts_steps_shared_trainings_and_samples(root, paper) -> None:
    rows = (
        {"policies": ["patch-band"], "recipes": ["unir"], "attacks": ["network", "tv"]},
        {"policies": ["patch-band", "patch-half"], "recipes": ["unir"], "attacks": ["network"]},
    )
    work = settings.workload(own(paper, *rows, seeds=(0, 1)), root, "unir-own")
    assert work.trainings == 2 * 2
    assert work.training_images == 4 * 20_000 * 64
    assert work.attacked_images == 2 * 3 * 1000
    assert (work.samples, work.attackers, work.image_iterations) == (0, 0, 0)
    row = {"policies": ["identity"], "recipes": ["ambientgan-bora2018"], "attacks": []}
    work = settings.workload(own(paper, row, place="fashion-mnist/ambient-mnist"), root, "unir-own")
    # Five steps of the critic and one of the generator, which share a batch.
    assert work.training_images == 27_000 * 5 * 64
    assert (work.samples, work.attacked_images) == (10_000, 0)


@pytest.mark.parametrize("name", KNOWN)
def test_trainings_of_the_small_run_are_a_few_steps(root, paper, name) -> None:
    work = settings.workload(laid(root, paper, "tiny"), root, name)
    # Three steps of eight images, five times for critics that learn more often.
    assert work.training_images <= 120 * work.trainings


def test_the_study_has_all_that_goes_together(root, paper) -> None:
    cells = settings.study_cells(laid(root, paper, "fashion-unir", "fashion-unir-cpu"), root)
    assert len(cells) == len(set(cells))
    by_policy = {
        policy: {c.recipe for c in cells if c.policy == policy and c.attack == "network"}
        for policy in ("remove-pixel-dark-50", "convolve-noise")
    }
    both = {"unir", "cond-ambient", "unir-released", "unpaired", "paired", "regress"}
    assert by_policy == {"remove-pixel-dark-50": {*both, "splitting"}, "convolve-noise": both}
    alone = [c for c in cells if c.recipe == UNTRAINED]
    assert {c.attack for c in alone if c.policy == "convolve-noise"} == {
        *("keep", "mean-image", "tv", "wiener", "richardson-lucy"),
    }
    assert {c.page.model for c in alone} == {"none"}


def test_a_study_of_noise_draws_samples_alone(root, paper) -> None:
    section = {"models": ["dcgan"], "recipes": ["unir", "ambientgan"], "attacks": ["keep"]}
    config = merge(paper, {"studies": {"unir": section}})
    cells = settings.study_cells(config, root)
    trained = [c for c in cells if c.recipe != UNTRAINED]
    assert parts(trained, "recipe", "attack") == {("ambientgan", None)}


def test_the_cpu_run_is_as_long_as_the_claims_ask(root, paper) -> None:
    config = laid(root, paper, "fashion-unir", "fashion-unir-cpu")
    for name in config["studies"]["unir"]["recipes"]:
        recipe = settings.resolve_recipe(config, root, name, "fashion-mnist", "unet")
        assert recipe["reconstruction"]["steps"] == 800
        assert round(recipe["subset"]["fraction"] * 60_000) == 10_000
    assert settings.resolve_protocol(config, root, "fixed-unir")["scene"]["images"]["count"] == 1000
