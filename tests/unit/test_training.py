"""Recipes, schedules, seeds, history and evaluation of a training run."""

import numpy as np
import pytest
import torch

from reveil.indices import training_indices
from reveil.models import build
from reveil.policies import parse
from reveil.precision import memory_format, precision
from reveil.schedule import decayed, milestones
from reveil.training_data import TrainingData, augmentation
from tests.training import (
    CLASSES,
    SIZE,
    VIEW,
    WatchedView,
    make_data,
    run,
    same,
    timeless,
    weights,
)


@pytest.fixture(scope="module")
def data():
    return make_data()


# Schedule ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "marks"),
    [
        (200, (74, 124, 175)),
        (60, (22, 37, 52)),
        (50, (18, 31, 43)),
        (40, (14, 24, 35)),
        (100, (37, 62, 87)),
        (4800, (1799, 2999, 4203)),
        (2500, (937, 1562, 2189)),
    ],
)
def test_milestones_are_floor_divisions_of_floats(length, marks):
    assert milestones(length) == marks


def test_the_rate_falls_at_the_milestones_and_not_before():
    rates = [decayed(0.1, 0.1, milestones(200), epoch) for epoch in range(200)]
    assert rates[:74] == [0.1] * 74
    assert rates[74:124] == pytest.approx([0.01] * 50)
    assert rates[124:175] == pytest.approx([0.001] * 51)
    assert rates[175:] == pytest.approx([0.0001] * 25)


def test_a_short_run_passes_milestones_that_coincide():
    assert milestones(1) == (0, 0, 0)
    assert decayed(0.1, 0.5, (0, 0, 2), 0) == pytest.approx(0.025)


def test_the_history_has_the_rates_of_the_schedule(data):
    rates = [row["lr"] for row in run(data, "lenetzhu", epochs=8).history]
    assert rates == pytest.approx([0.05] * 2 + [0.005] * 2 + [0.0005] * 3 + [0.00005])


# What is learned --------------------------------------------------------------------------------


def test_training_learns_and_reports_it(data):
    trained = run(data, epochs=6, learning_rate=0.02)
    last = trained.history[-1]
    assert [row["epoch"] for row in trained.history] == list(range(6))
    assert last["test_accuracy_pct"] >= 90
    assert last["train_loss"] < 0.5 * trained.history[0]["train_loss"]
    clean, transformed = trained.evaluation
    assert (clean["measure"], transformed["measure"]) == ("clean", "transformed")
    assert clean["n"] == transformed["n"] == 20
    assert clean["accuracy_pct"] == 100 * clean["correct"] / 20 == last["test_accuracy_pct"]
    assert not trained.model.training
    assert trained.seconds == sum(row["seconds"] for row in trained.history) > 0


def test_the_reported_test_numbers_are_those_of_the_model(data):
    trained = run(data, epochs=1)
    inputs = VIEW.normalise(torch.from_numpy(data.test_images), "test")
    labels = torch.from_numpy(data.test_labels)
    with torch.no_grad():
        logits = trained.model(inputs)
    correct = int((logits.argmax(1) == labels).sum())
    assert trained.evaluation[0]["correct"] == correct
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    assert trained.history[0]["test_loss"] == pytest.approx(loss, rel=1e-4)


def test_the_reported_training_numbers_are_means_over_images(data):
    """With a rate of zero the weights stay, so the running means are those of the model."""
    trained = run(data, "lenetzhu", epochs=1, learning_rate=0.0, augment="none", batch_size=7)
    logits = trained.model(VIEW.normalise(torch.from_numpy(data.images), "train"))
    labels = torch.from_numpy(data.labels)
    row = trained.history[0]
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    assert row["train_loss"] == pytest.approx(loss, rel=1e-4)
    accuracy = 100 * (logits.argmax(1) == labels).double().mean().item()
    assert row["train_accuracy_pct"] == pytest.approx(accuracy)


def test_adam_learns_too(data):
    assert (
        run(data, optimizer="adam", learning_rate=0.01, epochs=6).history[-1]["test_accuracy_pct"]
        >= 75
    )


