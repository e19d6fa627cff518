"""The critic, its losses by hand, and the order in which it and the encoder learn."""

import math

import pytest
import torch
from torch import nn

from reveil.cvnn import adversary, loops
from reveil.cvnn.contest import Contest
from reveil.cvnn.hiding import Hiding
from reveil.cvnn.loops import Plan
from reveil.cvnn.stacked import imaginary_part, real_part, stack
from reveil.errors import ReveilError
from tests.hidden import protection
from tests.private import noise
from tests.private_training import ADVERSARY


class Linear(nn.Module):
    """D(z) = w z."""

    def __init__(self, *weights):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(weights))
        self.batches = []

    def forward(self, z):
        self.batches.append(len(z))
        return z.flatten(1) @ self.w


def maps(*rows):
    """Features of one channel and two positions."""
    return torch.tensor(rows).view(len(rows), 1, 1, 2)


# Features under a false angle -------------------------------------------------------------------


def test_turned_features_by_hand():
    a, b = maps([1.0, 2.0], [3.0, 0.0]), maps([10.0, 0.0], [0.0, 1.0])
    angles = torch.tensor([[0.0, math.pi / 2], [math.pi, math.pi / 6]])
    made = adversary.turned(a, b, angles).view(4, 2)
    root = math.sqrt(3) / 2
    expected = torch.tensor([[1.0, 2.0], [0.0, -1.0], [-1.0, -2.0], [3 * root, -0.5]])
    torch.testing.assert_close(made, expected, atol=1e-6, rtol=0)


def test_turned_features_are_what_a_wrong_key_takes_for_them():
    a, b = noise(5, 2, 3, 3), noise(5, 2, 3, 3, seed=1)
    angles = 6 * torch.rand(1, 5, generator=torch.Generator().manual_seed(2))
    # Re[x exp(-i theta')] with x = a + i b and theta' = -angle.
    torch.testing.assert_close(
        adversary.turned(a, b, angles), real_part(stack(a, b), -angles[0]), atol=1e-6, rtol=1e-5
    )


def test_the_laws_of_false_angles():
    source = torch.Generator().manual_seed(0)
    drawn = {law: adversary.false_angles(law, (2, 4000), source) for law in adversary.LAWS}
    assert all(x.shape == (2, 4000) and x.min() >= 0 for x in drawn.values())
    assert 6.2 < drawn["uniform"].max() < 2 * math.pi
    assert 3.1 < drawn["half"].max() < math.pi
    odd, counts = (drawn["quarters"] / (math.pi / 4)).round().unique(return_counts=True)
    assert odd.tolist() == [1, 3, 5, 7]
    assert (counts > 1800).all()
    with pytest.raises(ReveilError, match="fake_angles: 'halves'.*did you mean 'half'"):
        adversary.false_angles("halves", (1,), source)


def test_an_imaginary_part_is_a_real_part_at_another_odd_quarter():
    x, angle = stack(noise(3, 1, 2, 2), noise(3, 1, 2, 2, seed=1)), torch.full((3,), math.pi / 4)
    torch.testing.assert_close(imaginary_part(x, angle), real_part(x, 3 * angle))


# Losses -----------------------------------------------------------------------------------------


def test_scores_are_means_of_one_pass():
    critic = Linear(2.0, -1.0)
    real = maps([1.0, 0.0], [0.0, 1.0])
    fake = maps([1.0, 1.0], [2.0, 0.0], [0.0, 3.0], [0.0, 0.0])
    values = adversary.scores(critic, real, fake)
    assert [v.item() for v in values] == [0.5, 0.5]
    assert critic.batches == [6]


def test_clipping_by_hand():
    critic = Linear(0.5, -0.001, -0.02, 0.01)
    assert adversary.clipped_share(critic, 0.01) == 0.75
    adversary.clip(critic, 0.01)
    torch.testing.assert_close(critic.w.detach(), torch.tensor([0.01, -0.001, -0.01, 0.01]))
    assert adversary.clipped_share(critic, 0.01) == 0.75
    assert adversary.clipped_share(critic, 0.02) == 0.0


