"""Training of reconstructions: the algorithm's invariants, variants, order, history, resume."""

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

from reveil.config import resolve_reconstruction
from reveil.errors import ReveilError
from reveil.rng import generator
from reveil.unir.averaging import Average, reestimate, untracked
from reveil.unir.feed import RESTORING, Feed
from reveil.unir.game import Game
from reveil.unir.history import LOSSES, means
from reveil.unir.operators.measurements import Measurements
from reveil.unir.variants import UNMEASURE_BLUR, UNMEASURES, VARIANTS, get
from tests.reconstructing import MODEL, SAMPLER, measured, operator, recipe, run, same, values
from tests.training import KilledError, MortalState, timeless


class Hidden(Measurements):
    """Measurements whose clean images must not be looked at."""

    def clean(self, rows):
        raise AssertionError("a clean image was looked at")


def game(**keys):
    made = operator()
    return Game(made, made, MODEL, recipe(**keys), 0, torch.device("cpu"))


def hand(played, batch=0):
    feed = Feed(measured(played.operator), played.variant, recipe(), seed=0)
    return played.deal(batch, feed.data(batch, played.arrange), learns=True)


def gradients(network):
    return [None if p.grad is None else p.grad.clone() for p in network.parameters()]


# The algorithm (methods, section 1.4) ---------------------------------------------------------


def test_without_likelihood_it_is_conditional_ambientgan():
    assert same(run(weight=0.0), run(variant="cond-ambient"))
    assert not same(run(weight=0.1), run(variant="cond-ambient"))


@pytest.mark.parametrize(("weight", "calls"), [(2.0, 2), (0.0, 1)])
def test_g_and_f_are_called_twice_with_one_theta(monkeypatch, weight, calls):
    played = game(weight=weight)
    learn, apply, inputs, thetas = played.generator.learn, played.simulated.apply, [], []

    def learned(y, noise):
        inputs.append(y.detach().clone())
        return learn(y, noise)

    def applied(x, theta):
        thetas.append(theta.clone())
        return apply(x, theta)

    monkeypatch.setattr(played.generator, "learn", learned)
    dealt = hand(played)
    monkeypatch.setattr(played.simulated, "apply", applied)
    played.teach(dealt, 0.0)
    played.learn(dealt, 0.0)
    assert len(inputs) == calls
    assert torch.equal(inputs[0], dealt.data.y)
    assert torch.equal(inputs[-1], dealt.y_hat if weight else dealt.data.y)
    assert len(thetas) == calls - 1
    assert all(torch.equal(theta, dealt.theta) for theta in thetas)
    torch.testing.assert_close(dealt.y_hat, apply(dealt.x_hat, dealt.theta))


def test_what_the_likelihood_explains_is_y_hat(monkeypatch):
    """The second reconstruction, measured again, is compared with y_hat and not with y."""
    played = game()
    dealt, learn, made = hand(played), played.generator.learn, []

    def learned(y, noise):
        made.append(learn(y, noise))
        return made[-1]

    monkeypatch.setattr(played.generator, "learn", learned)
    found = played.learn(dealt, 0.0)["loss_likelihood"]
    y_tilde = played.simulated.apply(made[0][0].detach(), dealt.theta)
    expected, other = (
        (y_tilde - target).square().mean() for target in (dealt.y_hat.detach(), dealt.data.y)
    )
    torch.testing.assert_close(found, expected)
    assert (found - other).abs() > 0.01


def test_the_simulated_theta_is_not_the_one_behind_y():
    played, measurements = game(), measured()
    first, second = hand(played), hand(played, 1)
    rows, _ = Feed(measurements, played.variant, recipe(), 0).rows(0)
    behind = played.operator.mask(measurements.theta(rows))
    simulated = played.operator.mask(first.theta)
    # Of two independent halves, half of the sites agree; five standard deviations are 0.11.
    assert (behind == simulated).float().mean().item() == pytest.approx(0.5, abs=0.11)
    assert not torch.equal(first.theta, second.theta)


def test_neither_step_teaches_the_other_network():
    played = game()
    dealt = hand(played)
    played.teach(dealt, 0.0)
    taught = gradients(played.discriminator)
    assert all(g is None for g in gradients(played.generator))
    assert all(g.abs().sum() > 0 for g in taught[:1])
    played.learn(dealt, 0.0)
    assert all(g is not None for g in gradients(played.generator))
    for before, after in zip(taught, gradients(played.discriminator), strict=True):
        assert torch.equal(before, after)
    assert all(p.requires_grad for p in played.discriminator.parameters())


def test_what_d_compares():
    played = game()
    dealt = hand(played)
    assert torch.equal(played.real(dealt), dealt.data.y)
    assert torch.equal(played.fake(dealt), dealt.y_hat)
    released = game(variant="unir-released")
    dealt = hand(released)
    assert torch.equal(released.real(dealt), dealt.data.y)
    assert torch.equal(released.fake(dealt), dealt.x_hat)
    paired = game(variant="paired")
    dealt = hand(paired)
    assert torch.equal(paired.real(dealt), torch.cat([dealt.data.y, dealt.data.clean], 1))
    assert torch.equal(paired.fake(dealt), torch.cat([dealt.data.y, dealt.x_hat], 1))


