"""Hiding observed values from the generator, and asking for them."""

import pytest
import torch

from reveil.unir.feed import Feed
from reveil.unir.game import Game
from reveil.unir.splitting import hidden_error, split
from tests.reconstructing import MODEL, measured, operator, recipe


def test_what_is_hidden_was_observed_and_is_not_seen():
    made = operator(shape=(3, 16, 16))
    x = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(0)) + 0.1
    theta = made.sample_theta(40, torch.Generator().manual_seed(1))
    y, observed = made.apply(x, theta), made.mask(theta)
    seen, hidden = split(y, made.observed(y), 0.0, torch.Generator().manual_seed(2))
    assert hidden.shape == observed.shape
    assert ((hidden == 0) | (hidden == 1)).all()
    assert (hidden <= observed).all()
    torch.testing.assert_close(seen, torch.where((observed - hidden).bool(), x, 0.0))
    # Half of 5120 observed sites: six standard deviations are 0.042.
    assert (hidden.sum() / observed.sum()).item() == pytest.approx(0.5, abs=0.042)


def test_missing_values_keep_their_fill():
    y = torch.tensor([[[[0.5, -1.0], [0.25, -1.0]]]])
    observed = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    seen, hidden = split(y, observed, -1.0, torch.Generator().manual_seed(0))
    expected = torch.where(hidden.bool(), -1.0, y)
    torch.testing.assert_close(seen, expected)


def test_the_error_is_the_mean_over_hidden_values():
    x_hat, y = torch.zeros(1, 2, 1, 2), torch.tensor([[[[1.0, 5.0]], [[3.0, 5.0]]]])
    hidden = torch.tensor([[[[1.0, 0.0]]]])
    assert hidden_error(x_hat, y, hidden).item() == pytest.approx((1 + 9) / 2)
    assert hidden_error(x_hat, y, 0 * hidden).item() == 0


def test_g_sees_the_rest_and_learns_from_what_was_hidden(monkeypatch):
    made, keys = operator(), recipe(variant="splitting")
    played, inputs = Game(made, made, MODEL, keys, 0, torch.device("cpu")), []
    learn = played.generator.learn
    monkeypatch.setattr(
        played.generator, "learn", lambda y, noise: (inputs.append(y), learn(y, noise))[1]
    )
    data = Feed(measured(made), played.variant, keys, 0).data(0, played.arrange)
    dealt = played.deal(0, data, learns=True)
    observed, hidden = made.observed(data.y).bool(), dealt.hidden.bool()
    fill = made.settings.fill
    assert torch.equal(inputs[0], torch.where(observed & ~hidden, data.y, fill))
    errors = (dealt.x_hat - data.y).detach().square()
    found = played.learn(dealt, 0.0)["loss_likelihood"]
    torch.testing.assert_close(found, errors[hidden].mean())
    # Neither all that was observed nor all that there is.
    assert min((errors[observed].mean() - found).abs(), (errors.mean() - found).abs()) > 1e-3
