"""Experiments: which pages and cells a preset means, and what is refused before anything runs."""

import math
from pathlib import Path

import pytest

from reveil import config as settings
from reveil import policies
from reveil.config.presets import merge, read_yaml
from reveil.cvnn.tasks import hidden
from reveil.errors import ReveilError
from reveil.experiment_docs import PAGE, document

# Section 9 of the methods: what the three reports hold.
REPORTED = (
    *("ats-search", "ats-exp01", "ats-exp02", "ats-exp03", "ats-exp04", "ats-exp05", "ats-exp05b"),
    *("ats-exp06", "ats-exp07", "ats-exp08", "ats-exp09", "ats-exp10", "ats-ext01", "ats-ext02"),
    *("ats-w-claim1", "ats-w-claim2", "ats-w-insight1", "ats-w-insight2", "ats-w-insight3"),
    "ats-cost",
)
OURS = ("ats-random", "ats-early", "ats-draws", "ats-batches", "ats-settings", "ats-leaks")
# Section 5 of the methods of the second study.
PRIVATE = (
    *(f"cvnn-exp{number:02}" for number in range(1, 12)),
    *(f"cvnn-ext{number:02}" for number in range(1, 14)),
    "cvnn-core",
)
RECONSTRUCTED = tuple(f"unir-exp{number:02}" for number in range(1, 18))
KNOWN = {"ats": (*REPORTED, *OURS), "cvnn": PRIVATE, "unir": RECONSTRUCTED}
NOT_PUBLISHED = ("cvnn-ext08", "cvnn-ext09", "cvnn-ext10", "cvnn-ext13", "cvnn-core")


@pytest.fixture(scope="module")
def paper(root: Path) -> dict:
    return read_yaml(root / "config.yaml")


def laid(root: Path, paper: dict, name: str) -> dict:
    return merge(paper, read_yaml(root / "config" / f"{name}.yaml"))


def changed(paper: dict, experiments: dict, **allowed: object) -> dict:
    section = {"targets": sorted(experiments), **allowed}
    change = {"experiments": experiments, "studies": {"ats": {"experiments": section}}}
    return merge(paper, change)


def test_every_experiment_of_the_reports_is_a_preset_and_a_target(root: Path, paper: dict) -> None:
    known = settings.experiment_names(paper, root)
    assert sorted(known) == sorted(name for names in KNOWN.values() for name in names)
    for study, names in KNOWN.items():
        assert {settings.study_of(name) for name in names} == {study}
        assert sorted(paper["studies"][study]["experiments"]["targets"]) == sorted(names)


@pytest.mark.parametrize("name", ["demo", "tiny", "fashion"])
def test_every_experiment_has_its_places(root: Path, paper: dict, name: str) -> None:
    config = laid(root, paper, name)
    without = {n for n in KNOWN["ats"] if not settings.pages(config, root, n)}
    assert without == ({"ats-ext01", "ats-ext02"} if name == "fashion" else set())


@pytest.mark.parametrize("name", ["config", "tiny"])
def test_every_experiment_on_private_networks_has_its_places(root, paper, name) -> None:
    config = paper if name == "config" else laid(root, paper, name)
    assert [n for n in PRIVATE if not settings.pages(config, root, n)] == []


@pytest.mark.parametrize("name", PRIVATE)
def test_experiments_on_private_networks_run_as_published_and_as_ours(root, paper, name) -> None:
    pages = settings.pages(paper, root, name)
    report = name.startswith("cvnn-exp") or name in ("cvnn-ext11", "cvnn-ext12")
    runs = {"published": "knijff2021" if report else "xiang2022", "ours": "fixed-cvnn"}
    if name in NOT_PUBLISHED:
        del runs["published"]
    if name in ("cvnn-ext11", "cvnn-ext12"):
        runs["released"] = "xiang2022"  # their numbers, and the loop without a gradient
    if name == "cvnn-ext04":
        # Networks for the fine classes stand beside, and are not attacked.
        runs |= {f"{run}-fine": protocol for run, protocol in runs.items()}
    assert {page.run: page.protocol for page in pages} == runs
    # Each report is compared on the cut of its own code.
    published = {page.model for page in pages if page.run == "published"}
    cut = [model for model in published if model.startswith("resnet")]
    assert all(model.endswith("-authors") == (not report) for model in cut)