def test_the_assumed_operator_is_what_is_simulated():
    trained = run(assumed=values(kind="identity"), weight=0.0)
    made = operator(kind="identity")
    played = Game(operator(), made, MODEL, recipe(weight=0.0), 0, torch.device("cpu"))
    dealt = hand(played)
    assert torch.equal(dealt.y_hat, dealt.x_hat)
    assert not same(trained, run(weight=0.0))


# Variants -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_train(name):
    variant = get(name)
    data = measured(kind=Measurements if variant.supervised else Hidden)
    trained = run(data, model=SAMPLER if variant.samples else MODEL, variant=name)
    last = trained.history[-1]
    assert math.isfinite(last["loss_g"])
    assert math.isfinite(last["loss_d"]) == (variant.real is not None)
    assert (trained.discriminator is None) == (variant.real is None)
    assert math.isfinite(last["loss_supervised"]) == (variant.term == "supervised")
    assert math.isfinite(last["loss_likelihood"]) == (
        variant.term in ("likelihood", "hidden", "repeated")
    )
    assert not trained.generator.training


def test_the_reports_code_has_an_inert_likelihood():
    first, second = (
        run(model=SAMPLER, variant="guo2020-code", weight=weight) for weight in (2.0, 100.0)
    )
    assert [row["loss_likelihood"] for row in first.history] == [0.0, 0.0]
    assert same(first, second)


def test_unpaired_images_are_of_other_measurements():
    feed = Feed(measured(count=19), get("unpaired"), recipe(), seed=0)
    for batch in range(4):
        rows, others = feed.rows(batch)
        assert len(set(rows.tolist()) | set(others.tolist())) == 16
    with pytest.raises(ReveilError, match=r"batch_size: 8 is not allowed for 15.*1 to 7"):
        Feed(measured(count=15), get("unpaired"), recipe(), seed=0)


def test_regression_learns():
    trained = run(variant="regress", steps=60, log_every=10, top={"learning_rate": 1e-2})
    losses = [row["loss_supervised"] for row in trained.history]
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("method", sorted(set(UNMEASURES) - {UNMEASURE_BLUR}))
def test_measurements_are_restored_as_by_the_preset_of_that_name(root, method):
    preset = asdict(resolve_reconstruction({}, root, method))
    assert preset == {**RESTORING, "name": method, "method": method, "parameters": {}}


def test_fixed_measurements_are_restored_once(monkeypatch):
    data = measured()
    feed = Feed(data, get("unmeasure"), recipe(unmeasure="tv"), seed=0)
    made, asked = feed._restored.method.restore, []

    def restore(y, index):
        asked.extend(index)
        return made(y, index)

    monkeypatch.setattr(feed._restored.method, "restore", restore)
    batches = [feed.data(batch, lambda x: x) for batch in range(6)]
    assert sorted(asked) == list(range(24))
    y, restored = batches[4].y, batches[4].restored
    seen = data.operator.observed(y).bool()
    torch.testing.assert_close(restored[seen], y[seen])
    assert (restored[~seen] != 0).float().mean() > 0.9


@pytest.mark.parametrize("name", ["least-squares", "hinge", "wgan-gp"])
def test_losses_train(name):
    trained = run(gan_loss=name)
    assert all(math.isfinite(row["loss_d"]) for row in trained.history)


# Steps, batches and history -------------------------------------------------------------------


@pytest.mark.parametrize("order", ["critic-first", "generator-first"])
@pytest.mark.parametrize(("critic", "own"), [(1, 1), (3, 1), (1, 2)])
def test_both_share_one_batch(monkeypatch, order, critic, own):
    dealt, learned, taught = [], [], []
    deal, learn, teach = Game.deal, Game.learn, Game.teach

    def spy(self, batch, data, *, learns):
        dealt.append((batch, learns))
        return deal(self, batch, data, learns=learns)

    monkeypatch.setattr(Game, "deal", spy)
    monkeypatch.setattr(Game, "learn", lambda g, h, r: (learned.append(h.batch), learn(g, h, r))[1])
    monkeypatch.setattr(Game, "teach", lambda g, h, r: (taught.append(h.batch), teach(g, h, r))[1])
    run(order=order, critic_steps=critic, generator_steps=own, steps=2)
    used = critic + own - 1
    assert [batch for batch, _ in dealt] == list(range(2 * used))
    assert [batch for batch, learns in dealt if learns] == learned
    assert len(taught) == 2 * critic
    assert len(learned) == 2 * own
    assert len(set(taught) & set(learned)) == 2


