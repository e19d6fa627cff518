"""Training of private networks: keys, pairs, loops, logs, resume, and what is left in tables."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from reveil.cvnn import counterparts, hiding, private
from reveil.cvnn.key_accuracy import KeyDraws
from reveil.errors import ReveilError
from reveil.optimizers import Optimizer
from reveil.rng import generator
from reveil.stages.private_summaries import private_summary
from reveil.stages.summaries import history_table
from reveil.training_data import TrainingData
from tests.hidden import protection
from tests.private import noise
from tests.private_training import CLASSES, MODEL, SIZE, VIEW, make_blobs, preset, run, same
from tests.training import KilledError, MortalState, timeless

PLAIN = {"adversary": "none"}
KEYS = {"run": "r", "dataset": "d", "model": MODEL, "policy": "p", "recipe": "q", "seed": "0"}


@pytest.fixture(scope="module")
def data():
    return make_blobs()


def first(data, count):
    """Return the data with the first ``count`` training images alone."""
    return TrainingData(
        data.images, data.labels, np.arange(count), data.test_images, data.test_labels
    )


def same_history(ours, theirs):
    """Whether two histories are equal, seconds aside and not-a-number included."""
    torch.testing.assert_close(
        [list(row.values()) for row in timeless(ours.history)],
        [list(row.values()) for row in timeless(theirs.history)],
        rtol=0,
        atol=0,
        equal_nan=True,
    )
    return True


# What is learned --------------------------------------------------------------------------------


def test_only_the_right_key_reveals_the_class(data):
    """Some random keys are near the right one; wrong ones leave chance, 25 %, or less."""
    trained = run(data, epochs=9, adversary={"weight": 0.01})
    right, guessed, wrong = trained.evaluation
    assert [row["measure"] for row in trained.evaluation] == [
        "right_key",
        "random_key",
        "wrong_key",
    ]
    assert right["n"] == guessed["n"] == wrong["n"] == 32
    assert right["accuracy_pct"] >= 90
    assert guessed["accuracy_pct"] <= 55
    assert wrong["accuracy_pct"] <= 35
    last = trained.history[-1]
    assert last["test_accuracy_pct"] == right["accuracy_pct"] == 100 * right["correct"] / 32
    assert last["random_key_accuracy_pct"] == guessed["accuracy_pct"]
    assert last["wrong_key_accuracy_pct"] == wrong["accuracy_pct"]
    assert last["train_loss"] < 0.5 * trained.history[0]["train_loss"]
    assert not trained.network.training
    assert not trained.critic.training


@pytest.mark.parametrize("name", ["none", "additional", "noisy-50", "noisy-20-shared"])
def test_networks_without_a_key_learn_too(data, name):
    trained = run(data, preset(name), epochs=8)
    (clean,) = trained.evaluation
    assert clean["measure"] == "clean"
    assert clean["accuracy_pct"] >= 90
    assert trained.critic is None
    assert math.isnan(trained.history[-1]["random_key_accuracy_pct"])
    assert math.isnan(trained.history[-1]["wrong_key_accuracy_pct"])


@pytest.mark.parametrize(
    "name", ["report-old", "report-swap", "rotation-k8", "rotation-permuted", "core-relu-off-swap"]
)
def test_presets_train(data, name):
    trained = run(first(data, 33), preset(name), epochs=1)
    assert math.isfinite(trained.history[0]["train_loss"])
    reached = trained.history[0]["adversarial_gradient_norm"]
    assert math.isnan(reached) if trained.critic is None else reached > 0


# The task's loss by hand ------------------------------------------------------------------------


def revealed_by_hand(network, a, b, angles):
    """Return the logits of both images, by the formulas of the paper in complex numbers."""
    x = torch.polar(torch.ones_like(angles), angles).view(-1, 1, 1, 1) * torch.complex(a, b)
    h = torch.complex(*network.process(torch.cat([x.real, x.imag])).unflatten(0, (2, -1)).unbind())
    back = h * torch.polar(torch.ones_like(angles), -angles).view(-1, 1, 1, 1)
    return back.real, back.imag


@pytest.mark.parametrize("count", [6, 5])
@pytest.mark.parametrize("kind", ["pair", "permutation"])
def test_the_loss_of_one_batch(data, kind, count):
    """Both images of a pair give logits, each counted once; else a alone."""
    chosen = protection(counterpart=kind, **PLAIN)
    trained = run(first(data, count), chosen, epochs=1, learning_rate=0.0)
    rows = torch.randperm(count, generator=generator(0, "order", 0))
    images = VIEW.evaluate(torch.from_numpy(data.images[:count]))[rows]
    network = private.build(MODEL, chosen, 1, VIEW.size, CLASSES, seed=0)
    features = network.encode(VIEW.normalise(images))
    both = kind == "pair"
    pairs = counterparts.pair_count(count) if both else count
    angles = 2 * math.pi * torch.rand(pairs, generator=generator(0, "angles", 0, 0))
    partner = counterparts.partners(kind, count, 0, 0, 0)[:pairs]
    own, other = revealed_by_hand(network, features[:pairs], features[partner], angles)
    shown = torch.cat([own, other[: count - pairs]]) if both else own
    labels = torch.from_numpy(data.labels)[rows]
    loss = cross_entropy(network.classify(shown), labels)
    assert trained.history[0]["train_loss"] == pytest.approx(loss.item(), rel=1e-4)


def make_hiding(**changes):
    network = private.build(MODEL, protection(**changes), 1, SIZE, CLASSES, seed=0)
    return hiding.Hiding(network, seed=0)


@pytest.mark.parametrize("kind", ["permutation", "previous", "noise"])
def test_the_task_has_no_gradient_through_b(kind):
    held = make_hiding(counterpart=kind, **PLAIN)
    a, b = (noise(4, *held.network.feature_shape, seed=i).requires_grad_() for i in (0, 1))
    held.logits(a, b, (0, 0)).square().sum().backward()
    assert a.grad.abs().sum() > 0
    assert b.grad is None


def test_the_task_has_a_gradient_through_both_images_of_a_pair():
    held = make_hiding(**PLAIN)
    a = noise(4, *held.network.feature_shape).requires_grad_()
    held.logits(a, counterparts.in_pairs(a), (0, 0))[2:].square().sum().backward()
    assert (a.grad.flatten(1).norm(dim=1) > 0).all()


@pytest.mark.parametrize("swap", ["sample", "batch"])
@pytest.mark.parametrize("kind", ["pair", "permutation"])
def test_an_exchange_is_undone_by_the_key(kind, swap):
    held, plain = (make_hiding(counterpart=kind, swap=s, **PLAIN) for s in (swap, "none"))
    a = noise(8, *held.network.feature_shape)
    b = counterparts.in_pairs(a)
    flags = [held.swapped(8, (0, step)) for step in range(20)]
    shares = torch.stack(flags).float().mean(1)
    assert set(shares.tolist()) == {0.0, 1.0} if swap == "batch" else 0.1 < shares.mean() < 0.9
    step = next(i for i, exchanged in enumerate(flags) if exchanged.any())
    torch.testing.assert_close(
        held.logits(a, b, (0, step)), plain.logits(a, b, (0, step)), rtol=1e-4, atol=1e-5
    )


def test_angles_are_uniform_and_change_with_every_step(monkeypatch):
    held, keys = make_hiding(counterpart="permutation", **PLAIN), []
    monkeypatch.setattr(held.network, "hide", lambda a, b, angles, swapped: keys.append(angles))
    monkeypatch.setattr(held.network, "process", lambda x: x)
    monkeypatch.setattr(held.network, "reveal", lambda h, angles, swapped: (a, a))
    monkeypatch.setattr(held.network, "classify", lambda features: features)
    a = torch.zeros(500, 1, 1, 1)
    for at in ((0, 0), (0, 1), (1, 0)):
        held.logits(a, a, at)
    drawn = torch.stack(keys)
    assert ((drawn >= 0) & (drawn < 2 * math.pi)).all()
    assert torch.histc(drawn, 4, 0, 2 * math.pi).min() > 300
    assert len({tuple(row.tolist()) for row in drawn}) == 3


# The adversary ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["joint", "by_batch", "course"])
def test_the_adversary_reaches_the_encoder(data, loop):
    trained = run(data, adversary={"loop": loop, "encoder_every": 2})
    assert all(row["adversarial_gradient_norm"] > 0 for row in trained.history)
    assert all(math.isfinite(row["critic_real"] + row["critic_fake"]) for row in trained.history)


@pytest.mark.parametrize("loop", ["released", "report_lenet"])
def test_the_published_defects_are_in_the_log(data, loop):
    trained = run(data, protection(adversary="wgan-clip"), adversary={"loop": loop})
    assert [row["adversarial_gradient_norm"] for row in trained.history] == [0, 0]
    assert 0 < trained.history[-1]["clipped_share"] <= 1
    assert max(p.abs().max() for p in trained.critic.parameters()) <= 0.01 + 1e-9


@pytest.mark.parametrize("loop", ["joint", "released"])
def test_what_the_adversary_changes(data, loop):
    """By the joint loop the encoder; by the released one nothing, with a rate of 0 for its step."""
    settings = {"loop": loop, "optimizer": "rmsprop", "learning_rate": 1e-30}
    plain = run(data, protection(**PLAIN), epochs=1)
    trained = run(data, epochs=1, adversary=settings)
    kept = plain.network.state_dict()
    pairs = [(x, kept[name]) for name, x in trained.network.state_dict().items()]
    equal = all(torch.allclose(x, y, rtol=1e-5, atol=1e-6) for x, y in pairs)
    assert equal == (loop == "released")


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"loop": "joint", "critic_steps": 2}, "tcc" * 9),
        ({"loop": "by_batch", "critic_steps": 7}, "teccccccc"),
        ({"loop": "report_lenet", "critic_steps": 5}, "tccccctcc"),
        ({"loop": "released", "critic_every": 4}, "tectetetetectetetetec"),
        ({"loop": "course", "encoder_every": 5}, "tctctctctectctctctc"),
    ],
    ids=["joint", "by_batch", "report_lenet", "released", "course"],
)
def test_which_optimizers_step_and_how_often(data, monkeypatch, settings, steps):
    """Over 9 batches: t steps on everything, e on the encoder alone, c on the critic."""
    taken = []

    def step(self, rate):
        taken.append({0.1: "t", 2e-4: "e", 3e-4: "c"}[rate])

    monkeypatch.setattr(Optimizer, "step", step)
    rates = {"learning_rate": 2e-4, "critic_learning_rate": 3e-4}
    run(first(data, 36), epochs=1, batch_size=4, adversary={**settings, **rates})
    assert "".join(taken) == steps


def test_bf16_trains_with_several_steps_of_the_critic(data):
    trained = run(data, epochs=1, precision="bf16", adversary={"critic_steps": 3})
    assert all(p.dtype == torch.float32 for p in trained.network.parameters())
    assert math.isfinite(trained.history[0]["train_loss"])
    assert trained.history[0]["adversarial_gradient_norm"] > 0


# What cannot be trained -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"adversary": {"loop": "join"}}, r"recipe.adversary.loop: 'join'.*did you mean 'joint'"),
        ({"adversary": {"optimizer": "sgd"}}, r"recipe.adversary.optimizer: 'sgd' is not allowed"),
        ({"defence": "prune-70"}, "recipe.defence: 'prune-70' is not allowed for private"),
        ({"optimizer": "adamm"}, "recipe.optimizer: 'adamm'.*did you mean 'adam'"),
    ],
)
def test_a_recipe_that_cannot_be_run_is_refused(data, keys, message):
    with pytest.raises(ReveilError, match=message):
        run(data, **keys)


def test_divergence_names_the_step_and_both_rates(data):
    message = r"diverged.*epoch 1 of 2, step \d of 4.*recipe.adversary.critic_learning_rate"
    with pytest.raises(ReveilError, match=message):
        run(data, preset("none"), learning_rate=1e30)
    with pytest.raises(ReveilError, match=message):
        run(data, adversary={"critic_learning_rate": 1e30})


# Seeds, chunks, resume --------------------------------------------------------------------------


def test_the_seed_decides_the_run_and_the_global_state_is_left_alone(data):
    torch.manual_seed(0)
    one = run(data, protection(swap="sample"), epochs=1)
    before = torch.manual_seed(1).get_state()
    again, other = (run(data, protection(swap="sample"), epochs=1, seed=s) for s in (0, 1))
    assert same(one, again)
    assert same_history(one, again)
    assert not same(one, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", ["pair", "permutation", "noise"])
def test_the_chunk_changes_nothing(data, kind):
    chosen = protection(counterpart=kind, swap="sample")
    whole, pieces = (run(data, chosen, epochs=1, chunk=chunk) for chunk in ("auto", 5))
    assert same(whole, pieces)
    assert whole.evaluation == pieces.evaluation
    assert whole.history[0]["test_loss"] == pytest.approx(pieces.history[0]["test_loss"], rel=1e-4)


def test_batch_statistics_of_a_test_are_those_of_the_recipes_batches(data):
    chosen = protection(norm_test="batch", **PLAIN)
    whole, pieces = (run(data, chosen, epochs=1, chunk=chunk) for chunk in ("auto", 5))
    assert timeless(whole.history)[0]["test_loss"] == timeless(pieces.history)[0]["test_loss"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("rotation-swap", {}),
        ("released", {"loop": "released", "optimizer": "rmsprop", "critic_every": 2}),
        ("rotation", {"loop": "course", "encoder_every": 3}),
        ("report-old", {"loop": "by_batch", "critic_steps": 2}),
        ("noisy-20-shared", {}),
    ],
)
def test_a_resumed_run_ends_in_the_same_bits(data, tmp_path, name, settings):
    chosen = preset(name)
    if name == "released":
        chosen = protection(adversary="wgan-clip", fake_angles="quarters", norm_parts="half")
    keys = {"adversary": settings, "batch_size": 12, "learning_rate": 0.01}
    expected = run(first(data, 30), chosen, **keys)
    with pytest.raises(KilledError):
        run(first(data, 30), chosen, state=MortalState(tmp_path, 1, 5), **keys)
    state = MortalState(tmp_path, 10**9)
    resumed = run(first(data, 30), chosen, state=state, **keys)
    assert state.steps == 2
    assert same(resumed, expected)
    assert same_history(resumed, expected)
    assert resumed.evaluation == expected.evaluation


# Evaluation and tables --------------------------------------------------------------------------


def test_the_accuracy_with_a_key_by_hand(data):
    trained = run(data, protection(counterpart="permutation", **PLAIN), epochs=3)
    draws = KeyDraws.make(32, 0, swaps=False)
    images = VIEW.normalise(VIEW.evaluate(torch.from_numpy(data.test_images)), "test")
    labels = torch.from_numpy(data.test_labels)
    with torch.no_grad():
        features = trained.network.encode(images[draws.shown])
        own, _ = revealed_by_hand(trained.network, features, features.roll(16, 0), draws.angles)
        right = trained.network.classify(own)
    assert trained.evaluation[0]["correct"] == (right.argmax(1) == labels[draws.shown]).sum()
    loss = cross_entropy(right, labels[draws.shown]).item()
    assert trained.history[-1]["test_loss"] == pytest.approx(loss, rel=1e-4)


def test_attributes_are_learned_with_binary_cross_entropy(data):
    """Attribute i of a blob is bit i of its corner."""
    bits = [np.stack([x % 2 == 1, x > 1], axis=1) for x in (data.labels, data.test_labels)]
    faces = TrainingData(data.images, bits[0], data.indices, data.test_images, bits[1])
    chosen = preset("none")
    with pytest.raises(ReveilError, match="labels: 2 attributes are not allowed.*allowed: 4"):
        run(faces, chosen)
    network = private.build(MODEL, chosen, 1, VIEW.size, CLASSES, seed=0)
    with torch.no_grad():
        logits = network(VIEW.normalise(VIEW.evaluate(torch.from_numpy(data.images))))
    wide = np.concatenate([bits[0], ~bits[0]], axis=1)
    faces = TrainingData(data.images, wide, data.indices, data.test_images, wide[:32])
    still = run(faces, chosen, epochs=1, batch_size=64, learning_rate=0.0)
    loss = binary_cross_entropy_with_logits(logits, torch.from_numpy(wide).float()).item()
    assert still.history[0]["train_loss"] == pytest.approx(loss, rel=1e-4)
    right = ((logits > 0).numpy() == wide).mean()
    assert still.history[0]["train_accuracy_pct"] == pytest.approx(100 * right)
    trained = run(faces, epochs=8, adversary={"weight": 0.01})
    assert trained.evaluation[0]["accuracy_pct"] >= 90


def test_the_rows_of_the_tidy_tables(data):
    trained = run(data, protection(adversary="wgan-clip"), epochs=1)
    history = history_table(trained, KEYS)
    assert " ".join(history.columns) == (
        "run dataset model policy recipe seed epoch lr train_loss train_accuracy_pct test_loss "
        "test_accuracy_pct random_key_accuracy_pct wrong_key_accuracy_pct critic_real critic_fake "
        "adversarial_gradient_norm clipped_share seconds"
    )
    (row,) = private_summary(trained, KEYS)
    assert " ".join(row) == (
        "run dataset model policy recipe seed epochs parameters accuracy_clean_pct "
        "accuracy_random_pct accuracy_wrong_pct n_test train_seconds multiply_adds_device "
        "multiply_adds_cloud "
        "adversarial_gradient_norm clipped_share equivariance_error weights_digest"
    )
    assert row["accuracy_clean_pct"] == trained.evaluation[0]["accuracy_pct"]
    assert row["accuracy_random_pct"] == trained.evaluation[1]["accuracy_pct"]
    assert (row["n_test"], row["epochs"], row["policy"]) == (32, 1, "p")
    assert row["adversarial_gradient_norm"] == history[0]["adversarial_gradient_norm"] > 0
    assert 0 < row["clipped_share"] <= 1
    assert row["equivariance_error"] < 1e-5
    assert row["multiply_adds_device"] > 0 < row["multiply_adds_cloud"]
    assert len(row["weights_digest"]) == 64


def test_the_row_of_a_network_without_a_key_leaves_the_rest_out(data):
    trained = run(data, preset("none"), epochs=1, stop_after=1)
    (row,) = private_summary(trained, KEYS)
    empty = {key for key, value in row.items() if value != value}
    assert empty == {
        *(
            "accuracy_random_pct",
            "accuracy_wrong_pct",
            "adversarial_gradient_norm",
            "clipped_share",
        ),
        "equivariance_error",
    }
