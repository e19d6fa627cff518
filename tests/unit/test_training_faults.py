"""Trainings that cannot be done, diverge, or are killed and resumed; and their small parts."""

import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from reveil.errors import ReveilError
from reveil.evaluation import evaluate
from reveil.job import State
from reveil.models import build
from reveil.optimizers import make_optimizer
from reveil.policies import parse
from reveil.training import TrainingData
from tests.training import (
    CLASSES,
    RECIPE,
    SIZE,
    KilledError,
    MortalState,
    WatchedView,
    make_data,
    run,
    same,
    timeless,
)


@pytest.fixture(scope="module")
def data():
    return make_data()


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"precision": "bf61"}, "recipe.precision: 'bf61'.*did you mean 'bf16'"),
        ({"augment": "crop"}, "recipe.augment: 'crop' is not allowed"),
        ({"optimizer": "sdg"}, "recipe.optimizer: 'sdg'.*did you mean 'sgd'"),
        ({"defence": "prun-70"}, "defence: 'prun-70'.*did you mean 'prune-70'"),
        ({"stop_after": 25}, "stop_after: 25 is not allowed; the whole training has 24 steps"),
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


# Resume ------------------------------------------------------------------------------------------


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
    ("keys", "rule", "reference"),
    [
        ({"optimizer": "sgd"}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        ({"optimizer": "sgd", "momentum": 0.0, "nesterov": False}, torch.optim.SGD, {}),
        ({"optimizer": "sgd", "nesterov": False}, torch.optim.SGD, {"momentum": 0.9}),
        ({"optimizer": "adam"}, torch.optim.Adam, {}),
        (
            {"optimizer": "adam", "beta1": 0.5, "beta2": 0.9},
            torch.optim.Adam,
            {"betas": (0.5, 0.9)},
        ),
        ({"optimizer": "rmsprop"}, torch.optim.RMSprop, {}),
    ],
    ids=["papers", "plain", "momentum", "adam", "adam of a gan", "rmsprop"],
)
def test_the_optimizers_step_as_pytorchs_do(keys, rule, reference):
    """Weight decay reaches every parameter, biases and batch norms included."""
    ours, theirs = (build("convnet-w2", 1, SIZE, CLASSES, seed=0) for _ in range(2))
    mine = make_optimizer(ours.parameters(), {**RECIPE, **keys})
    other = rule(theirs.parameters(), lr=0.02, weight_decay=5e-4, **reference)
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
