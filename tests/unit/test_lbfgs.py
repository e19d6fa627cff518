"""L-BFGS of many problems at once against ``torch.optim.LBFGS``, one problem at a time."""

import math
from dataclasses import replace

import pytest
import torch

from reveil import attacks, models
from reveil.attacks import lbfgs
from reveil.attacks.objectives import OBJECTIVES, Target
from reveil.attacks.priors import start, total_variation
from reveil.batch_gradients import problem_gradients
from reveil.config.presets import merge, read_yaml
from reveil.job import State
from reveil.scene import Shared
from tests.workflow import ROOT

SHAPE = (3, 10, 10)
IMAGES = (7, 3, 11)
LABELS = torch.tensor([0, 4, 2])
BOX = tuple(torch.full((1, 3, 1, 1), value, dtype=torch.float64) for value in (-1.0, 1.0))
PARAMETERS = merge(
    read_yaml(ROOT / "config/attacks/default.yaml"),
    {"method": "lbfgs", "learning_rate": 1.0, "objective": "l2", "signed": "none"}
    | {"boxed": False, "total_variation": 1e-3, "iterations": 3, "decay": "none"},
)
SCALES = torch.tensor([1.0, 3.0, 10.0, 30.0], dtype=torch.float64)
# Well conditioned, badly conditioned, flat at its start, curved downwards in places, and so flat
# that it stops at once.
COSTS = (
    lambda x: (x - 1).square().sum() / 2,
    lambda x: (SCALES * x.square()).sum() / 2 + x[0] * x[3],
    lambda x: (x - 0.3).square().sum(),
    lambda x: (1 - x.cos()).sum() + 0.1 * (x[0] * x[1]).sin() + x.pow(4).sum() / 100,
    lambda x: 1e-10 * x.square().sum(),
)
STARTS = torch.tensor(
    [
        [0.2, -0.4, 3.0, 0.5],
        [1.0, 1.0, -1.0, 0.5],
        [0.3, 0.3, 0.3, 0.3],
        [2.5, -2.0, 1.0, 0.3],
        [5.0, 5.0, 5.0, 5.0],
    ],
    dtype=torch.float64,
)


def evaluate(points):
    leaves = points.detach().requires_grad_()
    costs = torch.stack([cost(x) for cost, x in zip(COSTS, leaves, strict=True)])
    (gradient,) = torch.autograd.grad(costs.sum(), leaves)
    return costs.detach(), gradient


def library(cost, x, calls, rate, history):
    """Return the points after each of some calls, and how often the cost was evaluated."""
    x = x.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], lr=rate, history_size=history)
    evaluated, points = [], []

    def closure():
        optimizer.zero_grad()
        value = cost(x)
        value.backward()
        evaluated.append(1)
        return value

    for _ in range(calls):
        optimizer.step(closure)
        points.append(x.detach().clone())
    return points, len(evaluated)


@pytest.mark.parametrize("rate", [1.0, 0.3, 1e-4])
@pytest.mark.parametrize("history", [3, 100])
def test_every_problem_is_minimised_as_by_the_library(history, rate):
    expected, evaluated = zip(
        *[library(cost, x, 4, rate, history) for cost, x in zip(COSTS, STARTS, strict=True)],
        strict=True,
    )
    memory = lbfgs.empty_history(STARTS, history)
    x, awake = STARTS, torch.ones(len(STARTS), dtype=torch.bool)
    for call in range(4):
        x, finite = lbfgs.advance(x, memory, evaluate, rate, awake)
        assert finite.all()
        for row, points in zip(x, expected, strict=True):
            torch.testing.assert_close(row, points[call], rtol=1e-8, atol=1e-8)
    assert evaluated[2] == 4, "it has nowhere to go"
    assert len(set(evaluated)) > 1, "problems stop at different times"
    assert (STARTS - x).abs().amax(1)[[0, 1, 3]].min() > 1e-4


