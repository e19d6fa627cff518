"""Steps of an attack: optimisers, rates, signs and noise."""

import math
from dataclasses import replace

import pytest
import torch

from reveil.attacks.optimise import Matching
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.settings import Settings
from reveil.errors import ReveilError
from reveil.rng import generator
from tests.attacked_block import (
    IMAGES,
    PARAMETERS,
    SHAPE,
    attack,
    network,
    share,
    victim_images,
)


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def victims():
    return victim_images()


@pytest.fixture(scope="module")
def shared(model, victims):
    return share(model, victims)


def test_milestones_are_those_of_the_papers():
    for length, marks in ((4800, (1799, 2999, 4203)), (2500, (937, 1562, 2189))):
        settings = Settings.of(PARAMETERS | {"iterations": length})
        for i, mark in enumerate(marks):
            assert settings.rate(mark - 1) == pytest.approx(0.1 * 0.1**i)
            assert settings.rate(mark) == pytest.approx(0.1 * 0.1 ** (i + 1))
        steady = Settings.of(PARAMETERS | {"iterations": length, "decay": "none"})
        assert steady.rate(length - 1) == 0.1


def test_adam_equals_that_of_the_library_for_each_image():
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(3, *SHAPE, dtype=torch.float64, generator=stream)
    alone = [x[i].clone().requires_grad_() for i in range(3)]
    optimizers = [torch.optim.Adam([each], lr=0.1) for each in alone]
    state = OPTIMIZERS["adam"].start(x)
    for iteration in range(6):
        gradient = torch.randn(x.shape, dtype=x.dtype, generator=stream) * 10.0 ** (-iteration)
        OPTIMIZERS["adam"].step(x, gradient, state, iteration, 0.1)
        for i, optimizer in enumerate(optimizers):
            alone[i].grad = gradient[i].clone()
            optimizer.step()
    torch.testing.assert_close(x, torch.stack(alone).detach(), rtol=1e-12, atol=1e-14)


def test_sgd_equals_that_of_the_library_for_each_image():
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(3, *SHAPE, dtype=torch.float64, generator=stream)
    alone = [x[i].clone().requires_grad_() for i in range(3)]
    optimizers = [torch.optim.SGD([each], lr=0.01, momentum=0.9, nesterov=True) for each in alone]
    state = OPTIMIZERS["sgd"].start(x)
    for iteration in range(6):
        gradient = torch.randn(x.shape, dtype=x.dtype, generator=stream)
        OPTIMIZERS["sgd"].step(x, gradient, state, iteration, 0.01)
        for i, optimizer in enumerate(optimizers):
            alone[i].grad = gradient[i].clone()
            optimizer.step()
    torch.testing.assert_close(x, torch.stack(alone).detach(), rtol=1e-12, atol=1e-14)


def rates(**changes):
    settings = Settings.of(PARAMETERS | {"learning_rate": 0.3} | changes)
    return [settings.rate(i) for i in range(settings.iterations)]


def test_a_cosine_falls_to_nothing_after_the_warm_up():
    found = rates(iterations=10, warmup=2, decay="cosine")
    falling = [0.15 * (1 + math.cos(math.pi * k / 8)) for k in range(8)]
    assert found == pytest.approx([0.1, 0.2, *falling])
    assert found[2] == pytest.approx(0.3)
    assert found[6] == pytest.approx(0.15)


def test_a_warm_up_goes_with_steps_and_without():
    # 18 // 2.667 = 6, 18 // 1.6 = 11 and 18 // 1.142 = 15.
    stepped = [0.075, 0.15, 0.225, *[0.3] * 3, *[0.03] * 5, *[0.003] * 4, *[0.0003] * 3]
    assert rates(iterations=18, warmup=3) == pytest.approx(stepped)
    assert rates(iterations=4, warmup=1, decay="none") == pytest.approx([0.15, 0.3, 0.3, 0.3])


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        ("hard", [1.0, -1.0, 0.0]),
        ("none", [0.4, -6.0, 0.0]),
        # In iteration 15 of 20 s is 1/4: 4 tanh(0.1) and 4 tanh(1.5).
        ("soft", [0.39867198, -3.62059301, 0.0]),
    ],
)
def test_signs_by_hand(signed, expected, model, shared):
    problem = Matching(model, shared, Settings.of(PARAMETERS | {"signed": signed}), 1.0)
    gradient = torch.tensor([0.4, -6.0, 0.0], dtype=torch.float64)
    assert problem.signed(gradient, 15).tolist() == pytest.approx(expected, abs=1e-8)


def test_langevin_noise_is_named_by_image_restart_and_iteration(model, shared):
    plain = {"optimizer": "sgd", "learning_rate": 0.5, "signed": "none", "boxed": False}
    plain |= {"decay": "none"}
    still = attack(model, shared, iterations=1, **plain).x
    noisy = attack(model, shared, iterations=1, langevin=0.2, **plain).x
    noise = torch.stack(
        [torch.randn(*SHAPE, generator=generator(0, "langevin", i, 0, 0)) for i in IMAGES]
    )
    # The first step of SGD goes 1 + 0.9 times the rate along the gradient and its noise.
    moved = -0.5 * 1.9 * 0.2 * 0.5 * noise.double()
    torch.testing.assert_close(noisy - still, moved, rtol=1e-6, atol=1e-9)
    rows = torch.tensor([4, 1])
    part = attack(
        model, shared[rows], [5, 3], iterations=4, restarts=2, langevin=0.2, chunk=1, **plain
    )
    whole = attack(model, shared, iterations=4, restarts=2, langevin=0.2, **plain)
    torch.testing.assert_close(part.x, whole.x[rows], rtol=1e-7, atol=1e-9)


def test_the_weight_of_the_objective_is_in_no_cost(model, shared):
    """Twice the objective beside twice the smoothness is twice the gradient: half the rate."""
    same = {"optimizer": "sgd", "signed": "none", "total_variation": 0.02}
    plain = attack(model, shared, **same)
    twice = {"objective_weight": 2.0, "total_variation": 0.04, "learning_rate": 0.05}
    doubled = attack(model, shared, **same | twice)
    torch.testing.assert_close(doubled.x, plain.x, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(doubled.cost, plain.cost, rtol=1e-7, atol=1e-9)
    heavier = attack(model, shared, **same | {"objective_weight": 2.0})
    assert (heavier.x - plain.x).abs().max() > 1e-3


def test_labels_that_nobody_declares_are_not_known(model, shared):
    with pytest.raises(ReveilError, match="victims declare no labels"):
        attack(model, replace(shared, labels=None))
