import subprocess
import sys
from pathlib import Path

import pytest
import torch

import reveil
from reveil import datasets, policies
from reveil.bounds import (
    PUBLISHED,
    bounds_for,
    bounds_problem,
    effective_shift,
    policy_bounds,
)
from reveil.config import check, merge, read_yaml
from reveil.errors import ReveilError
from reveil.library import LIBRARY
from reveil.transforms import transform
from reveil.views import view_for
from tests.workflow import ROOT

BOTH, CROP, POLICY = "crop_flip+policy", "crop_flip", "policy"
PARAMETERS = {"method": "translation", "bounds": "policy", "knows": "policy"}


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("index", [i for i, o in enumerate(LIBRARY) if "translate" in o.name])
def test_shifts_are_those_of_the_transformations(index, size):
    operation = LIBRARY[index]
    axis = 3 if operation.name == "translateX" else 2
    images = torch.full((1, 1, size, size), 255, dtype=torch.uint8)
    for sign in (1, -1):
        moved = transform(images, index, torch.tensor([sign]))
        black = int((moved.amax(5 - axis) == 0).sum())
        assert black == effective_shift(operation.value, size)


@pytest.mark.parametrize(
    ("dataset", "pipeline", "margin", "shift"),
    [
        ("cifar100", "orig", 0, 4),
        ("tiny-imagenet-200", "orig", 0, 4),
        ("fashion-mnist", "pad32", 2, 2),
        ("fashion-mnist", "resize32", 0, 4),
        ("fashion-mnist", "native28", 0, 4),
    ],
)
def test_crops_shift_content_as_far_as_views_say(dataset, pipeline, margin, shift):
    keys = {"fmnist_pipeline": pipeline, "policy_channels": 1, "normalisation": "dataset"}
    view = view_for(datasets.get(dataset), keys)
    drawn = view.draw(policies.parse("none"), range(400), 0, augment=CROP)
    filled = ~view.content_mask(drawn, policies.parse("none"))[:, 0].any(1)
    left = filled.long().cumprod(1).sum(1)
    assert int(left.max()) - margin == view.crop_shift == shift


@pytest.mark.parametrize(
    ("name", "plain", "cropped"),
    [
        ("3-1-7", (0.9375, 0.1875), (1.1875, 0.4375)),
        ("43-18-18", (0.0, 0.3125), (0.25, 0.5625)),
        ("3-1-7+43-18-18", (0.9375, 0.3125), (1.1875, 0.5625)),
        ("14-48-48", (0.0, 0.625), (0.25, 0.875)),
        ("21-13-3", (1.4375, 0.0), (1.6875, 0.25)),
        ("none", (0.0, 0.0), (0.25, 0.25)),
        ("2-10-9", (0.0, 0.0), (0.25, 0.25)),
    ],
)
def test_bounds_follow_from_the_operations_and_the_crop(name, plain, cropped):
    policy = policies.parse(name)
    assert policy_bounds(policy, POLICY, 32, 4) == plain
    assert policy_bounds(policy, BOTH, 32, 4) == cropped
    assert policy_bounds(policy, CROP, 32, 4) == (0.25, 0.25)
    assert bounds_for("policy", policy, BOTH, 32, 4) == cropped


def test_bounds_follow_the_size_and_the_crop_of_other_pipelines():
    policy = policies.parse("3-1-7")
    # 29 of 64 pixels along x, 6 along y, and a crop by 4.
    assert policy_bounds(policy, BOTH, 64, 4) == (33 / 32, 10 / 32)
    assert policy_bounds(policy, BOTH, 32, 2) == (17 / 16, 5 / 16)


def test_published_bounds_are_those_of_the_report():
    assert [PUBLISHED[name] for name in ("3-1-7", "43-18-18", "3-1-7+43-18-18")] == [
        (1.1, 0.2),
        (0.4, 0.4),
        (1.1, 0.4),
    ]
    for name, limits in PUBLISHED.items():
        assert bounds_for("published", policies.parse(name), BOTH, 32, 4) == limits
        assert bounds_for("published", policies.parse(f"only-{name}"), POLICY, 32, 4) == limits


def test_limits_of_ones_own_need_no_policy():
    assert bounds_for([0.25, 0.5], None, "none", 32, 0) == (0.25, 0.5)
    assert bounds_problem("none", PARAMETERS | {"bounds": [0.25, 0.5]}, "none") is None


@pytest.mark.parametrize(
    ("name", "changes", "augment", "words"),
    [
        ("none", {}, "none", ("'policy'", "'none'", "moves no content", "two numbers")),
        ("only-2-10-9", {}, POLICY, ("'only-2-10-9'", "moves no content")),
        ("crop-flip", {"bounds": "published"}, CROP, ("'published'", "'crop-flip'", "43-18-18")),
    ],
)
def test_bounds_without_a_meaning_are_told_when_the_graph_is_built(name, changes, augment, words):
    problem = bounds_problem(name, PARAMETERS | changes, augment)
    assert all(word in problem for word in ("bounds", *words))
    bounds = (PARAMETERS | changes)["bounds"]
    with pytest.raises(ReveilError, match="bounds"):
        bounds_for(bounds, policies.parse(name), augment, 32, 4)


