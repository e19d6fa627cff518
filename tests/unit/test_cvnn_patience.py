"""The training loop of attackers: when it stops, what it keeps, and how it goes on."""

import logging
from itertools import pairwise

import pytest
import torch
from torch import nn

from reveil.cvnn.attackers.patience import fit_with_patience
from reveil.errors import ReveilError
from reveil.job import State
from reveil.models.fresh import seeded
from tests.hidden import attack

STEPS = 3


class StoppedError(Exception):
    pass


def line() -> nn.Module:
    """A line after a batch norm, so that buffers count, too."""
    return seeded(lambda: nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1)), 0, "line")


def batches(epoch, start):
    for step in range(start, STEPS):
        x = torch.randn(8, 2, generator=torch.Generator().manual_seed(100 * epoch + step))
        yield x, x.sum(dim=1, keepdim=True)


def fit(module, validation, *, batches=batches, state=None, name="line", factor=1.0, **changes):
    values = attack(**{"learning_rate": 0.05, "patience": 3, "max_epochs": 50, **changes})

    def loss(batch):
        return (module(batch[0]) - batch[1]).square().mean()

    return fit_with_patience(
        module,
        loss,
        batches,
        validation,
        values,
        steps=STEPS,
        state=state,
        name=name,
        stall_factor=factor,
    )


def scripted(values):
    """A validation loss that is read from a list."""
    left = iter(values)
    return lambda: next(left)


def error_of(module):
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(1))
    return lambda: (module(x) - x.sum(dim=1, keepdim=True)).square().mean().item()


def test_it_stops_when_patience_ends_and_restores_the_best_weights():
    module, kept = line(), []
    values = iter([5.0, 4.0, 3.0, 3.5, 3.2, 3.1])

    def validation():
        kept.append({k: v.clone() for k, v in module.state_dict().items()})
        return next(values)

    history = fit(module, validation)
    assert [row["validation_loss"] for row in history] == [5, 4, 3, 3.5, 3.2, 3.1]
    assert [row["best"] for row in history] == [0, 0, 1, 0, 0, 0]
    assert [row["stopped"] for row in history] == [""] * 5 + ["patience"]
    assert all(torch.equal(v, kept[2][k]) for k, v in module.state_dict().items())
    assert any(not torch.equal(v, kept[5][k]) for k, v in module.state_dict().items())
    assert not module.training


def test_a_gain_below_the_tolerance_is_none():
    assert len(fit(line(), scripted([1.0, 0.99995, 0.99993, 0.99991]))) == 4
    assert len(fit(line(), scripted([1.0, 0.9998, 0.9997, 0.9996, 0.9994, 1, 1, 1]))) == 8


def test_a_loss_below_zero_can_get_better():
    history = fit(line(), scripted([-1.0, -2.0, -1.5, -1.5, -1.5]))
    assert [row["best"] for row in history] == [0, 1, 0, 0, 0]


def test_it_trains_min_epochs_at_least():
    assert len(fit(line(), scripted([1.0] * 10), min_epochs=8)) == 8


def test_it_says_where_max_epochs_ended_it(caplog):
    with caplog.at_level(logging.WARNING):
        history = fit(line(), scripted([5.0, 4.0, 3.0]), max_epochs=3)
    assert [row["stopped"] for row in history] == ["", "", "max_epochs"]
    assert "reached max_epochs, 3" in caplog.text


def test_it_learns():
    module = line()
    before = error_of(module.eval())()
    history = fit(module, error_of(module))
    assert history[-1]["stopped"] == "patience"
    assert error_of(module)() < 0.05 * before
    assert [row["epoch"] for row in history] == list(range(len(history)))
    best = next(row for row in history if row["best"])
    assert best["validation_loss"] == pytest.approx(error_of(module)())


