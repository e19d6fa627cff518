"""Trainings under a defence of the gradient, and trainings stopped after some steps."""

import math

import pytest
import torch

from reveil.models import build
from reveil.policies import parse as parse_policy
from reveil.rng import generator
from tests.training import (
    CLASSES,
    SIZE,
    VIEW,
    KilledError,
    MortalState,
    make_data,
    run,
    same,
    timeless,
    weights,
)


@pytest.fixture(scope="module")
def data():
    return make_data()


def steps_by_hand(data, defend, epochs):
    """Return the parameters after the papers' SGD, with ``defend`` on every gradient."""
    model = build("lenetzhu", 1, SIZE, CLASSES, seed=0).train()
    momenta = [torch.zeros_like(p) for p in model.parameters()]
    labels = torch.from_numpy(data.labels)
    for epoch in range(epochs):
        order = torch.randperm(60, generator=generator(0, "order", epoch))
        for step, batch in enumerate(order.split(20)):
            inputs = VIEW.normalise(torch.from_numpy(data.images)[batch], "train")
            loss = torch.nn.functional.cross_entropy(model(inputs), labels[batch])
            gradients = torch.autograd.grad(0.5 * loss, list(model.parameters()))
            with torch.no_grad():
                for parameter, momentum, gradient in zip(
                    model.parameters(), momenta, defend(gradients, epoch, step), strict=True
                ):
                    full = gradient + 5e-4 * parameter
                    momentum.mul_(0.9).add_(full)
                    parameter.sub_(0.05 * (full + 0.9 * momentum))
    return dict(model.named_parameters())


def prune_by_hand(gradients, epoch, step):
    """Set the floor of 70 % of each tensor's entries to 0, smallest magnitudes first."""
    pruned = [g.clone() for g in gradients]
    for gradient in pruned:
        count = math.floor(gradient.numel() * 0.7)
        gradient.view(-1)[gradient.view(-1).abs().argsort()[:count]] = 0
    return pruned


def noisy_by_hand(gradients, epoch, step):
    source = generator(0, "training defence", epoch, step)
    noise = 1e-2 * torch.randn(sum(g.numel() for g in gradients), generator=source)
    parts = noise.split([g.numel() for g in gradients])
    return [g + part.view(g.shape) for g, part in zip(gradients, parts, strict=True)]


@pytest.mark.parametrize(
    ("defence", "by_hand"), [("prune-70", prune_by_hand), ("gaussian-1e-2", noisy_by_hand)]
)
def test_the_defence_changes_each_gradient_before_decay_and_momentum(data, defence, by_hand):
    keys = {"epochs": 2, "batch_size": 20, "augment": "none", "loss_factor": 0.5, "milestones": []}
    trained = run(data, "lenetzhu", **keys, defence=defence)
    for name, expected in steps_by_hand(data, by_hand, epochs=2).items():
        torch.testing.assert_close(weights(trained)[name], expected, rtol=1e-4, atol=1e-6)
    assert not same(trained, run(data, "lenetzhu", **keys))


@pytest.mark.parametrize("defence", ["prune-70", "prune-global-70", "laplacian-1e-2"])
def test_a_resumed_run_under_a_defence_ends_in_the_same_bits(data, tmp_path, defence):
    keys = {"defence": defence, "learning_rate": 0.01, "policy": parse_policy("3-1-7")}
    expected = run(data, **keys)
    with pytest.raises(KilledError):
        run(data, state=MortalState(tmp_path, 3, 14), **keys)
    resumed = run(data, state=MortalState(tmp_path, 10**9), **keys)
    assert same(resumed, expected)
    assert timeless(resumed.history) == timeless(expected.history)


def test_every_defence_trains_in_bf16(data):
    for defence in ("prune-70", "gaussian-rel-1e-1"):
        trained = run(data, epochs=1, precision="bf16", defence=defence)
        assert all(p.isfinite().all() for p in trained.model.parameters())


# Stopping ---------------------------------------------------------------------------------------


class Snapshots(MortalState):
    """Keeps the weights after each step."""

    def __init__(self, folder):
        super().__init__(folder, period=1)
        self.weights = []

    def save(self, tensors, facts):
        self.weights.append({k: v.clone() for k, v in tensors.items() if k.startswith("model.")})


@pytest.mark.parametrize("stop", [1, 5, 8, 11, 24])
def test_a_stopped_training_is_the_full_one_so_far(data, tmp_path, stop):
    full = Snapshots(tmp_path)
    run(data, state=full)
    assert len(full.weights) == 24
    stopped = run(data, stop_after=stop)
    for name, value in weights(stopped).items():
        assert torch.equal(value, full.weights[stop - 1][f"model.{name}"])


def test_the_history_ends_in_the_part_of_an_epoch(data):
    whole, part = run(data), run(data, stop_after=11)
    assert timeless(part.history)[:1] == timeless(whole.history)[:1]
    assert [row["epoch"] for row in part.history] == [0, 1]
    assert part.history[1]["lr"] == whole.history[1]["lr"]
    assert part.history[1]["test_accuracy_pct"] == part.evaluation[0]["accuracy_pct"]
    assert [row["epoch"] for row in run(data, stop_after=16).history] == [0, 1]
    assert [row["epoch"] for row in run(data, stop_after=17).history] == [0, 1, 2]


def test_the_training_numbers_of_a_part_are_means_over_its_images(data):
    """With a rate of zero the weights stay: 2 steps of 8 are 16 images of the epoch's order."""
    trained = run(data, "lenetzhu", learning_rate=0.0, augment="none", stop_after=2)
    seen = torch.randperm(60, generator=generator(0, "order", 0))[:16]
    logits = trained.model(VIEW.normalise(torch.from_numpy(data.images)[seen], "train"))
    labels = torch.from_numpy(data.labels)[seen]
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    assert trained.history[0]["train_loss"] == pytest.approx(loss, rel=1e-4)


def test_without_a_step_the_network_is_the_initial_one(data):
    trained = run(data, stop_after=0)
    initial = build("convnet-w2", 1, SIZE, CLASSES, seed=0).state_dict()
    assert all(torch.equal(value, initial[name]) for name, value in weights(trained).items())
    (row,) = trained.history
    assert math.isnan(row["train_loss"])
    assert math.isnan(row["train_accuracy_pct"])
    assert row["test_accuracy_pct"] == trained.evaluation[0]["accuracy_pct"]


def test_a_stopped_training_resumes_to_the_same_bits(data, tmp_path):
    with pytest.raises(KilledError):
        run(data, stop_after=13, state=MortalState(tmp_path, 4, 11))
    state = MortalState(tmp_path, 10**9)
    resumed = run(data, stop_after=13, state=state)
    assert state.steps == 13 - 8
    assert same(resumed, run(data, stop_after=13))
