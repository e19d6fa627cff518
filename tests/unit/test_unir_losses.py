"""Adversarial losses from logits, and the switches of the likelihood."""

import math

import pytest
import torch

from reveil.errors import ReveilError
from reveil.unir.losses import gan_loss, likelihood, squared_error
from tests.reconstructing import operator

REAL, FAKE = torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 1.0])


def softplus(value):
    return math.log1p(math.exp(value))


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


BY_HAND = {
    "bce": (
        (softplus(0) + softplus(-2)) / 2 + (softplus(-1) + softplus(1)) / 2,
        (softplus(1) + softplus(-1)) / 2,
    ),
    "least-squares": (((1 + 1) / 2 + (1 + 1) / 2) / 2, (4 + 0) / 2),
    "hinge": ((1 + 0) / 2 + (0 + 2) / 2, 0.0),
    "wgan-gp": (0.0 - 1.0, 0.0),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_both_sides_by_hand(name):
    loss, (of_d, of_g) = gan_loss(name), BY_HAND[name]
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx(of_d, abs=1e-6)
    assert loss.generator(FAKE).item() == pytest.approx(of_g, abs=1e-6)
    assert loss.penalised == (name == "wgan-gp")


def test_least_squares_of_a_sigmoid():
    loss = gan_loss("least-squares", sigmoid=True)
    real = [(sigmoid(v) - 1) ** 2 for v in REAL.tolist()]
    fake = [sigmoid(v) ** 2 for v in FAKE.tolist()]
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx((sum(real) + sum(fake)) / 4)
    deceived = sum((sigmoid(v) - 1) ** 2 for v in FAKE.tolist()) / 2
    assert loss.generator(FAKE).item() == pytest.approx(deceived)


def test_large_logits_do_not_overflow():
    loss, sure = gan_loss("bce"), torch.tensor([300.0])
    assert loss.discriminator(-sure, sure).item() == pytest.approx(600)
    assert loss.generator(-sure).item() == pytest.approx(300)


def test_unknown_loss():
    with pytest.raises(ReveilError, match=r"gan_loss: 'hing'.*did you mean 'hinge'"):
        gan_loss("hing")


def test_sum_and_mean_differ_by_the_values_of_an_image():
    a, b = torch.zeros(3, 1, 2, 2), torch.full((3, 1, 2, 2), 0.5)
    assert squared_error(a, b).item() == pytest.approx(0.25)
    assert squared_error(a, b, "sum").item() == pytest.approx(1.0)


# G(y) = a y and a mask: the error is S (a^2 - a)^2 with S the mean of m y^2.
SLOPES = {
    "none": lambda a: 2 * (a * a - a) * (2 * a - 1),
    "target": lambda a: 2 * (a * a - a) * (2 * a),
    "both": lambda a: 2 * (a * a - a) * a,
    "output": lambda a: -2 * (a * a - a),
}


@pytest.mark.parametrize("detach", SLOPES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_where_the_gradient_of_the_likelihood_goes(detach, reduction):
    made = operator()
    source = torch.Generator().manual_seed(1)
    y, theta = torch.rand(5, 1, 8, 8, generator=source), made.sample_theta(5, source)
    a = torch.tensor(0.6, requires_grad=True)
    y_hat = made.apply(a * y, theta)
    switches = {"detach": detach, "reduction": reduction}
    loss = likelihood(lambda z: a * z, made, y_hat, theta, **switches)
    power = (made.mask(theta) * y.square()).mean().item() * (64 if reduction == "sum" else 1)
    assert loss.item() == pytest.approx(power * (0.36 - 0.6) ** 2, rel=1e-5)
    loss.backward()
    assert a.grad.item() == pytest.approx(power * SLOPES[detach](0.6), rel=1e-4)


@pytest.mark.parametrize("share", [True, False])
def test_noise_of_the_second_measurement(share):
    """With a G that changes nothing, shared noise is what is left, and else nothing is."""
    made = operator(kind="blur", kernel_size=1, noise_std=0.3, share=0.9)
    source = torch.Generator().manual_seed(0)
    x, theta = torch.rand(4, 1, 8, 8, generator=source), made.sample_theta(4, source)
    y_hat = made.apply(x, theta)
    loss = likelihood(lambda z: z, made, y_hat, theta, share_noise=share)
    assert loss.item() == pytest.approx(theta.square().mean().item() if share else 0, abs=1e-6)


def test_without_corruption_it_is_an_auto_encoding_loss():
    made = operator(kind="identity")
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    thetas = [made.sample_theta(3, torch.Generator().manual_seed(s)) for s in (0, 1)]
    found = [likelihood(torch.tanh, made, made.apply(x, t), t).item() for t in thetas]
    assert found == [pytest.approx((x.tanh() - x).square().mean().item())] * 2


@pytest.mark.parametrize(("key", "value"), [("detach", "input"), ("reduction", "max")])
def test_unknown_switches(key, value):
    made, x = operator(), torch.zeros(1, 1, 8, 8)
    theta = made.sample_theta(1, torch.Generator())
    with pytest.raises(ReveilError, match=f"{key}: '{value}' is not allowed"):
        likelihood(lambda z: z, made, x, theta, **{key: value})
