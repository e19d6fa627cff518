"""Recipes, resume, divergence, history and evaluation of a training run."""

import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from reveil.datasets import Dataset
from reveil.errors import ReveilError
from reveil.evaluation import evaluate
from reveil.indices import training_indices
from reveil.job import State
from reveil.models import build
from reveil.optimizers import make_optimizer
from reveil.policies import parse
from reveil.precision import memory_format, precision
from reveil.schedule import decayed, milestones
from reveil.training import TrainingData, augmentation, train
from reveil.views import view_for

SIZE, CLASSES = 12, 4
RECIPE = {
    "epochs": 3,
    "batch_size": 8,
    "drop_last": False,
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 5e-4,
    "milestones": [2.667, 1.6, 1.142],
    "gamma": 0.1,
    "loss_factor": 1.0,
    "subset": {"rule": "all", "fraction": 1.0},
    "holdout": 0,
    "augment": "crop_flip",
    "normalisation": "dataset",
    "fmnist_pipeline": "pad32",
    "policy_channels": 1,
    "precision": "fp32",
}


DATASET = Dataset(
    name="made",
    title="Made",
    family="made",
    format="idx",
    channels=1,
    size=SIZE,
    classes=CLASSES,
    counts={"train": 60, "test": 20},
    mean=(0.5,),
    std=(0.25,),
    archives=(),
)
VIEW = view_for(DATASET, RECIPE)


class WatchedView:
    """A view of the made data that keeps what it was asked for."""

    def __init__(self):
        self.view = view_for(DATASET, RECIPE)
        self.shape, self.evaluate = self.view.shape, self.view.evaluate
        self.asked, self.splits, self.shown, self.drawn, self.inputs = [], [], [], [], []

    def draw_epoch(self, policy, count, seed, epoch, augment):
        self.asked.append((count, seed, epoch, augment))
        return self.view.draw_epoch(policy, count, seed, epoch, augment)

    def draw(self, policy, images, seed, *, purpose, augment):
        self.asked.append((purpose, list(images), seed, augment))
        return self.view.draw(policy, images, seed, purpose=purpose, augment=augment)

    def victim(self, raw, draws, policy):
        self.shown.append(raw.clone())
        self.drawn.append(draws)
        return self.view.victim(raw, draws, policy)

    def normalise(self, images, split):
        self.splits.append(split)
        self.inputs.append(images)
        return self.view.normalise(images, split)


@pytest.fixture(scope="module")
def data():
    """60 training and 20 test images: dark, bright, striped across, striped down."""
    stream = np.random.default_rng(0)
    stripes = np.arange(SIZE) % 2 * 160
    patterns = [np.zeros((SIZE, SIZE)), np.full((SIZE, SIZE), 160)]
    patterns += [np.tile(stripes, (SIZE, 1)).T, np.tile(stripes, (SIZE, 1))]

    def split(count):
        labels = np.arange(count) % CLASSES
        noise = stream.integers(0, 80, (count, 1, SIZE, SIZE))
        return (np.array(patterns)[labels][:, None] + noise).astype(np.uint8), labels

    return TrainingData(*split(60), np.arange(60), *split(20))


def run(data, model="convnet-w2", policy=None, view=None, seed=0, state=None, chunk="auto", **keys):
    return train(
        data,
        view or WatchedView(),
        policy or parse("none"),
        {**RECIPE, **keys},
        model,
        classes=CLASSES,
        seed=seed,
        state=state,
        chunk=chunk,
    )


def weights(trained):
    return trained.model.state_dict()


def same(first, second):
    return all(torch.equal(weights(first)[k], weights(second)[k]) for k in weights(first))