def test_cells_of_inversion_attack_1(root: Path, paper: dict) -> None:
    """Nine networks as in Table 3, left, and ours on real data of both kinds, each seed's own."""
    cells = settings.cells(paper, root, "cvnn-exp02", 0)
    published = [cell for cell in cells if cell.page.run == "published"]
    assert len(published) == 9 * 2
    assert {(c.policy, c.recipe, c.attack) for c in published} == {
        (policy, "cvnn-knijff2021", "inversion1-regressed")
        for policy in ("none", "report-old", "report-clip")
    }
    ours = [cell for cell in cells if cell.page.run == "ours"]
    assert len(ours) == 4 * 3 * 2
    assert {(c.policy, c.recipe, c.attack, c.defence) for c in ours} == {
        (policy, "cvnn", attack, "none")
        for policy in ("none", "additional", "rotation")
        for attack in ("inversion1", "inversion1-both")
    }
    assert settings.cells(paper, root, "cvnn-exp02", 1) == cells


def test_the_core_is_two_by_two_by_two(root: Path, paper: dict) -> None:
    cells = settings.cells(paper, root, "cvnn-core", 0)
    policies_of = {c.policy for c in cells} - {"none"}
    ways = [settings.resolve_protection(paper, root, policy) for policy in policies_of]
    assert {(way.end, way.adversary, way.swap) for way in ways} == {
        (end, adversary, swap)
        for end in ("relu", "norm")
        for adversary in ("wgan-gp", "none")
        for swap in ("sample", "none")
    }
    same = ("generator", "critic", "k", "counterpart", "weights", "norm_over", "norm_test")
    assert len({tuple(getattr(way, key) for key in same) for way in ways}) == 1
    attacks = {c.attack for c in cells if c.policy == "core-relu-off-keep"}
    learned = {
        "inversion1",
        "inversion1-both",
        "inversion2-joint",
        "inversion2-separate",
        "two-image",
    }
    assert attacks == {*learned, "blind-quadrant", "blind-matched", "blind-ica"}
    assert {c.attack for c in cells if c.policy == "none"} == learned


def test_inference_is_from_what_the_task_does_not_say(root: Path, paper: dict) -> None:
    for name, data in {
        "cvnn-ext04": {"cifar100-coarse", "fashion-mnist-coarse"},
        "cvnn-ext05": {"celeba-30"},
    }.items():
        cells = settings.cells(paper, root, name, 0)
        assert {cell.page.dataset for cell in cells if cell.attack} == data
        assert all(hidden(dataset) for dataset in data)
        fine = {cell.page.dataset for cell in cells if not cell.attack}
        assert fine == ({"cifar100", "fashion-mnist"} if name == "cvnn-ext04" else set())


@pytest.mark.parametrize(
    "name",
    [
        *("cvnn-exp02", "cvnn-exp03", "cvnn-exp09", "cvnn-ext10", "cvnn-core"),
        *(f"cvnn-ext0{n}" for n in (2, 4, 5, 6, 7, 8)),
    ],
)
def test_every_attack_stands_beside_one_on_unprotected_features(root, paper, name) -> None:
    """But for those that find an angle without learning, of which such features have none."""
    cells = settings.cells(paper, root, name, 0)
    if name == "cvnn-exp09":
        cells = [c for c in cells if c.page.run == "ours"]  # the report attacked no such network
    attacked = {(c.page, c.attack) for c in cells if c.policy != "none" and c.attack}
    beside = {(c.page, c.attack) for c in cells if c.policy == "none"}
    found = {attack for _, attack in attacked - beside}
    # That of the released network by our own attack is there for its angles.
    learned = {a for a in found if not a.startswith(("blind-", "two-image-"))}
    assert learned <= ({"inversion1"} if name == "cvnn-ext02" else set())
    assert attacked & beside


@pytest.mark.parametrize("name", REPORTED)
def test_reported_experiments_run_as_published_and_as_ours(
    root: Path, paper: dict, name: str
) -> None:
    protocols = {page.run: page.protocol for page in settings.pages(paper, root, name)}
    assert protocols["ours"] == "fixed"
    theirs = "warmerdam2022" if name.startswith("ats-w-") else "drabent2022"
    assert protocols["published"] == theirs + ("-exp01" if name == "ats-exp01" else "")