@pytest.mark.parametrize("arithmetic", ["fp32", "bf16"])
def test_every_step_learns_from_the_weights_that_the_one_before_left(arithmetic):
    """Autocast keeps its copies of the weights for as long as its block is open."""
    module, seen = nn.Linear(2, 1, bias=False), []
    with torch.no_grad():
        module.weight.zero_()
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0]])

    def loss(batch):
        value = (module(x) - 4).square().mean()
        seen.append(value.item())
        return value

    values = attack(
        optimizer="sgd", learning_rate=0.0625, precision=arithmetic, patience=1, max_epochs=1
    )
    fit_with_patience(module, loss, lambda epoch, start: range(4), lambda: 1.0, values, steps=4)
    assert seen[0] == 16
    assert all(after < 0.99 * before for before, after in pairwise(seen))


def test_the_train_loss_is_the_mean_over_the_steps():
    module = line()
    frozen = attack(learning_rate=0.0, patience=1, max_epochs=1)
    expected = [(module(x) - y).square().mean().item() for x, y in batches(0, 0)]
    (row,) = fit_with_patience(
        module,
        lambda b: (module(b[0]) - b[1]).square().mean(),
        batches,
        lambda: 0.0,
        frozen,
        steps=STEPS,
    )
    assert row["train_loss"] == pytest.approx(sum(expected) / STEPS)


def test_the_rate_falls_at_half_of_the_patience():
    moves, module = [], line()
    values = iter([1.0] * 5)

    def validation():
        moves.append(module[1].weight.detach().clone())
        return next(values)

    constant = (torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[100.0], [200.0]]))
    fit(module, validation, patience=4, factor=0.1, batches=lambda epoch, start: [constant])
    sizes = [(b - a).abs().max().item() for a, b in zip(moves, moves[1:], strict=False)]
    assert sizes[3] < 0.3 * sizes[0] and sizes[1] > 0.8 * sizes[0]


@pytest.mark.parametrize("moment", ["loss", "validation"])
def test_a_loss_that_is_not_finite_is_an_error(moment):
    def bad(epoch, start):
        x, y = next(batches(epoch, start))
        yield (x, y * float("nan")) if moment == "loss" and epoch == 1 else (x, y)

    with pytest.raises(ReveilError, match="attacker line diverged: the .*loss is not finite in e"):
        fit(line(), scripted([1.0, float("inf"), 0.9]), batches=bad)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("stop", [2, STEPS + 1, 4 * STEPS])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, optimizer, stop):
    whole = line()
    rows = fit(whole, error_of(whole), optimizer=optimizer, max_epochs=7)
    taken = []

    def interrupted(epoch, start):
        for batch in batches(epoch, start):
            if len(taken) == stop:
                raise StoppedError
            taken.append(epoch)
            yield batch

    first, second = line(), seeded(line, 1, "other")
    how = {"optimizer": optimizer, "max_epochs": 7}
    with pytest.raises(StoppedError):
        state = State(tmp_path, {}, interval=0)
        fit(first, error_of(first), batches=interrupted, state=state, **how)
    resumed = fit(second, error_of(second), state=State(tmp_path, {}, interval=0), **how)
    assert [{**r, "seconds": 0} for r in rows] == [{**r, "seconds": 0} for r in resumed]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_a_finished_module_is_not_trained_again_while_the_next_one_is(tmp_path):
    first, second = line(), line()
    rows = fit(first, error_of(first), state=State(tmp_path, {}), name="angles")
    with pytest.raises(StoppedError):
        fit(
            second,
            scripted([2.0]),
            batches=_failing,
            state=State(tmp_path, {}, interval=0),
            name="decoder",
        )
    again = line()
    state = State(tmp_path, {})
    assert fit(again, None, batches=None, state=state, name="angles") == rows
    assert all(torch.equal(v, first.state_dict()[k]) for k, v in again.state_dict().items())
    fit(again, scripted([1.0, 2.0, 2.0, 2.0]), state=state, name="decoder")
    assert set(State(tmp_path, {}).load()[1]) == {"angles", "decoder"}


def _failing(epoch, start):
    yield from list(batches(epoch, start))[:2]
    raise StoppedError
