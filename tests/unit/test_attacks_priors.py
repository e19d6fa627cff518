"""Where an attack starts, and what it believes of images."""

import pytest
import torch
from torch import nn

from reveil.attacks.priors import opponents_variation, start, total_variation
from reveil.attacks.regularisation import Regularisation, statistics_distance
from reveil.attacks.settings import Settings
from reveil.errors import ReveilError
from reveil.gradients import per_image_gradients
from reveil.scene import Shared
from tests.attacked_block import BOX, IMAGES, LABELS, PARAMETERS, SHAPE, Line


def test_total_variation_by_hand():
    image = torch.tensor([[[[0.0, 1.0, 3.0], [0.0, 1.0, 0.0]]]])
    doubled = torch.cat([image, 2 * image])
    # Horizontal differences 1, 2, 1, 1: mean 1.25; vertical 0, 0, 3: mean 1.
    assert total_variation(doubled).tolist() == [2.25, 4.5]


def test_starts_depend_on_the_image_and_the_restart_alone():
    whole = start("randn", IMAGES, SHAPE, 0, 0)
    torch.testing.assert_close(start("randn", IMAGES[2:3], SHAPE, 0, 0), whole[2:3])
    for other in (start("randn", IMAGES, SHAPE, 0, 1), start("randn", IMAGES, SHAPE, 1, 0)):
        assert (other != whole).any()
    assert start("zeros", IMAGES, SHAPE, 0, 0).abs().max() == 0
    uniform = start("rand", IMAGES, SHAPE, 0, 0)
    assert -1 <= uniform.min() < -0.9
    assert 0.9 < uniform.max() <= 1


def test_a_patterned_start_repeats_one_square():
    found = start("patterned-4", (3,), (2, 6, 9), 0, 0)[0]
    assert found.shape == (2, 6, 9)
    assert torch.equal(found[:, 4:], found[:, :2])
    assert torch.equal(found[:, :, 4:8], found[:, :, :4])
    assert torch.equal(found[:, :, 8], found[:, :, 0])
    assert found[:, :4, :4].unique().numel() == 32


def test_opponents_variation_by_hand():
    gray = torch.tensor([[[[0.0, 3.0], [4.0, 0.0]]]])
    # sqrt(3^2 + 4^2), the vertical 3, the horizontal 4, and nothing to compare with: mean 3.
    assert opponents_variation(gray).tolist() == pytest.approx([3.0])
    red, green, blue = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 3.0]), torch.zeros(2)
    colour = torch.stack([red, green, blue]).view(1, 3, 1, 2)
    # R 1, G 3, B 0, R-G 2, R-B 1 and G-B 3 on the first pixel of two, nothing on the second.
    both = torch.cat([colour, -2 * colour])
    assert opponents_variation(both).tolist() == pytest.approx([10 / 12, 20 / 12])


def test_opponents_variation_of_a_flat_image_can_be_differentiated():
    flat = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    (slope,) = torch.autograd.grad(opponents_variation(flat).sum(), flat)
    assert slope.abs().max() == 0


def pixels(*values):
    return torch.tensor(values, dtype=torch.float64)


def settings(**changes):
    return Settings.of(PARAMETERS | {"total_variation": 0.0} | changes)


