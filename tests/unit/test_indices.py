import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reveil.datasets import DATASETS
from reveil.errors import ReveilError
from reveil.indices import (
    check_rule,
    holdout_indices,
    interleaved,
    resolve,
    size,
    training_indices,
)

DEMO = DATASETS["fashion-mnist-demo"]
LABELS = np.random.default_rng(1).integers(0, 10, 1000)
EVEN = np.repeat(np.arange(10), 100)[np.random.default_rng(2).permutation(1000)]
S_PRI = {"split": "test", "start": 200, "step": 5, "count": 100}


def test_published_rule_of_the_privacy_score_names_its_images():
    chosen = resolve(S_PRI, {"test": np.zeros(1000, int)}, 0)
    assert chosen.tolist() == list(range(200, 700, 5))
    assert size(S_PRI) == 100


def test_batches_are_consecutive():
    rule = {"split": "test", "start": 200, "batches": 10, "batch_size": 100}
    chosen = resolve(rule, {"test": np.zeros(1200, int)}, 0)
    assert chosen.shape == (10, 100)
    assert chosen[3].tolist() == list(range(500, 600))
    assert size(rule) == 1000


@pytest.mark.parametrize(
    "rule",
    [
        {"split": "test", "start": 0, "step": 5, "count": 100},
        {"split": "test", "start": 499, "step": 1, "count": 1},
        {"split": "test", "count": 500, "balanced": True},
        {"split": "test", "start": 0, "step": 1, "count": 500, "balanced": True},
        {"split": "train", "start": 1000, "batches": 10, "batch_size": 100},
        {"split": "heldout", "start": 0, "step": 2, "count": 100, "balanced": False},
    ],
)
def test_rule_that_fits_has_no_problems(rule):
    assert check_rule(rule, DEMO, 200) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"split": "tests"}, "split: 'tests' is not allowed.*did you mean 'test'"),
        ({"split": None}, "split: None is not allowed"),
        ({"start": -1}, "start: -1 is not allowed"),
        ({"start": 1.5}, "start: 1.5 is not allowed"),
        ({"step": 0}, "step: 0 is not allowed"),
        ({"count": 0}, "count: 0 is not allowed"),
        ({"count": True}, "count: True is not allowed"),
        ({"cuont": 3}, "'cuont' is not allowed.*did you mean 'count'"),
        ({"balanced": "yes"}, "balanced: 'yes' is not allowed"),
        ({"balanced": True}, "start: 200 is not allowed with balanced"),
        ({"balanced": True, "start": 0}, "step: 5 is not allowed with balanced"),
        ({}, r"image 695 of test, but fashion-mnist-demo has 500 there \(0 to 499\)"),
        ({"balanced": True, "start": 0, "step": 1, "count": 501}, "image 500 of test.* has 500"),
        ({"split": "heldout"}, "image 695 of heldout.* has 200 there"),
        ({"batches": 2}, "batch_size: is missing"),
        ({"batches": 2, "batch_size": 9}, "'step' is not allowed"),
    ],
)
def test_rule_problem_is_named(change, problem):
    found = check_rule(S_PRI | change, DEMO, 200)
    assert len([text for text in found if re.search(problem, text)]) == 1


def test_batches_beyond_the_dataset_are_a_problem():
    rule = {"split": "test", "start": 200, "batches": 10, "batch_size": 100}
    (problem,) = check_rule(rule, DEMO, 0)
    assert "image 1199 of test" in problem and "0 to 499" in problem


def test_all_problems_are_listed_at_once():
    rule = {"split": "x", "start": -1, "step": 0, "count": "many", "colour": 1}
    assert len(check_rule(rule, DEMO, 0)) == 5


@pytest.mark.parametrize(("holdout", "problem"), [(0, "holdout is 0"), (2000, "leaves none")])
def test_heldout_needs_a_holdout(holdout, problem):
    rule = {"split": "heldout", "start": 0, "step": 1, "count": 10}
    (found,) = check_rule(rule, DEMO, holdout)
    assert problem in found


@pytest.mark.parametrize("rule", [S_PRI | {"start": 600}, S_PRI | {"step": 0}, {"split": "x"}])
def test_resolve_refuses_what_cannot_be_resolved(rule):
    with pytest.raises(ReveilError):
        resolve(rule, {"test": np.zeros(1000, int), "train": LABELS}, 0)


