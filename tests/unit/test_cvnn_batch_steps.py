"""What one batch of training a private network draws, hides and steps on, by hand."""

import math

import pytest
import torch
from torch import nn

from reveil.cvnn import adversary, loops, private
from reveil.cvnn.contest import Contest
from reveil.cvnn.hiding import Hiding
from reveil.cvnn.private import PrivateNetwork
from tests.hidden import protection
from tests.private import noise
from tests.private_training import ADVERSARY, CLASSES, MODEL, SIZE, make_blobs, run

PLAIN = {"adversary": "none"}


class Linear(nn.Module):
    """D(z) = sum of z, times one weight."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0))

    def forward(self, z):
        return self.w * z.flatten(1).sum(1)


def make_hiding(**changes):
    network = private.build(MODEL, protection(**changes), 1, SIZE, CLASSES, seed=0)
    return Hiding(network, seed=0)


def contest(held, loop="joint", **settings):
    recipe = {"adversary": {**ADVERSARY, "loop": loop, **settings}, "precision": "fp32"}
    return Contest(held, Linear(), loops.get(loop), recipe, {})


# Draws ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "allowed"),
    [
        ("quarters", lambda sine: torch.allclose(sine.abs(), torch.tensor(math.sqrt(0.5)))),
        ("half", lambda sine: (sine >= 0).all()),
        ("uniform", lambda sine: (sine < 0).any() and (sine.abs() < 0.6).any()),
    ],
    ids=["quarters", "half", "uniform"],
)
def test_false_angles_follow_the_law_of_the_protection(law, allowed):
    """Of a = 0 and b = -1 the turned feature is the sine of the angle."""
    held = make_hiding(fake_angles=law, k=4)
    a = torch.zeros(20, 1, 1, 1)
    made = held.fakes(a, a - 1, held.stream("false angles", (0, 0)))
    assert made.shape == (60, 1, 1, 1)
    assert allowed(made)


@pytest.mark.parametrize(("law", "apart"), [("fresh", True), ("shared", False)])
def test_noise_is_one_draw_for_a_batch_that_shares_it(law, apart):
    held = make_hiding(kind="noisy", noise=law, generator="none", end="relu")
    drawn = held.noise(torch.zeros(3, *held.network.feature_shape), (0, 0))
    rows = drawn.expand(3, *held.network.feature_shape)
    assert bool((rows[0] != rows[1]).any()) is apart
    assert not torch.equal(drawn, held.noise(torch.zeros(3, *held.network.feature_shape), (0, 1)))


def test_a_noisy_network_learns_from_noisy_features(monkeypatch):
    held = make_hiding(kind="noisy", noise="fresh", generator="none", end="relu")
    a = noise(3, *held.network.feature_shape)
    monkeypatch.setattr(held.network, "process", lambda features: features)
    monkeypatch.setattr(held.network, "classify", lambda features: features)
    drawn = torch.randn(a.shape, generator=held.stream("noise", (2, 1)))
    deviation = a.std(dim=(2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(held.logits(a, None, (2, 1)), a + 0.5 * drawn * deviation)


def test_the_previous_batch_hides_the_next_one(monkeypatch):
    """The first batch has none before it, and hides itself, as in the published code."""
    pairs, hide = [], PrivateNetwork.hide

    def spy(network, a, b, angles, swapped):
        if network.training:
            pairs.append((a.detach().clone(), b.detach().clone()))
        return hide(network, a, b, angles, swapped)

    monkeypatch.setattr(PrivateNetwork, "hide", spy)
    run(make_blobs(), protection(counterpart="previous", **PLAIN), epochs=1, learning_rate=0.0)
    features, others = zip(*pairs, strict=True)
    assert len(pairs) == 4
    # The weights stand still, and batches are normalised by themselves.
    for before, b in zip((features[0], *features), others, strict=False):
        torch.testing.assert_close(b, before, rtol=1e-5, atol=1e-5)
    assert all((a != b).flatten(1).any(1).all() for a, b in pairs[1:])


# Steps ------------------------------------------------------------------------------------------


def test_the_encoder_that_deceives_the_critic_is_encoder_and_generator():
    held = make_hiding(generator="narrow")
    network, made = held.network, contest(held, "by_batch")
    images = noise(4, 1, SIZE, SIZE)
    features = network.encode(images)
    term = made.encoder_term(features, features.roll(1, 0), (0, 0))
    both = [*network.encoder.parameters(), *network.generator.parameters()]
    expected = adversary.norm_of(torch.autograd.grad(term, both, retain_graph=True))
    assert made.columns()["adversarial_gradient_norm"] == pytest.approx(expected)
    before = [p.detach().clone() for p in network.parameters()]
    made.deceive(torch.autograd.grad(term, made.encoder))
    moved = {
        id(p)
        for p, old in zip(network.parameters(), before, strict=True)
        if not torch.equal(p, old)
    }
    assert {id(network.encoder[0].weight), id(network.generator[0].weight)} <= moved
    assert moved <= {id(p) for p in both}


def test_weights_of_the_critic_do_not_decay():
    """Of features that are all zero the critic's loss has no gradient."""
    made = contest(make_hiding(adversary="wgan-clip"), clip=10.0, critic_learning_rate=0.1)
    zeros = torch.zeros(4, 2, 3, 3)
    made.teach(2, zeros, zeros, (0, 0))
    assert made.critic.w.item() == 1.0


def test_what_is_logged_of_the_critic_is_the_mean_of_its_steps():
    made = contest(make_hiding(adversary="wgan-clip"), clip=10.0, critic_learning_rate=0.0)
    a = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
    made.teach(3, a, a.roll(1, 0), (0, 0))
    made.teach(1, 5 * a, 5 * a, (0, 1))
    assert made.columns()["critic_real"] == pytest.approx((3 * 2 + 10) / 4)


def test_the_loss_factor_is_that_of_the_task():
    """Without momentum and decay, twice the loss is twice the rate."""
    keys = {"epochs": 1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}
    twice, fast, plain = (
        run(make_blobs(16), protection(**PLAIN), loss_factor=factor, learning_rate=rate, **keys)
        for factor, rate in ((2.0, 0.01), (1.0, 0.02), (1.0, 0.01))
    )
    weight, expected, other = (t.network.decoder[-1].weight for t in (twice, fast, plain))
    torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-6)
    assert (weight - other).abs().max() > 1e-4
    assert twice.history[0]["train_loss"] == pytest.approx(plain.history[0]["train_loss"])
