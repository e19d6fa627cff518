"""Scores with convolutions as compiled products equal those with PyTorch's."""

import pytest
import torch
from torch import nn

from reveil import scores
from reveil.convolutions import plain, serving
from reveil.cosines import gradient_factors
from reveil.policies import parse
from reveil.scores import PrivacyScore
from tests.unit.test_scores import PlainView, linear, network, plain_curve, sample

pytest.importorskip("numba")


@pytest.fixture
def taken(monkeypatch):
    """Return a list of the image sizes whose weight gradients are compiled products."""
    sizes, direct = [], plain.weight_gradients

    def watched(layer, entered, delta):
        found = direct(layer, entered, delta)
        if found is not None:
            sizes.append(tuple(entered.shape[2:]))
        return found

    monkeypatch.setattr(plain, "weight_gradients", watched)
    return sizes


def drawn(*shape):
    stream = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=stream, dtype=torch.float64)


def test_curves_on_points_equal_one_gradient_at_a_time(taken):
    model = network("resnet20-2", size=16)
    starts, targets = drawn(2, 2, 3, 16, 16)
    labels = torch.tensor([4, 1])
    pieces = zip(starts, targets, labels, strict=True)
    expected = torch.stack([plain_curve(model, *piece, 3) for piece in pieces], 1)
    before = gradient_factors(model, starts, labels)
    assert not taken
    with serving.serving(True):
        ours = scores.gradsim_curves(model, starts, targets, labels, 3)
        # Gradients that were kept from before have the same layout.
        mixed = scores.gradsim_curves(model, starts, targets, labels, 3, before)
    assert set(taken) == {(16, 16)}
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(mixed, expected, rtol=1e-9, atol=1e-11)


def test_jacobians_on_points_equal_direct_ones():
    """With a bias, with layers that are no case for points, and whatever the image size."""
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding="same"),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 48, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(48, 32, 3, padding=1, stride=2),
        nn.Conv2d(32, 32, 3, padding=1, groups=2),
        nn.Conv2d(32, 32, 3, padding=1, bias=False),
        nn.Flatten(),
    )
    model.double().eval()
    images = drawn(3, 3, 14, 11)
    expected = scores.input_gradients(model, images)
    with serving.serving(True):
        ours = scores.input_gradients(model, images)
    assert not torch.equal(ours, expected)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-11)


def test_pieces_that_are_worked_on_side_by_side_have_networks_of_their_own(monkeypatch):
    images, view = sample(6), PlainView((1, 4, 4))
    expected = PrivacyScore(linear(), images, view, seed=0, points=3).curves(parse("2"))
    used, original = [], scores.gradsim_curves
    monkeypatch.setattr(
        scores, "gradsim_curves", lambda model, *rest: used.append(model) or original(model, *rest)
    )
    score = PrivacyScore(linear(), images, view, seed=0, points=3, chunk=2)
    with serving.serving(True):
        torch.testing.assert_close(score.curves(parse("2")), expected)
    assert len({id(model) for model in [score.model, *used]}) == 4