def test_balanced_takes_the_first_images_of_each_class_in_turn():
    labels = np.array([0, 0, 1, 0, 2, 1, 2, 2])
    rule = {"split": "test", "count": 7, "balanced": True}
    assert resolve(rule, {"test": labels}, 0).tolist() == [0, 2, 4, 1, 5, 6, 3]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_any_prefix_is_as_balanced_as_it_can_be(values):
    labels = np.array(values)
    order = interleaved(labels)
    assert sorted(order) == list(range(len(labels)))
    for length in range(1, len(labels) + 1):
        taken = np.bincount(labels[order[:length]], minlength=6)
        left = np.bincount(labels[order[length:]], minlength=6)
        assert all(taken[c] >= taken.max() - 1 for c in np.flatnonzero(left))
    for c in np.unique(labels):
        assert np.all(np.diff(order[labels[order] == c]) > 0)


def test_heldout_rules_name_training_images():
    held = holdout_indices(LABELS, 100)
    rule = {"split": "heldout", "start": 10, "step": 3, "count": 20}
    assert resolve(rule, {"train": LABELS}, 100).tolist() == held[10:70:3].tolist()
    balanced = resolve({"split": "heldout", "count": 50, "balanced": True}, {"train": EVEN}, 100)
    assert np.isin(balanced, holdout_indices(EVEN, 100)).all()
    assert np.bincount(EVEN[balanced]).tolist() == [5] * 10


def test_holdout_is_stratified_and_always_the_same():
    held = holdout_indices(EVEN, 200)
    assert np.bincount(EVEN[held]).tolist() == [20] * 10
    assert np.all(np.diff(held) > 0)
    assert np.array_equal(held, holdout_indices(EVEN.copy(), 200))
    assert holdout_indices(np.arange(4).repeat(4), 4).tolist() == [0, 4, 9, 12]


@pytest.mark.parametrize("count", [-1, 1000, 1001])
def test_impossible_holdout_is_refused(count):
    with pytest.raises(ReveilError, match=f"holdout: {count} .* 0 to 999"):
        holdout_indices(LABELS, count)


@given(st.integers(0, 999))
def test_uneven_classes_give_their_share_to_the_nearest_image(count):
    held = holdout_indices(LABELS, count)
    share = np.bincount(LABELS, minlength=10) * count / len(LABELS)
    assert len(held) == len(set(held)) == count
    assert np.all(np.abs(np.bincount(LABELS[held], minlength=10) - share) < 1)


@pytest.mark.parametrize("rule", ["all", "stratified", "random", "first"])
@pytest.mark.parametrize("fraction", [0.1, 0.95, 1.0])
def test_no_training_sees_a_held_out_image(rule, fraction):
    subset = {"rule": rule, "fraction": fraction}
    chosen = training_indices(EVEN, subset, 200, seed=3)
    assert not np.isin(chosen, holdout_indices(EVEN, 200)).any()
    assert len(chosen) == (800 if rule == "all" else min(800, int(1000 * fraction)))
    assert np.all(np.diff(chosen) > 0)


def test_stratified_subset_has_exact_counts_and_its_own_seed():
    subset = {"rule": "stratified", "fraction": 0.1}
    first, again, other = (training_indices(EVEN, subset, 100, seed) for seed in (1, 1, 2))
    assert np.bincount(EVEN[first]).tolist() == [10] * 10
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_random_subset_is_not_stratified_and_depends_on_the_seed():
    subset = {"rule": "random", "fraction": 0.1}
    first, other = (training_indices(EVEN, subset, 0, seed) for seed in (1, 2))
    assert len(set(np.bincount(EVEN[first], minlength=10))) > 1
    assert not np.array_equal(first, other)


def test_first_subset_is_the_first_images():
    subset = {"rule": "first", "fraction": 0.1}
    assert training_indices(EVEN, subset, 0, 0).tolist() == list(range(100))


@pytest.mark.parametrize(
    ("subset", "problem"),
    [
        ({"rule": "firstly", "fraction": 0.1}, "did you mean 'first'"),
        ({"rule": "random", "fraction": 0}, "subset.fraction: 0 "),
        ({"rule": "random", "fraction": 1.1}, "subset.fraction: 1.1 "),
        ({"rule": "random", "fraction": "half"}, "subset.fraction: 'half'"),
        ({"rule": "random"}, "subset.fraction: None"),
        ({"rule": "random", "fraction": 1e-6}, "not one image"),
    ],
)
def test_bad_subset_is_refused(subset, problem):
    with pytest.raises(ReveilError, match=problem):
        training_indices(EVEN, subset, 0, 0)