def test_the_first_step_by_hand():
    # The gradient of x^2 at (3, 4) is (6, 8), of which the absolute sum is 14: the first step is
    # -0.5 / 14 times the gradient. A second problem with the absolute sum 0.2 is bounded by 1.
    x = torch.tensor([[3.0, 4.0], [0.04, 0.06]], dtype=torch.float64)
    seen = []

    def bowl(points):
        seen.append(points)
        return points.square().sum(1), 2 * points

    awake = torch.ones(2, dtype=torch.bool)
    lbfgs.advance(x, lbfgs.empty_history(x, 10), bowl, 0.5, awake)
    factor = torch.tensor([[1 - 1 / 14], [0.0]], dtype=torch.float64)
    torch.testing.assert_close(seen[1], factor * x)


def test_a_problem_that_leaves_the_finite_stays_where_it_last_was_finite():
    def cliff(points):
        cost = torch.where(points[:, 0] < 0.5, math.nan, points.sum(1))
        return cost, torch.ones_like(points)

    x = torch.tensor([[2.0, 2.0], [9.0, 9.0], [0.0, 0.0]], dtype=torch.float64)
    memory = lbfgs.empty_history(x, 10)
    # All gradients are equal, so that every step is (1, 1), but the first, half of it.
    found, finite = lbfgs.advance(x, memory, cliff, 1.0, torch.ones(3, dtype=torch.bool))
    assert finite.tolist() == [False, False, False]
    torch.testing.assert_close(found[0], torch.tensor([0.5, 0.5]).double())
    torch.testing.assert_close(found[2], x[2])
    asleep, finite = lbfgs.advance(x, memory, cliff, 1.0, torch.zeros(3, dtype=torch.bool))
    torch.testing.assert_close(asleep, x, rtol=0, atol=0)
    assert finite.tolist() == [True, True, False]


@pytest.fixture(scope="module")
def model():
    return models.build("lenetzhu", 3, 10, 5, seed=0).double().eval()


@pytest.fixture(scope="module")
def victims():
    return start("randn", IMAGES, SHAPE, 0, 0, purpose="victim").double() / 2


@pytest.fixture(scope="module")
def shared(model, victims):
    return Shared(problem_gradients(model, victims, LABELS), LABELS, SHAPE, BOX)


def attack(model, shared, chunk="auto", state=None, images=IMAGES, **changes):
    parameters = PARAMETERS | changes
    return attacks.reconstruct(
        model, shared, parameters, images, 0, chunk=chunk, state=state, dtype=torch.float64
    )


def published(model, shared, i, x, objective, signed, boxed, iterations, rate):
    """The loop of the released code on one image."""
    part = shared[torch.tensor([i])]
    target = Target.of(part.gradients)
    x = x.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], lr=rate)
    costs = []

    def closure():
        cost = OBJECTIVES[objective](model, x, part.labels, target)
        costs.append(cost.item())
        total = cost + 1e-3 * total_variation(x)
        (x.grad,) = torch.autograd.grad(total.sum(), x)
        if signed == "hard":
            x.grad.sign_()
        return total.sum()

    curve = []
    for _ in range(iterations):
        curve.append(len(costs))
        optimizer.step(closure)
        if boxed:
            x.data.clamp_(-1, 1)
    closure()
    return x.detach(), [costs[j] for j in curve] + costs[-1:]