def timeless(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


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


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"precision": "bf61"}, "recipe.precision: 'bf61'.*did you mean 'bf16'"),
        ({"augment": "crop"}, "recipe.augment: 'crop' is not allowed"),
        ({"optimizer": "sdg"}, "recipe.optimizer: 'sdg'.*did you mean 'sgd'"),
        ({"batch_size": 61, "drop_last": True}, "batch_size: 61 with drop_last leaves no batch"),
    ],
)
def test_a_recipe_that_cannot_be_run_is_refused(data, keys, message):
    with pytest.raises(ReveilError, match=message):
        run(data, **keys)


def test_data_that_cannot_be_trained_on_is_refused(data):
    parts = (data.images, data.labels, data.indices, data.test_images, data.test_labels)
    nothing = TrainingData(*parts[:2], np.array([], dtype=np.int64), *parts[3:])
    with pytest.raises(ReveilError, match="no training images"):
        run(nothing)
    with pytest.raises(ReveilError, match="no test images"):
        run(TrainingData(*parts[:3], parts[3][:0], parts[4][:0]))
    with pytest.raises(ReveilError, match="labels: 4 is not allowed; allowed: 0 to 3"):
        run(TrainingData(data.images, data.labels + 1, *parts[2:]))


def test_divergence_names_epoch_step_and_rate(data):
    class Poisoned(WatchedView):
        """Hands out an infinite image in the third step of the second epoch."""

        def normalise(self, images, split):
            inputs = super().normalise(images, split)
            return inputs * float("inf") if self.splits.count("train") == 11 else inputs

    with pytest.raises(ReveilError, match=r"epoch 2 of 3, step 3 of 8, learning rate 0.0005\b"):
        run(data, "lenetzhu", view=Poisoned())


def test_a_diverged_state_is_never_saved(data, tmp_path):
    state = State(tmp_path, {}, interval=0)
    with pytest.raises(ReveilError, match="diverged"):
        run(data, "convnet-w2", state=state, learning_rate=1e30)
    tensors, _ = state.load() or ({}, {})
    assert all(t.isfinite().all() for k, t in tensors.items() if "momentum" in k)


# Resume -----------------------------------------------------------------------------------------


class KilledError(Exception):
    """Stands for the signal that ends a run."""


class MortalState(State):
    """Saves at every ``period``-th step and kills the run at step ``death``."""

    def __init__(self, folder, period, death=None):
        super().__init__(folder, {"recipe": "test"}, interval=0)
        self.period, self.death, self.steps, self.saved = period, death, 0, 0

    def due(self):
        self.steps += 1
        if self.steps == self.death:
            raise KilledError
        return super().due() and self.steps % self.period == 0

    def save(self, tensors, facts):
        super().save(tensors, facts)
        self.saved += 1


@pytest.mark.parametrize(("model", "optimizer"), [("convnet-w2", "sgd"), ("lenetzhu", "adam")])
@pytest.mark.parametrize(
    ("period", "death"),
    [(1, 2), (1, 12), (3, 14), (8, 9), (5, 3), (1, 24)],
    ids=["first epoch", "mid epoch", "between saves", "epoch end", "before any save", "last step"],
)
def test_a_resumed_run_ends_in_the_same_bits(data, tmp_path, model, optimizer, period, death):
    keys = {"optimizer": optimizer, "learning_rate": 0.01, "policy": parse("3-1-7+43-18-18")}
    expected = run(data, model, **keys)
    with pytest.raises(KilledError):
        run(data, model, state=MortalState(tmp_path, period, death), **keys)
    resumed_state = MortalState(tmp_path, period=10**9)
    resumed = run(data, model, state=resumed_state, **keys)
    # 24 steps in all: only those after the last save are taken again.
    assert resumed_state.steps == 24 - (death - 1) // period * period
    assert same(resumed, expected)
    assert timeless(resumed.history) == timeless(expected.history)
    assert resumed.evaluation == expected.evaluation


def test_a_run_killed_twice_keeps_its_seconds(data, tmp_path):
    expected = run(data)
    for death in (4, 5):
        with pytest.raises(KilledError):
            run(data, state=MortalState(tmp_path, 1, death))
    _, facts = State(tmp_path, {"recipe": "test"}).load()
    assert (facts["epoch"], facts["step"]) == (0, 7)
    resumed = run(data, state=State(tmp_path, {"recipe": "test"}))
    assert same(resumed, expected)
    assert resumed.history[0]["seconds"] > facts["seconds"] > 0