def test_cells_of_the_main_table(root: Path, paper: dict) -> None:
    cells = settings.cells(paper, root, "ats-exp03", 0)
    place = [c for c in cells if (c.page.dataset, c.page.model) == ("cifar100", "resnet20-4")]
    by_run = {run: {c.policy for c in place if c.page.run == run} for run in ("published", "ours")}
    searched = {"3-1-7", "43-18-18", "3-1-7+43-18-18"}
    assert by_run["published"] == {"none", "19-1-18", *searched}
    assert by_run["ours"] == {
        *by_run["published"], "crop-flip", "28", "39", "only-3-1-7", "only-43-18-18",
    }  # fmt: skip
    assert {c.recipe for c in place} == {"full", "full-drabent2022"}
    # Drabent et al. trained 9 convolutions under the name of the network of 8.
    convnets = {c.page.model for c in cells if "convnet" in c.page.model}
    assert convnets == {"convnet", "convnet-9"}


def test_reports_share_what_is_the_same(root: Path, paper: dict) -> None:
    """The pictures of Experiment 2 are of attacks that the main table has, too."""
    grid = set(settings.cells(paper, root, "ats-exp02", 0))
    table = set(settings.cells(paper, root, "ats-exp03", 0))
    assert grid <= table


def test_defended_models_and_early_ones_are_recipes_of_their_own(root: Path, paper: dict) -> None:
    defended = settings.cells(paper, root, "ats-exp04", 0)
    recipes = {(c.page.run, c.defence): c.recipe for c in defended}
    assert recipes["published", "prune-70"] == "full-drabent2022-with-prune-70"
    assert recipes["ours", "none"] == "full"
    early = settings.cells(paper, root, "ats-early", 0)
    steps = {"full", *(f"full-after-{n}" for n in (1, 10, 100, 1000))}
    assert {c.recipe for c in early} == steps
    # Every kind of policy at every stage: none, published, random, found and merely passing.
    place = [c for c in early if c.page.dataset == "cifar100"]
    policies_of = {step: {c.policy for c in place if c.recipe == step} for step in steps}
    fixed = ("none", "crop-flip", "19-1-18", "41-37-14", "3-1-7", "43-18-18", "3-1-7+43-18-18")
    searched = ("found-fixed-s0-1", "passing-fixed-s0-1")
    assert all(found == {*fixed, *searched} for found in policies_of.values())


@pytest.mark.parametrize("name", ["config", "tiny"])
def test_batches_of_all_sizes_attack_the_same_images(root: Path, paper: dict, name: str) -> None:
    config = paper if name == "config" else laid(root, paper, name)
    cells = settings.cells(config, root, "ats-batches", 0)
    scenes = {
        c.protocol: settings.resolve_protocol(config, root, c.protocol)["scene"] for c in cells
    }
    images = [scene["images"] for scene in scenes.values()]
    assert all(rule == images[0] for rule in images)
    assert images[0]["count"] == (112 if name == "config" else 4)
    sizes = (1, 2, 4, 8, 16) if name == "config" else (1, 2)
    assert {p: s["batch"] for p, s in scenes.items()} == {f"fixed-batch-{b}": b for b in sizes}
    one, fixed = (settings.resolve_protocol(paper, root, p) for p in ("fixed-batch-1", "fixed"))
    fixed["scene"]["images"]["count"] = 112
    assert one == fixed


def test_experiment_1_takes_the_lowest_s_pri_without_a_filter(root: Path, paper: dict) -> None:
    published = settings.resolve_protocol(paper, root, "drabent2022-exp01")
    theirs = settings.resolve_protocol(paper, root, "drabent2022")
    # A candidate of nothing but black images has an S_acc of -1.1e6.
    assert published["search"]["s_acc"].pop("threshold") < -1.0e8
    assert theirs["search"]["s_acc"].pop("threshold") == -85
    assert published == theirs
    cells = settings.cells(paper, root, "ats-exp01", 0)
    found = {c.page.protocol: c.policy for c in cells if c.policy != "none"}
    assert found == {
        "drabent2022-exp01": "found-drabent2022-exp01-s0-1",
        "fixed": "found-fixed-s0-1",
    }
    assert {c.recipe for c in cells if c.page.run == "published"} == {"full-drabent2022"}