def test_history():
    trained = run(steps=7, log_every=3, top={"gamma": 0.5}, held_out=measured(count=5))
    rows = trained.history
    assert [row["step"] for row in rows] == [3, 6, 7]
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert [row["lr"] for row in rows] == [2e-3, 1e-3, 5e-4]
    assert list(rows[0]) == ["step", "epoch", *LOSSES, "residual", "lr", "seconds"]
    for row in rows:
        total = row["loss_adversarial"] + 2.0 * row["loss_likelihood"]
        assert row["loss_g"] == pytest.approx(total, rel=1e-5)
        assert 0 < row["residual"] < 4
        assert 0 < row["d_fake_at"] < 1
        assert row["grad_norm_g"] > 0
    single = run(steps=3, log_every=1)
    for name in ("loss_d", "loss_g", "d_real", "grad_norm_g"):
        mean = np.mean([row[name] for row in single.history])
        assert rows[0][name] == pytest.approx(mean, rel=1e-5)


def test_means_are_over_those_who_have_a_value():
    seen = [{"a": torch.tensor(1.0)}, {"a": torch.tensor(3.0), "b": torch.tensor(5.0)}]
    assert {name: value.item() for name, value in means(seen).items()} == {"a": 2.0, "b": 5.0}


def test_the_residual_by_hand():
    data = measured(count=12)
    trained = run(measured(), held_out=data, steps=2)
    y = data.y(range(12))
    seen = data.operator.observed(y).bool()
    with torch.no_grad():
        errors = (trained.generator(y) - y)[seen].square()
    assert trained.history[-1]["residual"] == pytest.approx(errors.mean().item(), rel=1e-4)


def test_divergence_is_an_error():
    with pytest.raises(ReveilError, match=r"diverged: .*not finite.*lower recipe.learning_rate"):
        run(steps=20, top={"learning_rate": 1e38}, critic_learning_rate=1e38)


def test_too_few_measurements():
    with pytest.raises(ReveilError, match=r"batch_size: 8 is not allowed for 5 training"):
        run(measured(count=5))


def test_bf16_trains():
    trained = run(top={"precision": "bf16"})
    assert math.isfinite(trained.history[-1]["loss_g"])
    assert next(trained.generator.parameters()).dtype == torch.float32


# Resume and repetition ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {"ema": 0.5, "critic_steps": 2, "spectral_norm": "critic"},
        {"order": "generator-first", "corruption": "fresh"},
    ],
    ids=["average", "fresh"],
)
def test_a_resumed_run_ends_in_the_same_bits(tmp_path, keys):
    def data():
        return measured(corruption=keys.get("corruption", "fixed"))

    whole = run(data(), steps=7, log_every=3, **keys)
    with pytest.raises(KilledError):
        run(data(), steps=7, log_every=3, state=MortalState(tmp_path, 4, death=6), **keys)
    resumed = run(data(), steps=7, log_every=3, state=MortalState(tmp_path, 100), **keys)
    assert same(whole, resumed)
    torch.testing.assert_close(
        timeless(resumed.history), timeless(whole.history), rtol=0, atol=0, equal_nan=True
    )


def test_the_seed_decides():
    assert same(run(seed=3), run(seed=3))
    assert not same(run(seed=3), run(seed=4))


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(model="variational-w2")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_variational_generator_has_a_divergence():
    trained = run(model="variational-w2", steps=2)
    row = trained.history[0]
    assert row["loss_kl"] > 0
    total = row["loss_adversarial"] + 2 * row["loss_likelihood"] + row["loss_kl"]
    assert row["loss_g"] == pytest.approx(total, rel=1e-5)


# Averages -------------------------------------------------------------------------------------


def test_the_average_by_hand():
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(1.0)
    average = Average(network, 0.5)
    network.weight.data.fill_(2.0)
    average.update(network, 0)
    # The first step keeps a tenth.
    assert average.network.weight.item() == pytest.approx(0.1 * 1 + 0.9 * 2)
    average.update(network, 1000)
    assert average.network.weight.item() == pytest.approx(0.5 * 1.9 + 0.5 * 2)


def test_statistics_are_those_of_what_is_seen():
    network = nn.Sequential(nn.BatchNorm2d(2)).eval()
    batches = torch.randn(3, 4, 2, 5, 5, generator=generator(0, "test")) * 3 + 1
    reestimate(network, batches)
    mean = batches.transpose(1, 2).transpose(0, 1).flatten(1).mean(1)
    variances = torch.stack([b.transpose(0, 1).flatten(1).var(1) for b in batches])
    torch.testing.assert_close(network[0].running_mean, mean)
    torch.testing.assert_close(network[0].running_var, variances.mean(0))
    assert not network.training
    assert network[0].momentum == 0.1


def test_statistics_are_left_alone():
    network = nn.Sequential(nn.BatchNorm2d(2)).train()
    with untracked(network):
        network(torch.ones(4, 2, 3, 3) * 7)
    assert network[0].running_mean.tolist() == [0, 0]
    network(torch.ones(4, 2, 3, 3) * 7)
    assert network[0].running_mean.tolist() == pytest.approx([0.7, 0.7])


def test_an_averaged_generator_has_its_own_statistics():
    trained = run(ema=0.5, steps=6)
    assert len(trained.averaged.state_dict()) == len(trained.generator.state_dict())
    y = measured().y(range(16))
    again = Average(trained.averaged, 0.5).network
    reestimate(again, y.split(8))
    for name, value in trained.averaged.state_dict().items():
        torch.testing.assert_close(value, again.state_dict()[name])
    assert not trained.averaged.training
