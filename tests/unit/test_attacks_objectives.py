"""The distances of gradients, written out and against each other."""

import math
from dataclasses import replace

import pytest
import torch

from reveil.attacks.objectives import OBJECTIVES, Target
from tests.attacked_block import LABELS, Line, attack, network, share, victim_images


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def victims():
    return victim_images()


@pytest.fixture(scope="module")
def shared(model, victims):
    return share(model, victims)


@pytest.mark.parametrize(
    ("objective", "reduction", "expected"),
    [
        # Of the image (3, 4) and label 0 the error is (-1/2, 1/2): the gradients are
        # W: ((-1.5, -2), (1.5, 2)) and b: (-0.5, 0.5). The targets are W: ((-1.5, 0), (0, 2)) and
        # b: (-0.5, 0).
        ("l1", "sum", 3.5 + 0.5),
        ("l1", "mean", 2.0),
        ("l2", "sum", 6.25 + 0.25),
        ("l2", "mean", 3.25),
        ("cosine", "sum", 1 - 6.5 / math.sqrt(13.0 * 6.5)),
        ("simlocal", "sum", 1 - (6.25 / math.sqrt(12.5 * 6.25) + 0.25 / math.sqrt(0.125)) / 2),
        # Rows of W: 2.25 / (2.5 * 1.5) and 4 / (2.5 * 2), and b as above.
        ("out_sim", "sum", 1 - (0.6 + 0.8 + math.sqrt(0.5)) / 3),
    ],
)
def test_objectives_by_hand(objective, reduction, expected):
    x = torch.tensor([3.0, 4.0], dtype=torch.float64).view(1, 1, 1, 2)
    wanted = [
        torch.tensor([[[-1.5, 0.0], [0.0, 2.0]]], dtype=torch.float64),
        torch.tensor([[-0.5, 0.0]], dtype=torch.float64),
    ]
    network = Line().double().eval()
    target = Target.of(wanted, reduction=reduction)
    assert OBJECTIVES[objective](network, x, torch.tensor([0]), target).tolist() == pytest.approx(
        [expected]
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_vanish_at_the_victim_and_can_be_differentiated(
    objective, model, victims, shared
):
    target = Target.of(shared.gradients)
    cost = OBJECTIVES[objective](model, victims, LABELS, target)
    assert not cost.requires_grad
    torch.testing.assert_close(cost, torch.zeros_like(cost), rtol=0, atol=1e-10)
    x = (victims + 0.1).requires_grad_()
    cost = OBJECTIVES[objective](model, x, LABELS, target)
    assert (cost > 1e-4).all()
    (slope,) = torch.autograd.grad(cost.sum(), x)
    way = torch.ones_like(x) * 1e-6
    moved = OBJECTIVES[objective](model, x.detach() + way, LABELS, target) - cost.detach()
    torch.testing.assert_close(moved, (slope * way).flatten(1).sum(1), rtol=1e-3, atol=1e-12)


def test_the_cosine_does_not_see_the_scale_of_the_loss(model, shared):
    halved = replace(shared, gradients=[0.5 * g for g in shared.gradients])
    plain, scaled = attack(model, shared), attack(model, halved)
    believed = attack(model, shared, factor=0.5)
    torch.testing.assert_close(scaled.x, plain.x, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(believed.x, plain.x, rtol=1e-7, atol=1e-9)


def test_a_distance_sees_the_scale_of_the_loss_unless_the_attacker_knows_it(model, shared):
    halved = replace(shared, gradients=[0.5 * g for g in shared.gradients])
    same = {"objective": "l2", "total_variation": 0.0}
    plain, scaled = attack(model, shared, **same), attack(model, halved, **same)
    assert (plain.x - scaled.x).abs().max() > 1e-3
    right = attack(model, halved, factor=0.5, **same)
    torch.testing.assert_close(right.x, plain.x, rtol=1e-6, atol=1e-8)