@pytest.mark.parametrize("bounds", ["published", "policy"])
def test_limits_of_a_policy_need_to_know_it(bounds):
    with pytest.raises(ReveilError, match=f"bounds: '{bounds}' .* told no policy"):
        bounds_for(bounds, None, BOTH, 32, 4)


def mistakes(attack, *names, **attacks):
    studied = {"attacks": [attack], "policies": list(names), "datasets": ["cifar100"]}
    changes = {"studies": {"ats": studied | {"models": ["resnet20-4"]}}, "attacks": attacks}
    return check(merge(read_yaml(ROOT / "config.yaml"), changes), ROOT)


def test_shifts_that_mean_nothing_for_a_policy_are_told_before_anything_runs():
    assert mistakes("inversed-translation", "crop-flip", "3-1-7", "2", "found-1") == []
    first, second = mistakes("inversed-translation", "none", "only-2", "only-21")
    assert first.startswith("attacks.inversed-translation.bounds: 'policy' is not allowed")
    assert "'none'" in first
    assert "'only-2'" in second
    own = {"base": "inversed-translation", "bounds": [0.25, 0.25]}
    assert mistakes("mine", "none", mine=own) == []


def test_published_shifts_are_told_where_there_are_none():
    assert mistakes("inversed-translation-published", "published-hybrid") == []
    (message,) = mistakes("inversed-translation-published", "3-1-7", "19-1-18")
    assert "bounds: 'published' is not allowed for the policy '19-1-18'" in message
    unknown = {"base": "inversed-translation-published", "knows": "nothing"}
    (message,) = mistakes("mine", "3-1-7", mine=unknown)
    assert message.startswith("attacks.mine.knows: 'nothing' is not allowed with bounds")


@pytest.mark.parametrize(
    ("name", "changes", "augment"),
    [
        ("crop-flip", {}, CROP),
        ("2-10-9", {}, BOTH),
        ("only-3-1-7", {}, POLICY),
        ("3-1-7", {"bounds": "published"}, BOTH),
        ("only-found-fixed-s0-1", {}, POLICY),
        ("28", {"bounds": [0.4, 0.4]}, BOTH),
        ("only-3", {"bounds": [0.4, 0.0]}, POLICY),
        ("only-found-fixed-s0-1", {"bounds": [0.4, 0.4]}, POLICY),
        ("crop-flip", {"bounds": [0.4, 0.4]}, CROP),
        ("none", {"method": "optimise", "knows": "nothing"}, "none"),
    ],
)
def test_bounds_with_a_meaning_are_allowed(name, changes, augment):
    assert bounds_problem(name, PARAMETERS | changes, augment) is None


def test_shifts_of_experiments_are_checked_too():
    rows = [{"policies": ["none", "3-1-7"], "attacks": ["inversed-translation"]}]
    allowed = {"targets": ["ats-w-insight1"]}
    studied = {"attacks": ["inversed"], "policies": ["crop-flip"], "experiments": allowed}
    changes = {"studies": {"ats": studied}, "experiments": {"ats-w-insight1": {"rows": rows}}}
    told = check(merge(read_yaml(ROOT / "config.yaml"), changes), ROOT)
    assert len([m for m in told if "bounds" in m and "'none'" in m]) == 1


def test_limits_of_ones_own_are_refused_where_nothing_shifts():
    own = {"base": "inversed-translation", "bounds": [0.4, 0.4]}
    assert mistakes("mine", "none", "crop-flip", "28", "only-3", mine=own) == []
    (message,) = mistakes("mine", "only-28", mine=own)
    assert message == (
        "attacks.mine.bounds: [0.4, 0.4] is not allowed for the policy 'only-28' under the "
        "augmentation 'policy', which moves no content; allowed: a policy or a crop that shifts"
    )


def test_limits_that_allow_no_shift_are_refused():
    own = {"base": "inversed-translation", "bounds": [0, 0.0]}
    (message,) = mistakes("mine", "3-1-7", mine=own)
    assert message.startswith("attacks.mine.bounds: [0, 0.0] is not allowed, as it shifts nothing")
    assert mistakes("mine", "3-1-7", mine=own | {"bounds": [0, 0.1]}) == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [("plain-dra-10", "'plain-1-27-35'"), ("random-12", "for the policy '")],
)
def test_shifts_of_lists_in_experiments_are_checked_and_told_once(entry, told):
    attack = "inversed-translation-published"
    rows = [{"policies": [entry], "attacks": [attack], "recipes": ["tiny"]}]
    runs = {"ours": {"protocol": "fixed", "places": ["cifar100/resnet20-4"]}}
    own = {"base": "default", "runs": runs, "rows": rows}
    targets = {"studies": {"ats": {"experiments": {"targets": ["own"]}}}}
    paper = read_yaml(ROOT / "config.yaml")
    (message,) = check(merge(paper, targets | {"experiments": {"own": own}}), ROOT)
    assert message.startswith(f"attacks.{attack}.bounds: 'published' is not allowed")
    assert told in message
    rows[0]["attacks"] = ["inversed-translation"]
    assert check(merge(paper, targets | {"experiments": {"own": own}}), ROOT) == []


def test_bounds_can_be_checked_without_torch():
    code = "import sys, reveil.bounds; sys.exit('torch' in sys.modules)"
    source = str(Path(reveil.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": source})