# Seeds ------------------------------------------------------------------------------------------


def test_the_seed_decides_the_run(data):
    first, again, other = (run(data, seed=seed, epochs=2) for seed in (1, 1, 2))
    assert same(first, again)
    assert timeless(first.history) == timeless(again.history)
    assert not same(first, other)


def test_the_chunk_changes_nothing(data):
    whole, pieces = (run(data, chunk=chunk, epochs=2) for chunk in ("auto", 5))
    assert same(whole, pieces)
    for a, b in zip(timeless(whole.history), timeless(pieces.history), strict=True):
        assert a == pytest.approx(b)


def test_the_global_random_state_is_neither_used_nor_moved(data):
    torch.manual_seed(0)
    first = run(data, epochs=1)
    before = torch.manual_seed(1).get_state()
    second = run(data, epochs=1)
    assert same(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_epoch_has_its_own_order_and_each_image_once(data):
    view = WatchedView()
    run(data, view=view, epochs=2)
    first, second = view.shown[0], view.shown[1]
    assert len(first) == len(second) == 60
    assert not torch.equal(first, second)
    key = [sorted(x.flatten(1).sum(1).tolist()) for x in (first, second)]
    assert key[0] == key[1] == sorted(data.images.reshape(60, -1).sum(1).tolist())


# The recipe's switches --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("augment", "name", "chain"),
    [
        ("crop_flip", "none", "crop_flip"),
        ("crop_flip", "3-1-7", "crop_flip+policy"),
        ("none", "3-1-7+43-18-18", "policy"),
        ("none", "none", "none"),
    ],
)
def test_the_chain_of_a_training_image(data, augment, name, chain):
    policy, view = parse(name), WatchedView()
    assert augmentation({"augment": augment}, policy) == chain
    run(data, "lenetzhu", policy, view, seed=4, epochs=2, augment=augment)
    assert view.asked[:2] == [(60, 4, 0, chain), (60, 4, 1, chain)]


@pytest.mark.parametrize(("name", "chain"), [("none", "crop_flip"), ("3-1-7", "crop_flip+policy")])
def test_the_transformed_accuracy_is_that_of_a_victims_images(data, name, chain):
    view = WatchedView()
    run(data, "lenetzhu", parse(name), view, seed=4, epochs=1, augment="none")
    assert view.asked[-1] == ("evaluate", list(range(20)), 4, chain)
    assert torch.equal(view.shown[-1], torch.from_numpy(data.test_images))
    draws = VIEW.draw(parse(name), range(20), 4, purpose="evaluate", augment=chain)
    expected = VIEW.victim(torch.from_numpy(data.test_images), draws, parse(name))
    assert torch.equal(view.inputs[-1], expected)
    assert view.splits == ["train"] * 8 + ["test", "test", "train"]


@pytest.mark.parametrize(("drop_last", "steps"), [(True, 7), (False, 8)])
def test_drop_last_drops_the_incomplete_batch(data, drop_last, steps):
    view = WatchedView()
    run(data, "lenetzhu", view=view, epochs=1, drop_last=drop_last)
    assert view.splits.index("test") == steps
    assert len(view.shown[0]) == (56 if drop_last else 60)


def test_a_batch_as_large_as_the_data_is_no_rest(data):
    view = WatchedView()
    run(data, "lenetzhu", view=view, epochs=1, batch_size=60, drop_last=True)
    assert view.splits.index("test") == 1


def test_only_the_given_indices_are_trained_on(data):
    rows = np.arange(0, 60, 10)
    subset = TrainingData(data.images, data.labels, rows, data.test_images, data.test_labels)
    view = WatchedView()
    run(subset, "lenetzhu", view=view, epochs=1)
    seen = sorted(view.shown[0].flatten(1).sum(1).tolist())
    assert seen == sorted(data.images[rows].reshape(6, -1).sum(1).tolist())
    # A row's draw is the same whatever subset it is trained in.
    draws = VIEW.draw_epoch(parse("none"), 60, 0, 0, "crop_flip")
    for image, corner in zip(view.shown[0], view.drawn[0].crop, strict=True):
        row = next(r for r in rows if np.array_equal(data.images[r], image.numpy()))
        assert torch.equal(corner, draws.crop[row])