@pytest.mark.parametrize(
    ("objective", "signed", "boxed", "rate", "iterations"),
    [
        ("l2", "none", False, 1e-4, 3),
        # Steps of full length are chaotic: after 60 of them rounding has reached the fifth digit.
        ("l2", "none", False, 1.0, 1),
        ("cosine", "hard", True, 1e-4, 3),
        ("cosine", "none", True, 0.1, 3),
    ],
)
def test_a_block_equals_the_published_loop_over_single_images(
    objective, signed, boxed, rate, iterations, model, shared
):
    how = {"objective": objective, "signed": signed, "boxed": boxed, "iterations": iterations}
    found = attack(model, shared, learning_rate=rate, **how)
    starts = start("randn", IMAGES, SHAPE, 0, 0).double()
    for i in range(len(IMAGES)):
        x, costs = published(model, shared, i, starts[i : i + 1], **how, rate=rate)
        torch.testing.assert_close(found.x[i : i + 1], x, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(found.curve[i], torch.tensor(costs), rtol=1e-5, atol=1e-6)
    assert found.status == ["ok"] * 3
    assert found.iterations.tolist() == [iterations] * 3
    assert found.curve_iterations.tolist() == list(range(iterations + 1))


def test_at_the_rate_of_the_released_code_signed_guesses_hardly_move(model, shared):
    published_rate = {"learning_rate": 1e-4, "objective": "cosine", "signed": "hard", "boxed": True}
    starts = start("randn", IMAGES, SHAPE, 0, 0).double().clamp(-1, 1)
    assert (attack(model, shared, **published_rate).x - starts).abs().max() < 0.005
    assert (attack(model, shared, objective="cosine").x - starts).abs().mean() > 0.1


def test_at_the_rate_of_the_library_it_recovers_images(model, victims, shared):
    found = attack(model, shared, iterations=20, total_variation=0.0)
    assert (found.x - victims).abs().mean() < 0.05
    assert (found.cost < 1e-4 * found.curve[:, 0]).all()


@pytest.mark.parametrize("chunk", [1, 2])
def test_the_size_of_a_chunk_changes_no_row(chunk, model, shared):
    whole, pieces = (attack(model, shared, n, learning_rate=0.1) for n in (3, chunk))
    torch.testing.assert_close(pieces.x, whole.x, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(pieces.cost, whole.cost, rtol=1e-6, atol=1e-10)


def test_images_of_a_batch_are_found_together(model, victims):
    labels = torch.tensor([[0, 4]])
    gradients = problem_gradients(model, victims[None, :2], labels)
    pair = Shared(gradients, labels, SHAPE, BOX, batch=2)
    found = attack(model, pair, images=IMAGES[:2], iterations=20, total_variation=0.0)
    assert found.x.shape == (1, 2, *SHAPE)
    starts = start("randn", IMAGES[:2], SHAPE, 0, 0).double()
    error = (found.x[0] - victims[:2]).abs().mean((1, 2, 3))
    assert (error < 0.3 * (starts - victims[:2]).abs().mean((1, 2, 3))).all()


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_an_image_that_fails_spares_its_neighbours(broken, model, shared):
    gradients = [g.clone() for g in shared.gradients]
    gradients[0][1] = broken
    found = attack(model, replace(shared, gradients=gradients))
    plain = attack(model, shared)
    assert found.status == ["ok", "failed", "ok"]
    assert found.iterations.tolist() == [3, 0, 3]
    torch.testing.assert_close(found.x[[0, 2]], plain.x[[0, 2]], rtol=1e-6, atol=1e-8)
    starts = start("randn", IMAGES, SHAPE, 0, 0).double()
    torch.testing.assert_close(found.x[1], starts[1], rtol=0, atol=0)


class Interruption(Exception):  # noqa: N818 - it stands for a kill
    pass


@pytest.mark.parametrize("stop", [30, 75])
def test_a_resumed_attack_keeps_its_history_to_the_bit(stop, model, shared, tmp_path, monkeypatch):
    whole = attack(model, shared, restarts=2, learning_rate=0.5)
    calls, distance = iter(range(1000)), OBJECTIVES["l2"]

    def count(*arguments):
        if next(calls) == stop:
            raise Interruption
        return distance(*arguments)

    monkeypatch.setitem(OBJECTIVES, "l2", count)
    state = State(tmp_path, {"attack": 1}, interval=0.0)
    with pytest.raises(Interruption):
        attack(model, shared, restarts=2, learning_rate=0.5, state=state)
    assert state.path.exists()
    monkeypatch.undo()
    state = State(tmp_path, {"attack": 1})
    resumed = attack(model, shared, restarts=2, learning_rate=0.5, state=state)
    for name in ("x", "cost", "iterations", "curve"):
        torch.testing.assert_close(getattr(resumed, name), getattr(whole, name), rtol=0, atol=0)


def test_the_history_is_bounded_and_counted(model, shared, monkeypatch):
    assert lbfgs.history_length(2) == 40
    assert lbfgs.history_length(1200) == 100
    seen = {}
    monkeypatch.setattr(lbfgs, "run_block", lambda *_, **named: seen.update(named))
    attack(model, shared, iterations=2)
    assert seen["extra_bytes"] == 2 * 40 * 300 * 8
    memory = lbfgs.empty_history(torch.zeros(2, 300), 40)
    assert memory["steps"].nbytes + memory["changes"].nbytes == 2 * 2 * 40 * 300 * 4