def test_the_correlation_attacks_a_hundred_policies_on_one_model(root: Path, paper: dict) -> None:
    cells = settings.cells(paper, root, "ats-exp10", 0)
    published = [c for c in cells if c.page.run == "published"]
    assert len(published) == 100
    assert {policies.trained_name(c.policy) for c in published} == {"none"}
    assert {c.protocol for c in published} == {"drabent2022-exp10"}
    assert {c.recipe for c in published} == {"tiny-drabent2022"}
    ours = [c for c in cells if c.page.dataset == "fashion-mnist"]
    assert len(ours) == 200
    assert len({policies.trained_name(c.policy) for c in ours}) == 101


def test_stand_ins_keep_the_published_policies_of_the_place(root: Path, paper: dict) -> None:
    config = laid(root, paper, "tiny")
    cells = settings.cells(config, root, "ats-w-claim2", 0)
    assert {c.page.dataset for c in cells} == {"cifar100-synthetic"}
    assert "3-1-7" in {c.policy for c in cells}


def test_work_counts_epochs_iterations_and_shared_models_once(root: Path, paper: dict) -> None:
    config = merge(paper, {"seeds": [0, 1]})
    work = settings.workload(config, root, "ats-exp05b")
    # Places: CIFAR-100 as published (6 images) and ours, Fashion-MNIST ours (100 each); models:
    # none and crop-flip share one.
    assert work.trainings == 2 * (4 + 4 + 4)
    assert work.attacked_images == 2 * (4 * 6 + 5 * 100 + 5 * 100)
    assert work.image_iterations == work.attacked_images * 4800
    assert work.units["cifar100", "resnet20-4", "training", "full"] == 2 * 4 * 60
    assert work.epoch_images["cifar100", "resnet20-4", "full"] == 49_000


def test_a_training_that_is_stopped_early_counts_what_it_does(root: Path, paper: dict) -> None:
    row = {"policies": ["none"], "recipes": ["full-after-100", "full-after-0"], "attacks": []}
    place = {"ours": {"protocol": "fixed", "places": ["cifar100/resnet20-4"]}}
    own = {"title": "Early", "source": "Ours", "runs": place, "rows": [row]}
    config = merge(paper, {"experiments": {"own": own}, "seeds": [0]})
    work = settings.workload(config, root, "own")
    recipe = settings.resolve_recipe(config, root, "full", "cifar100", "resnet20-4")
    steps = math.ceil(49_000 / recipe["batch_size"])
    epochs = work.units["cifar100", "resnet20-4", "training", "full-after-100"]
    assert epochs == pytest.approx(100 / steps)
    assert work.units["cifar100", "resnet20-4", "training", "full-after-0"] == 0
    assert work.training_images == round(49_000 * 100 / steps)


def problems(config: dict, root: Path, words: str) -> list[str]:
    found = [message for message in settings.check(config, root) if words in message]
    assert found, settings.check(config, root)
    return found


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"policies": ["3--1"]}, "experiments.own.rows[0].policies: "),
        ({"policies": ["none"], "attacks": ["inversd"]}, "did you mean 'inversed'"),
        ({"policies": ["none"], "defences": ["prune-100"]}, "above 0 and below 100"),
        ({"policies": ["none"], "defences": ["prun-70"]}, "did you mean 'prune-70'"),
        ({"policies": ["none"], "variants": ["batch-3"]}, "'fixed-batch-3' is not allowed"),
        ({"policies": ["none"], "recipes": ["fulll"]}, "did you mean 'full'"),
        ({"policies": ["none"], "recipes": ["full-after-01"]}, "did you mean 'full-after-1'"),
        ({"policies": ["plain-dra-101"]}, "dra-101"),
        ({"policies": ["none"], "runs": ["theirs"]}, "'theirs' is not allowed"),
        (
            {"policies": ["none"], "attacks": ["br-modern"], "variants": ["batch-2"]},
            "protocol 'fixed-batch-2', whose scene.batch is 2",
        ),
        (
            {"policies": ["3-1-7"], "attacks": ["inversed-aware"], "variants": ["batch-2"]},
            "attacks.inversed-aware.method: 'aware' is not allowed on the victims of protocol "
            "'fixed-batch-2', whose scene.batch is 2",
        ),
        ({}, "experiments.own.rows[0].policies: is missing"),
        ({"policies": []}, "experiments.own.rows[0].policies: [] is not allowed"),
        ({"policies": "none"}, "experiments.own.rows[0].policies: 'none' is not allowed"),
        ("none", "experiments.own.rows[0]: 'none' is not allowed"),
    ],
)
def test_a_row_that_cannot_be_run_is_refused(root, paper, row, words) -> None:
    own = {
        "base": "default",
        "runs": {"ours": {"protocol": "fixed", "places": ["cifar100/resnet20-4"]}},
        "rows": [row],
    }
    problems(changed(paper, {"own": own}), root, words)


