"""What a configuration cuts short: told of every study, and only of what has less."""

from dataclasses import replace
from pathlib import Path

import pytest

from reveil.config import merge, read_yaml
from reveil.verdicts.criteria import read_claims
from reveil.verdicts.cuts import cuts

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = read_yaml(ROOT / "config.yaml")
CLAIMS = read_claims([ROOT / "config" / "claims.yaml"], ROOT)


def told(study: str, *files: str, **changes) -> set[tuple[str, str]]:
    """Return (what the rows are of, text) of every cut."""
    config = SHIPPED
    for part in (*(read_yaml(ROOT / "config" / f"{name}.yaml") for name in files), changes):
        config = merge(config, part)
    found = [cut for claim in CLAIMS if claim.study == study for cut in cuts(config, ROOT, claim)]
    return {("/".join(cut.where.values()), cut.text) for cut in found}


@pytest.mark.parametrize("study", ["ats", "cvnn", "unir"])
@pytest.mark.parametrize(
    "files", [(), ("fashion",), ("fashion-core",), ("fashion-cvnn",), ("fashion-unir",)]
)
def test_configurations_of_whole_runs_cut_nothing(study, files):
    assert told(study, *files) == set()


def test_fewer_epochs_of_the_recipe_that_models_are_judged_with():
    found = told("ats", recipes={"full": {"epochs": 6}})
    place = "full/cifar100/resnet20-4"
    assert (place, "recipe full with 6 of 60 epochs") in found
    assert {text for _, text in found} == {"recipe full with 6 of 60 epochs"}
    # Of a special case the place alone.
    special = {"full": {"datasets": {"cifar100/resnet20-4": {"epochs": 6}}}}
    assert told("ats", recipes=special) == {(place, "recipe full with 6 of 60 epochs")}
    assert told("ats", recipes={"full": {"epochs": 61, "precision": "bf16"}}) == set()


def test_a_default_that_is_cut_cuts_those_that_build_on_it():
    found = told("cvnn", recipes={"default": {"subset": {"fraction": 0.5}}})
    where = "cvnn/fashion-mnist/resnet20-alpha"
    assert (where, "recipe cvnn with 0.5 of 1.0 subset.fraction") in found


def test_attackers_with_fewer_images_or_less_patience():
    assert told("cvnn", protocols={"fixed-cvnn": {"features": {"attacker_count": 4000}}}) == {
        ("fixed-cvnn", "protocol fixed-cvnn with 4,000 of all features.attacker_count")
    }
    found = told("cvnn", feature_attacks={"inversion1": {"patience": 3, "learning_rate": 0.1}})
    assert ("inversion1", "attack inversion1 with 3 of 20 patience") in found
    assert told("cvnn", feature_attacks={"infer-images": {"patience": 3}}) == set()


def test_attacks_on_gradients_with_fewer_restarts():
    found = told("ats", attacks={"zhu": {"restarts": 1}, "inversed-lbfgs-sim": {"restarts": 1}})
    assert {text for _, text in found} == {
        "attack zhu with 1 of 2 restarts",
        "attack inversed-lbfgs-sim with 1 of 16 restarts",
    }


@pytest.mark.parametrize(
    ("search", "what"),
    [
        ({"s_pri": {"points": 2}}, "2 of 20 search.s_pri.points"),
        ({"s_acc": {"init_count": 1}}, "1 of 3 search.s_acc.init_count"),
        ({"s_acc": {"images": {"batches": 2}}}, "2 of 10 search.s_acc.images.batches"),
    ],
)
def test_coarser_scores_concern_scores_alone(search, what):
    config = merge(SHIPPED, {"protocols": {"fixed": {"search": search}}})
    [cut] = cuts(config, ROOT, CLAIMS[0])
    assert (cut.where, cut.text) == ({"protocol": "fixed"}, f"protocol fixed with {what}")
    assert set(cut.tables) == {"scores", "singles", "correlation"}


def test_training_and_yardsticks_of_reconstructions():
    found = told("unir", recipes={"unir": {"reconstruction": {"steps": 800}}})
    steps = "with 800 of 20,000 reconstruction.steps"
    for recipe in ("unir", "cond-ambient", "paired"):
        assert (f"{recipe}/fashion-mnist/unet", f"recipe {recipe} {steps}") in found
    assert told("unir", reconstructions={"tv": {"iterations": 1}}).pop()[0] == "tv"


@pytest.mark.parametrize(
    ("study", "files", "what"),
    [
        ("ats", ("demo",), "recipe full"),
        ("ats", ("fashion-core-cpu",), "recipe full"),
        ("cvnn", ("demo",), "attack inversion1"),
        ("cvnn", ("fashion-cvnn", "fashion-cvnn-cpu"), "protocol fixed-cvnn"),
        ("unir", ("demo",), "recipe unir"),
        ("unir", ("fashion-unir", "fashion-unir-cpu"), "recipe unir"),
    ],
)
def test_small_runs_that_come_along_are_known_for_it(study, files, what):
    assert any(text.startswith(f"{what} with ") for _, text in told(study, *files))


def test_a_dataset_of_a_plug_in_that_is_not_named_is_left_out():
    [claim] = [claim for claim in CLAIMS if claim.id == "ats-claim-1"]
    theirs = replace(claim, scope=replace(claim.scope, datasets=("mine",)))
    config = merge(SHIPPED, {"recipes": {"full": {"epochs": 6}}})
    assert cuts(config, ROOT, claim) and cuts(config, ROOT, theirs) == []


def test_a_claim_knows_of_its_own_presets_alone():
    [claim] = [claim for claim in CLAIMS if claim.id == "unir-g-reproducible"]
    config = merge(SHIPPED, {"recipes": {"unir": {"reconstruction": {"steps": 800}}}})
    found = {cut.where["recipe"] for cut in cuts(config, ROOT, claim)}
    assert "unir" in found and "paired" not in found
