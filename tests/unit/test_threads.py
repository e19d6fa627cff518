"""Work on several cores: who does what, what threads share, and errors."""

import threading
from contextvars import ContextVar
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reveil import models, threads
from reveil.attacks.run import _Run
from reveil.attacks.team import Team
from reveil.chunks import run_side_by_side
from reveil.convolutions import serving
from reveil.job import State
from reveil.models.replicas import replica
from tests import attacked_block as block

pytest.importorskip("numba")
NAMED = ContextVar("named", default="nobody")


@pytest.fixture
def two_cores():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_ranges_make_up_the_whole(count, two_cores):
    done = []
    threads.share(lambda first, last: done.extend(range(first, last)), count)
    assert sorted(done) == list(range(count))


def test_slices_come_back_in_order_whoever_did_them(two_cores):
    met = threading.Barrier(2, timeout=20)
    who = set()

    def work(piece):
        # The first two slices are only done if two threads are at work at the same time.
        if piece.start < 4:
            met.wait()
        who.add(threading.get_ident())
        return torch.get_num_threads(), list(range(10))[piece]

    found = run_side_by_side(work, 10, 2)
    assert [row for _, row in found] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert {number for number, _ in found} == {1}
    assert len(who) == 2
    assert torch.get_num_threads() == 2


def test_threads_see_the_callers_context_and_hand_errors_on(two_cores):
    token = NAMED.set("caller")
    seen = {}
    threads.side_by_side(lambda i: seen.update({i: NAMED.get()}), [0, 1])
    NAMED.reset(token)
    assert seen == {0: "caller", 1: "caller"}

    def failing(i):
        if i == 1:
            raise RuntimeError("the second one fails")

    with pytest.raises(RuntimeError, match="the second one fails"), threads.one_each():
        threads.side_by_side(failing, [0, 1])
    assert torch.get_num_threads() == 2


def test_a_replica_shares_weights_and_nothing_else():
    model = models.build("resnet20-1", 3, 16, 7, seed=0)
    own = replica(model)
    pairs = zip(model.parameters(), own.parameters(), strict=True)
    assert all(a is b for a, b in pairs)
    assert all(a is b for a, b in zip(model.buffers(), own.buffers(), strict=True))
    own.conv1.register_forward_hook(lambda *_: 1 / 0)
    model.eval()(torch.zeros(1, 3, 16, 16))
    with pytest.raises(ZeroDivisionError):
        own.eval()(torch.zeros(1, 3, 16, 16))


@pytest.fixture(scope="module")
def attacked():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(3),
        nn.Flatten(),
        nn.Linear(512, 7),
    )
    model.double().eval()
    return model, block.share(model, block.victim_images())


def test_each_core_starts_from_the_images_of_its_own_problems():
    def make(problems):
        return SimpleNamespace(start=lambda images, *_: {"x": torch.tensor(images).view(-1, 2)})

    live = Team(make, range(3), 2).start(range(10, 16), 0, 0)
    assert live["x"].tolist() == [[10, 11], [12, 13], [14, 15]]


# The statistics of batch normalisation are read by hooks, L-BFGS and restarts keep much in mind.
WAYS = [
    {"bn_statistics": 1e-3},
    {"method": "lbfgs", "learning_rate": 0.1, "iterations": 3, "signed": "none"},
    {"restarts": 2, "iterations": 8, "trace": True},
]


@pytest.mark.parametrize("changes", WAYS)
def test_cores_that_work_by_themselves_change_nothing(changes, attacked, two_cores, monkeypatch):
    model, shared = attacked
    monkeypatch.setattr(serving, "LOADING_PAYS", 0)
    asked = []
    original = _Run._problem
    monkeypatch.setattr(
        _Run, "_problem", lambda run, part: asked.append(run.members) or original(run, part)
    )
    together = block.attack(model, shared, **changes)
    torch.set_num_threads(1)
    alone = block.attack(model, shared, **changes)
    assert set(asked) == {1, 2}
    assert together.status == alone.status
    # L-BFGS divides by small differences of gradients.
    torch.testing.assert_close(together.x, alone.x, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(together.curve, alone.curve, rtol=1e-5, atol=1e-6)
    assert set(together.extras) == set(alone.extras)
    for name, values in together.extras.items():
        torch.testing.assert_close(values, alone.extras[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("changes", WAYS[1:])
def test_cores_that_were_interrupted_go_on_to_the_bit(
    changes, attacked, two_cores, monkeypatch, tmp_path
):
    model, shared = attacked
    monkeypatch.setattr(serving, "LOADING_PAYS", 0)
    whole = block.attack(model, shared, **changes)
    original, steps = Team.iterate, iter(range(100))

    def stopped(team, live, iteration):
        if next(steps) == 2:
            raise KeyboardInterrupt
        original(team, live, iteration)

    monkeypatch.setattr(Team, "iterate", stopped)
    with pytest.raises(KeyboardInterrupt):
        block.attack(model, shared, state=State(tmp_path, {}, interval=0.0), **changes)
    monkeypatch.setattr(Team, "iterate", original)
    resumed = block.attack(model, shared, state=State(tmp_path, {}), **changes)
    for name in ("x", "cost", "curve"):
        torch.testing.assert_close(getattr(resumed, name), getattr(whole, name), rtol=0, atol=0)