def test_saving_at_every_step_changes_nothing(data, tmp_path):
    state = MortalState(tmp_path, period=1)
    assert same(run(data, state=state), run(data))
    assert state.saved == 24


def test_the_state_of_another_recipe_is_refused_with_a_word(data, tmp_path, caplog):
    run(data, "lenetzhu", state=State(tmp_path, {"epochs": 2}, interval=0), epochs=2)
    with caplog.at_level(logging.WARNING):
        other = run(data, "lenetzhu", state=State(tmp_path, {"epochs": 1}), epochs=1)
    assert "epochs is 2 there, 1 here" in caplog.text
    assert same(other, run(data, "lenetzhu", epochs=1))


# Small parts ------------------------------------------------------------------------------------


def test_evaluation_does_not_depend_on_the_chunk_and_keeps_the_mode(data):
    model = build("convnet-w2", 1, SIZE, CLASSES, seed=0).train()
    images, labels = torch.from_numpy(data.test_images), torch.from_numpy(data.test_labels)
    before = json.dumps({k: v.sum().item() for k, v in model.state_dict().items()})
    results = [
        evaluate(model, images, labels, lambda x: x.float() / 255, chunk=chunk)
        for chunk in (None, 1, 7)
    ]
    assert {r.correct for r in results} == {results[0].correct}
    assert [r.loss for r in results] == pytest.approx([results[0].loss] * 3)
    assert results[0].percent == 100 * results[0].correct / 20
    assert model.training
    assert json.dumps({k: v.sum().item() for k, v in model.state_dict().items()}) == before


@pytest.mark.parametrize(
    ("keys", "reference"),
    [
        ({"optimizer": "sgd"}, {"momentum": 0.9, "nesterov": True}),
        ({"optimizer": "sgd", "momentum": 0.0, "nesterov": False}, {}),
        ({"optimizer": "sgd", "nesterov": False}, {"momentum": 0.9}),
        ({"optimizer": "adam"}, None),
    ],
    ids=["papers", "plain", "momentum", "adam"],
)
def test_the_optimizers_step_as_pytorchs_do(keys, reference):
    """Weight decay reaches every parameter, biases and batch norms included."""
    ours, theirs = (build("convnet-w2", 1, SIZE, CLASSES, seed=0) for _ in range(2))
    mine = make_optimizer(ours.parameters(), {**RECIPE, **keys})
    decay = {"lr": 0.02, "weight_decay": 5e-4}
    if reference is None:
        other = torch.optim.Adam(theirs.parameters(), **decay)
    else:
        other = torch.optim.SGD(theirs.parameters(), **decay, **reference)
    inputs = torch.rand(5, 1, SIZE, SIZE)
    for _ in range(3):
        for model, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
        mine.step(0.02)
        other.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_does_not_load_the_compiler():
    """Its import would take longer than the demo's training."""
    code = """
import sys
import numpy as np
from reveil import datasets, training
from reveil.policies import parse
from reveil.views import view_for
recipe = RECIPE
images, labels = np.zeros((8, 1, 28, 28), np.uint8), np.arange(8)
data = training.TrainingData(images, labels, labels, images, labels)
view = view_for(datasets.get("fashion-mnist"), recipe)
training.train(data, view, parse("3-1-7"), recipe, "lenetzhu", classes=10, seed=0)
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code.replace("RECIPE", repr(RECIPE))],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.strip() == "False"


def test_progress_is_reported(data, caplog):
    with caplog.at_level(logging.INFO):
        run(data, "lenetzhu", epochs=1)
    assert "train lenetzhu, 60 images: 8/8 (100 %)" in caplog.text
    assert "epoch 1 of 1" in caplog.text