class Normed(nn.Module):
    """Batch normalisation right behind the image."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(2)
        self.norm.running_mean.copy_(torch.tensor([1.0, -4.0]))
        self.norm.running_var.copy_(torch.tensor([4.0, 4.0]))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.norm(x).flatten(1))


# Two images of two channels of two pixels. The means are 4 and 0, the biased variances 5 and 0.
TWO = pixels(1.0, 3.0, 0.0, 0.0, 5.0, 7.0, 0.0, 0.0).view(2, 2, 1, 2)
# sqrt(3^2 + 4^2) and sqrt(1^2 + 4^2); of the first image alone, whose mean and variance are 2 and
# 1: sqrt(1 + 4^2) and sqrt(3^2 + 4^2); of the second, 6 and 1: sqrt(5^2 + 4^2) and the same.
TOGETHER = 5 + 17**0.5
APART = [17**0.5 + 5, 41**0.5 + 5]


def test_distances_from_running_statistics_by_hand():
    norm = Normed().double().eval().norm
    assert statistics_distance(norm, TWO[None]).tolist() == pytest.approx([TOGETHER])
    assert statistics_distance(norm, TWO[:, None]).tolist() == pytest.approx(APART)


def test_statistics_are_those_of_all_images_behind_a_gradient():
    model = Normed().double().eval()
    shared = Shared([], torch.tensor([0, 0]), (2, 1, 2), BOX)
    penalty = Regularisation(model, shared, settings(bn_statistics=0.5), None)
    assert penalty(TWO).tolist() == pytest.approx([value / 2 for value in APART])
    assert penalty(TWO[None]).tolist() == pytest.approx([TOGETHER / 2])


def test_weighted_penalties_add_up():
    shared = Shared([], torch.tensor([0]), (1, 1, 2), BOX)
    penalty = Regularisation(Line(), shared, settings(total_variation=2.0, image_norm=0.1), None)
    # |4 - 1| of one pair, no pair across; (1 + 16) / 2 / 2.
    image = pixels(1.0, 4.0, 1.0, 4.0).view(1, 1, 2, 2)
    assert penalty(image).tolist() == pytest.approx([2 * 3 + 0.1 * 4.25])
    flat = torch.zeros_like(image)
    assert penalty(torch.stack([image, flat], 1)).tolist() == pytest.approx([(6 + 0.425) / 2])


def test_the_gradient_of_the_last_layer_shows_its_input():
    model = Line().double().eval()
    x = pixels(3.0, 4.0, 1.0, 2.0).view(2, 1, 1, 2)
    labels = torch.tensor([0, 1])
    shared = Shared(per_image_gradients(model, x, labels, factor=0.5), labels, (1, 1, 2), BOX)
    penalty = Regularisation(model, shared, settings(features=0.1), labels)
    assert penalty(x).tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    # ((3 - 0)^2 + (4 - 0)^2) / 2 and (1 + 4) / 2.
    assert penalty(torch.zeros_like(x)).tolist() == pytest.approx([1.25, 0.25])
    shared.gradients[1][0] = 0.0
    penalty = Regularisation(model, shared, settings(features=0.1), labels)
    assert penalty(torch.zeros_like(x)).tolist() == pytest.approx([0.0, 0.25])


def test_features_need_one_image_of_a_known_class_and_a_bias():
    def penalty(model, batch=1, labels=LABELS[:1]):
        shared = Shared([torch.zeros(1, 2, 2)] * 2, labels, (1, 1, 2), BOX, batch=batch)
        return Regularisation(model, shared, settings(features=0.1), labels)

    for wrong in ({"batch": 2}, {"labels": None}):
        with pytest.raises(ReveilError, match="one image of a known class"):
            penalty(Line(), **wrong)
    for model in (nn.Conv2d(1, 2, 1), nn.Linear(2, 2, bias=False)):
        with pytest.raises(ReveilError, match="no last linear layer with a bias"):
            penalty(nn.Sequential(model))


def test_every_prior_can_be_followed():
    """The gradient of all penalties together is their slope."""
    model = Normed().double().eval()
    labels = torch.tensor([0, 2])
    shared = Shared(per_image_gradients(model, TWO, labels), labels, (2, 1, 2), BOX)
    weights = {"bn_statistics": 0.5, "features": 0.1, "image_norm": 0.3, "total_variation": 0.2}
    penalty = Regularisation(model, shared, settings(tv_form="double_opponents", **weights), labels)
    x = torch.randn(2, 2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x[..., :1, :]
    assert torch.autograd.gradcheck(penalty, x.clone().requires_grad_())