def test_norms_of_gradients():
    x, y = nn.Parameter(torch.tensor([1.0, 1.0])), nn.Parameter(torch.tensor(5.0))
    loss = (torch.tensor([3.0, 4.0]) * x).sum()
    assert adversary.gradient_norm(loss, [x, y]) == 5
    assert adversary.gradient_norm(loss, [y]) == 0
    assert adversary.gradient_norm(loss.detach(), [x]) == 0
    assert x.grad is None


# Loops ------------------------------------------------------------------------------------------

TASK, ENCODER, CRITIC = Plan(task=True), Plan(encoder=True), Plan(critic=1)


@pytest.mark.parametrize(
    ("loop", "settings", "plans"),
    [
        ("joint", {"critic_steps": 3}, [Plan(True, True, 3)] * 4),
        ("by_batch", {"critic_steps": 7}, [TASK, ENCODER, *[CRITIC] * 7] * 2),
        ("report_lenet", {"critic_steps": 5}, [TASK, *[CRITIC] * 5] * 2),
        ("released", {"critic_every": 3}, [Plan(True, True, 1), *[Plan(True, True)] * 2] * 2),
        ("course", {"encoder_every": 5}, [*[Plan(True, False, 1)] * 4, Plan(True, True, 1)] * 2),
    ],
)
def test_what_is_learned_from_each_batch(loop, settings, plans):
    settings = {**ADVERSARY, **settings}
    assert [loops.get(loop).plan(batch, settings) for batch in range(len(plans))] == plans


def test_an_unknown_loop():
    with pytest.raises(ReveilError, match=r"adversary.loop: 'releasd'.*did you mean 'released'"):
        loops.get("releasd")


# Contest ----------------------------------------------------------------------------------------


class Encoder(nn.Module):
    """The part of a private network that a contest looks at: a = g I, element by element."""

    model = "made-up"

    def __init__(self, **changes):
        super().__init__()
        self.encoder, self.generator = nn.Linear(2, 2, bias=False), nn.Identity()
        self.encoder.weight = nn.Parameter(torch.eye(2))
        self.protection = protection(**changes)

    def features(self, images):
        return self.encoder(images)


def contest(loop="joint", critic=None, settings=(), **changes):
    hiding = Hiding(Encoder(**changes), seed=0)
    recipe = {"adversary": {**ADVERSARY, "loop": loop, **dict(settings)}, "precision": "fp32"}
    return Contest(hiding, critic or Linear(1.0, 2.0), loops.get(loop), recipe, {})