def test_the_tiny_recipe_trains_on_a_tenth_of_every_class():
    stream = np.random.default_rng(1)
    labels = np.repeat(np.arange(CLASSES), (40, 30, 20, 10))
    images = stream.integers(0, 256, (100, 1, SIZE, SIZE), dtype=np.uint8)
    rows = training_indices(labels, {"rule": "stratified", "fraction": 0.1}, holdout=20, seed=3)
    view = WatchedView()
    run(TrainingData(images, labels, rows, images[:8], labels[:8]), view=view, epochs=1)
    numbers = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    seen = [numbers[image.numpy().tobytes()] for image in view.shown[0]]
    assert np.bincount(seen).tolist() == [4, 3, 2, 1]


def test_half_the_loss_is_half_the_rate_and_twice_the_decay(data):
    """One step of plain SGD: 0.1 (0.5 g + 5e-4 w) = 0.05 (g + 1e-3 w) (methods of Gao et al.)."""
    plain = {"epochs": 1, "batch_size": 60, "momentum": 0.0, "nesterov": False, "milestones": []}
    start = {k: v for k, v in build("lenetzhu", 1, SIZE, CLASSES, seed=0).state_dict().items()}
    half = run(data, "lenetzhu", **plain, loss_factor=0.5, learning_rate=0.1, weight_decay=5e-4)
    full = run(data, "lenetzhu", **plain, loss_factor=1.0, learning_rate=0.05, weight_decay=1e-3)
    ignored = run(data, "lenetzhu", **plain, loss_factor=1.0, learning_rate=0.1, weight_decay=5e-4)
    for key, value in weights(half).items():
        torch.testing.assert_close(value, weights(full)[key], rtol=0, atol=1e-7)
    moved = weights(half)["fc.bias"] - start["fc.bias"]
    assert (moved - (weights(ignored)["fc.bias"] - start["fc.bias"])).abs().max() > 1e-4
    assert half.history[0]["train_loss"] == full.history[0]["train_loss"]


def test_one_step_of_the_papers_sgd(data):
    """Nesterov's first step is lr (1 + momentum) (gradient + decay * weight), on all parameters."""
    one = {"epochs": 1, "batch_size": 60, "augment": "none", "milestones": []}
    trained = run(data, "convnet-w2", **one)
    model = build("convnet-w2", 1, SIZE, CLASSES, seed=0).train()
    inputs = VIEW.normalise(torch.from_numpy(data.images), "train")
    loss = torch.nn.functional.cross_entropy(model(inputs), torch.from_numpy(data.labels))
    loss.backward()
    for name, parameter in model.named_parameters():
        step = 0.05 * 1.9 * (parameter.grad + 5e-4 * parameter.detach())
        expected = parameter.detach() - step
        torch.testing.assert_close(weights(trained)[name], expected, rtol=1e-4, atol=1e-6)


def test_bf16_is_near_fp32_and_leaves_single_precision_weights(data):
    full, half = (run(data, epochs=1, precision=name) for name in ("fp32", "bf16"))
    assert all(p.dtype == torch.float32 for p in half.model.parameters())
    assert not same(full, half)
    assert half.history[0]["train_loss"] == pytest.approx(full.history[0]["train_loss"], rel=0.1)


def test_precision_is_left_behind():
    before = torch.backends.cudnn.allow_tf32
    with precision("bf16", torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu")
        assert torch.backends.cudnn.allow_tf32 is False
    assert not torch.is_autocast_enabled("cpu")
    assert torch.backends.cudnn.allow_tf32 == before
    assert memory_format("fp32", torch.device("cuda")) == torch.contiguous_format
    assert memory_format("bf16", torch.device("cuda")) == torch.channels_last


def test_a_memory_mapped_split_trains_like_an_array(data, tmp_path):
    np.save(tmp_path / "images.npy", data.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    there = TrainingData(mapped, data.labels, data.indices, data.test_images, data.test_labels)
    assert same(run(there, epochs=1), run(data, epochs=1))
