"""The gradient penalty by hand, and critics that are kept out of a graph."""

import pytest
import torch
from torch import nn

from reveil.adversarial import frozen, gradient_penalty
from tests.private import noise


class Linear(nn.Module):
    """D(z) = w z."""

    def __init__(self, *weights):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(weights))

    def forward(self, z):
        return z.flatten(1) @ self.w


def maps(*rows):
    """Features of one channel and two positions."""
    return torch.tensor(rows).view(len(rows), 1, 1, 2)


def half_square(z):
    """D(z) = |z|^2 / 2, whose gradient is z."""
    return z.square().flatten(1).sum(1) / 2


def test_the_penalty_of_a_linear_critic():
    """E(|w| - 1)^2 whatever the features, with the gradient 2 (|w| - 1) w / |w|."""
    critic = Linear(3.0, 4.0)
    penalty = gradient_penalty(critic, noise(6, 1, 1, 2), noise(6, 1, 1, 2, seed=1), torch.rand(6))
    penalty.backward()
    assert penalty.item() == pytest.approx(16)
    torch.testing.assert_close(critic.w.grad, 8 * torch.tensor([0.6, 0.8]))


def test_the_penalty_is_taken_between_true_and_false_features():
    """The gradient is u a + (1 - u) a'."""
    real, fake = maps([4.0, 0.0], [0.0, 8.0]), maps([0.0, 0.0], [0.0, 0.0])
    penalty = gradient_penalty(half_square, real, fake, torch.tensor([0.5, 0.25]))
    assert penalty.item() == pytest.approx(1.0)


def test_the_penalty_weighs_false_features_by_what_true_ones_leave():
    """The gradient is (32, 0) / 4 + 3 (0, 8) / 4, of norm 10."""
    real, fake = maps([32.0, 0.0]), maps([0.0, 8.0])
    penalty = gradient_penalty(half_square, real, fake, torch.tensor([0.25]))
    assert penalty.item() == pytest.approx(81)


def test_a_frozen_critic_passes_gradients_on_and_takes_none():
    critic, z = Linear(3.0, 4.0), maps([1.0, 1.0]).requires_grad_()
    with frozen(critic):
        critic(z).sum().backward()
    assert critic.w.grad is None
    assert z.grad.flatten().tolist() == [3.0, 4.0]
    assert critic.w.requires_grad


def test_a_critic_thaws_after_an_error():
    critic = Linear(1.0)
    with pytest.raises(RuntimeError), frozen(critic):
        raise RuntimeError
    assert critic.w.requires_grad