def test_a_mistake_in_the_form_of_a_row_is_all_that_is_told(root, paper) -> None:
    runs = {"ours": {"protocol": "fixed", "places": ["cifar100/resnet20-4"]}}
    rows = [{"policies": ["none"], "attacks": ["inversd"]}, {"attacks": []}]
    config = changed(paper, {"own": {"base": "default", "runs": runs, "rows": rows}})
    assert settings.check(config, root) == ["experiments.own.rows[1].policies: is missing"]


@pytest.mark.parametrize(
    ("dataset", "attack", "batch", "refused"),
    [
        ("fashion-mnist", "inversed-idlg", 16, True),
        ("fashion-mnist", "inversed-idlg", 8, False),
        ("fashion-mnist", "inversed-joint", 16, False),
        ("cifar100", "inversed-idlg", 16, False),
    ],
)
def test_idlg_takes_no_more_images_than_classes(
    root, paper, dataset, attack, batch, refused
) -> None:
    runs = {"ours": {"protocol": "fixed", "places": [f"{dataset}/resnet20-4"]}}
    row = {"policies": ["crop-flip"], "attacks": [attack], "variants": [f"batch-{batch}"]}
    own = {"base": "default", "runs": runs, "rows": [row]}
    config = merge(changed(paper, {"own": own}), {"studies": {"ats": {"block": 16}}})
    found = [m for m in settings.check(config, root) if m.startswith(f"attacks.{attack}.label")]
    assert len(found) == refused
    if refused:
        assert "of 10 classes no 16" in found[0]


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"protocol": "fixd", "places": ["cifar100/convnet"]}, "did you mean 'fixed'"),
        ({"protocol": "fixed", "places": ["cifar1000/convnet"]}, "did you mean 'cifar100'"),
        ({"protocol": "fixed", "places": ["cifar100/convnett"]}, "convnet"),
        ({"protocol": "fixed"}, "experiments.own.runs.ours.places: is missing"),
    ],
)
def test_a_run_that_names_nothing_is_refused(root, paper, run, words) -> None:
    problems(changed(paper, {"own": {"base": "default", "runs": {"ours": run}}}), root, words)


def test_unknown_targets_and_places_are_named_with_the_nearest(root: Path, paper: dict) -> None:
    section = {"targets": ["ats-exp3"], "datasets": ["cifar100"], "models": ["resnet20-44x"]}
    config = merge(paper, {"studies": {"ats": {"experiments": section}}})
    found = settings.check(config, root)
    assert any("did you mean 'ats-exp03'" in message for message in found)
    assert any("studies.ats.experiments.models[0]" in message for message in found)


def test_an_experiment_without_its_data_says_so_when_asked_for(root: Path, paper: dict) -> None:
    config = laid(root, paper, "fashion")
    with pytest.raises(ReveilError, match="none of its places .*tiny-imagenet-200"):
        settings.require_experiment(config, root, "ats-ext01")
    settings.require_experiment(config, root, "ats-exp06")


def test_blocks_must_hold_whole_batches(root: Path, paper: dict) -> None:
    config = merge(paper, {"studies": {"ats": {"block": 20}}})
    problems(config, root, "studies.ats.block: 20 images are no whole batches of 8")


def test_the_page_of_experiments_is_up_to_date(root: Path) -> None:
    assert (root / PAGE).read_text() == document(root), "run python -m reveil.experiment_docs"