IMAGES, OTHERS = maps([1.0, 0.0], [2.0, 1.0]), maps([0.0, 1.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("loop", "norm"), [("joint", None), ("by_batch", None), ("course", None), ("released", 0.0)]
)
def test_the_encoders_term_by_hand(loop, norm):
    """0.5 (E D(a) - E D(a')), and -0.5 E D(a') without gradient in the released code."""
    held = contest(loop, settings={"weight": 0.5}, k=3)
    a, b = held.hiding.network.features(IMAGES), held.hiding.network.features(OTHERS)
    term = held.encoder_term(a, b, (0, 0))
    source = held.hiding.stream("encoder's angles", (0, 0))
    angles = adversary.false_angles("uniform", (2, 2), source)
    fake = [
        a[i] * angle.cos() - b[i] * angle.sin() for row in angles for i, angle in enumerate(row)
    ]
    judged = torch.stack(fake).flatten(1) @ torch.tensor([1.0, 2.0])
    real = 0.0 if loop == "released" else (1 + 4) / 2
    assert term.item() == pytest.approx(0.5 * (real - judged.mean().item()), rel=1e-5)
    measured = held.columns()["adversarial_gradient_norm"]
    if norm is None:
        (expected,) = torch.autograd.grad(
            0.5 * (a.flatten(1) @ torch.tensor([1.0, 2.0])).mean() - 0.5 * judged.mean(),
            held.encoder,
        )
        norm = expected.norm().item()
        assert norm > 0.1
    assert measured == pytest.approx(norm, rel=1e-5)
    assert held.critic.w.grad is None
    assert held.critic.w.requires_grad


@pytest.mark.parametrize("loop", ["joint", "by_batch", "course"])
@pytest.mark.parametrize("weight", [0.0, math.nan], ids=["zero", "not finite"])
def test_an_adversary_that_does_not_reach_the_encoder_is_told(loop, weight):
    held = contest(loop, Linear(weight, weight))
    a, b = held.hiding.network.features(IMAGES), held.hiding.network.features(OTHERS)
    message = f"protection 'made-up'.*norm {weight:g} in epoch 3.*loop '{loop}'.*check that"
    with pytest.raises(ReveilError, match=message):
        held.encoder_term(a, b, (2, 0))


def test_the_gradient_is_measured_once_an_epoch():
    held = contest()
    a, b = held.hiding.network.features(IMAGES), held.hiding.network.features(OTHERS)
    held.encoder_term(a, b, (0, 0))
    first = held.columns()["adversarial_gradient_norm"]
    held.encoder_term(7 * a, 7 * b, (0, 1))
    assert held.columns()["adversarial_gradient_norm"] == first
    held.forget()
    held.encoder_term(7 * a, 7 * b, (1, 0))
    assert held.columns()["adversarial_gradient_norm"] > 3 * first


@pytest.mark.parametrize(("loop", "sign"), [("joint", 1), ("report_lenet", -1)])
def test_a_step_of_the_critic_by_hand(loop, sign):
    """The first step of RMSprop is lr g / (0.1 |g| + eps), of the loss E D(a') - E D(a)."""
    settings = {"optimizer": "rmsprop", "critic_learning_rate": 1e-3}
    held = contest(loop, settings=settings, adversary="wgan-clip")
    before = held.critic.w.detach().clone()
    held.settings = {**held.settings, "clip": 10.0}
    angles = adversary.false_angles("uniform", (1, 2), held.hiding.stream("false angles", (0, 4)))
    fake = adversary.turned(IMAGES, OTHERS, angles)
    loss = held.teach(1, IMAGES, OTHERS, (0, 4))
    gradient = sign * (fake.mean(0) - IMAGES.mean(0)).flatten()
    moved = held.critic.w.detach() - before
    torch.testing.assert_close(moved, -1e-2 * gradient.sign(), atol=1e-6, rtol=1e-4)
    columns = held.columns()
    assert columns["critic_real"] == pytest.approx(2.5)
    assert columns["critic_fake"] == pytest.approx((fake.flatten(1) @ before).mean().item())
    assert loss.item() == pytest.approx(sign * (columns["critic_fake"] - 2.5), abs=1e-6)
    assert columns["clipped_share"] == 0
    assert torch.equal(held.encoder[0].detach(), torch.eye(2))


def test_every_step_of_the_critic_has_its_own_angles_and_is_logged():
    held = contest(adversary="wgan-clip")
    held.teach(3, IMAGES, OTHERS, (0, 0))
    assert held.kept["scores"][2] == 3
    assert held.critic.w.abs().max() <= 0.01
    assert held.columns()["clipped_share"] == 1.0


@pytest.mark.parametrize("penalty", [0.0, 10.0])
def test_the_penalty_is_weighed(penalty):
    """Of the linear critic (1, 2) it is (sqrt(5) - 1)^2."""
    free, held = (contest(settings={"penalty": p}) for p in (0.0, penalty))
    difference = held.teach(1, IMAGES, OTHERS, (0, 0)) - free.teach(1, IMAGES, OTHERS, (0, 0))
    assert difference.item() == pytest.approx(penalty * (math.sqrt(5) - 1) ** 2, rel=1e-5)
    assert math.isnan(held.columns()["clipped_share"])
