"""Reconstructions: on measurements whose fill can be computed by hand, and each image by itself."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from reveil.errors import ReveilError
from reveil.unir import methods
from reveil.unir.networks.interface import Reconstructor
from reveil.unir.operators import settings as operators
from reveil.unir.operators.base import Operator
from reveil.unir.operators.interface import make
from reveil.unir.reconstruct import local, variation
from reveil.unir.reconstruct.blurring import blur_of, kernel_of
from reveil.unir.reconstruct.interface import Known, hard_consistency, reconstruct
from tests.unit.test_unir_methods import presets, values


def operator_of(root: Path, shape=(1, 12, 12), **changes) -> Operator:
    return make(operators.from_values("o", values(root, "operators", **changes)), shape)


def method_of(root: Path, name: str, **changes) -> methods.MethodSettings:
    return methods.from_values(name, values(root, "reconstructions", name, **changes))


def restored(root: Path, name: str, y: torch.Tensor, operator: Operator, **known) -> torch.Tensor:
    settings = method_of(root, name)
    return reconstruct(y, range(len(y)), settings, Known(operator, 0, **known)).images


class Halves(Reconstructor):
    """A generator whose batch norm would betray training mode."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.norm = nn.BatchNorm2d(1)

    def values(self, y: torch.Tensor) -> torch.Tensor:
        return self.norm(y)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return 4 * self.norm(y)


def smooth(count: int, channels: int = 1, size: int = 12) -> torch.Tensor:
    """Smooth images, 8-bit values of different slopes."""
    place = torch.linspace(-0.8, 0.8, size)
    ramp = place.view(-1, 1) * 0.7 + place.view(1, -1) * 0.3
    scale = torch.linspace(-1, 1, 2 * count * channels).view(2, count, channels)[0]
    image = ramp * scale[..., None, None] + 0.1
    return ((image + 1) * 127.5).round() / 127.5 - 1


def measured(operator: Operator, x: torch.Tensor, seed: int = 0) -> torch.Tensor:
    theta = operator.sample_theta(len(x), torch.Generator().manual_seed(seed))
    return operator.apply(x, theta)


def test_keep_is_the_measurement_without_its_factor(root: Path):
    operator = operator_of(root, share=0.5, rescale=True)
    x = smooth(2)
    found = restored(root, "keep", measured(operator, x), operator)
    seen = found != 0
    assert torch.allclose(found[seen], x[seen], atol=1e-6)
    assert seen.float().mean() == pytest.approx(0.5)


def test_mean_fill_is_the_mean_of_what_the_channel_shows(root: Path):
    operator = operator_of(root, (2, 2, 2), per_channel=True)
    y = torch.tensor([[[0.25, 0.75], [0, 0]], [[0, 0], [0, 0]]]).unsqueeze(0)
    found = restored(root, "mean-fill", y, operator)
    assert found[0, 0].tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert not found[0, 1].any()


def test_the_mean_image_averages_what_is_observed(root: Path):
    operator = operator_of(root, (1, 1, 3))
    training = torch.tensor([[0.25, 0, 0], [0.75, -0.5, 0]]).view(2, 1, 1, 3)
    found = restored(root, "mean-image", training, operator, training=training)
    assert torch.allclose(found, torch.tensor([0.5, -0.5, 0]).view(1, 1, 1, 3).expand(2, 1, 1, 3))
    with pytest.raises(ReveilError, match="'mean-image': needs measurements of other images"):
        restored(root, "mean-image", training, operator)


def test_the_median_takes_the_smallest_window_that_shows_something(root: Path):
    operator = operator_of(root, (1, 5, 5))
    y = torch.zeros(1, 1, 5, 5)
    y[0, 0, 0, 0], y[0, 0, 0, 2], y[0, 0, 2, 2], y[0, 0, 0, 4] = 0.1, 0.5, 0.2, 0.9
    found = restored(root, "median", y, operator)[0, 0]
    assert found[0, 1] == pytest.approx(0.3)  # of 0.1 and 0.5
    assert found[1, 1] == pytest.approx(0.2)  # of 0.1, 0.5 and 0.2
    assert found[4, 4] == pytest.approx(0.2)  # window of 5
    assert found[4, 0] == pytest.approx(0.2)
    assert found[0, 4] == pytest.approx(0.9)


def test_the_median_of_many_places_does_not_depend_on_how_many_are_worked_on_at_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    operator = operator_of(root, share=0.9)
    y = measured(operator, smooth(3))
    whole = restored(root, "median", y, operator)
    monkeypatch.setattr(local, "_AT_ONCE", 50)
    assert torch.equal(restored(root, "median", y, operator), whole)


def test_normalised_convolution_by_hand_and_far_from_everything(root: Path):
    operator = operator_of(root, (1, 1, 60))
    y = torch.zeros(1, 1, 1, 60)
    y[..., 0], y[..., 3] = 0.8, -0.4
    found = restored(root, "normalised-1", y, operator).flatten()
    near, far = np.exp(-0.5), np.exp(-2.0)
    assert found[1] == pytest.approx((0.8 * near - 0.4 * far) / (near + far))
    assert found[0] == pytest.approx(0.8)
    assert found[30] == pytest.approx(-0.4)
    # 56 sigma away the weights are 0 in double precision: the mean of both.
    assert found[59] == pytest.approx(0.2)


def test_total_variation_by_hand():
    x = torch.tensor([[0.0, 3.0], [4.0, 4.0]]).view(1, 1, 2, 2)
    # Places: (4, 3), (1, 0) down; (0, 0) and (0, 0) below; delta 0 gives 5 + 1 + 0 + 0.
    assert variation.total_variation(x, 0.0).item() == pytest.approx(6)
    flat = variation.total_variation(torch.zeros(1, 2, 3, 3), 0.04)
    assert flat.item() == pytest.approx(18 * 0.2)


def test_total_variation_fills_a_constant_image_exactly_and_lowers_the_cost(root: Path):
    operator = operator_of(root, share=0.5)
    constant = torch.full((1, 1, 12, 12), 51 / 127.5 - 1)
    found = restored(root, "tv", measured(operator, constant), operator)
    assert torch.allclose(found, constant, atol=1e-3)
    x = smooth(2)
    y = measured(operator, x)
    start = restored(root, "mean-fill", y, operator)
    found = restored(root, "tv", y, operator)
    cost = variation.total_variation
    assert (cost(found, 1e-4) < cost(x, 1e-4) * 1.02).all()
    assert (cost(found, 1e-4) < 0.7 * cost(start, 1e-4)).all()


def test_biharmonic_filling_continues_a_ramp(root: Path):
    operator = operator_of(root, share=0.3)
    x = smooth(2)
    found = restored(root, "biharmonic", measured(operator, x), operator)
    assert (found - x).abs().max() < 0.02
    nothing = torch.zeros(1, 1, 12, 12)
    assert not restored(root, "biharmonic", nothing, operator).any()


def test_the_kernel_is_the_operators_own(root: Path):
    mean = kernel_of(operator_of(root, kind="blur"))
    assert torch.allclose(mean, torch.full((5, 5), 0.04, dtype=torch.float64))
    changes = {"kernel": "gaussian", "kernel_size": 3, "kernel_radius": 1.0}
    gaussian = kernel_of(operator_of(root, kind="blur", **changes))
    assert gaussian[1, 1] / gaussian[0, 1] == pytest.approx(np.exp(0.5))
    blur = blur_of(operator_of(root, kind="blur"))
    assert blur(torch.ones(3, 1, 12, 12))[:, 0, 6, 6].tolist() == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("name", ["wiener", "richardson-lucy", "tv"])
def test_deconvolution_comes_closer_than_the_measurement(root: Path, name: str):
    operator = operator_of(root, (1, 16, 16), kind="blur", kernel_size=5, noise_std=0.1)
    x = torch.full((4, 1, 16, 16), -0.6)
    x[..., 4:12, 4:12] = 0.6
    y = measured(operator, x)
    found = restored(root, name, y, operator)
    errors = [(images - x).square().flatten(1).mean(1) for images in (found, y)]
    assert (errors[0] < errors[1]).all()
    assert found.abs().max() <= 1


def test_wieners_filter_undoes_a_blur_without_noise(root: Path):
    changes = {"kernel": "gaussian", "kernel_size": 3, "kernel_radius": 0.5, "noise_std": 0.0}
    operator = operator_of(root, (1, 16, 16), kind="blur", **changes)
    x = smooth(2, size=16)
    found = restored(root, "wiener", measured(operator, x), operator)
    inside = slice(6, 10)
    assert (found - x)[..., inside, inside].abs().max() < 0.01


@pytest.mark.parametrize("changes", [{"share": 0.3}, {"kind": "blur", "noise_std": 0.1}])
def test_the_image_prior_fits_what_is_observed(root: Path, changes: dict):
    operator = operator_of(root, (2, 12, 12), **changes)
    x = smooth(2, channels=2)
    theta = operator.sample_theta(2, torch.Generator().manual_seed(0))
    y = operator.apply(x, theta)
    settings = method_of(root, "image-prior", iterations=150, width=8)
    found = reconstruct(y, [4, 7], settings, Known(operator, 0)).images
    again = operator.without_noise(found, theta)
    noise = (y - operator.without_noise(x, theta)).square().flatten(1).mean(1)
    assert ((again - y).square().flatten(1).mean(1) < 0.3 * y.flatten(1).var(1) + noise).all()


def test_every_image_is_reconstructed_by_itself(root: Path):
    """In float64, and with the images of a chunk in another order and number."""
    for changes in ({"share": 0.6}, {"kind": "blur"}):
        operator = operator_of(root, (2, 12, 12), **changes)
        y = measured(operator, smooth(3, channels=2)).double()
        training = measured(operator, smooth(4, channels=2), 1).double()
        for name in presets(root):
            settings = method_of(root, name)
            if settings.method == "network" or not methods.applies(
                settings.method, operator.settings
            ):
                continue
            if settings.method in ("image-prior", "tv"):
                settings = method_of(root, name, iterations=5)
            known = Known(operator, 0, training=training)
            together = reconstruct(y, [5, 6, 7], settings, known).images
            alone = reconstruct(y[2:], [7], settings, known).images
            assert torch.allclose(together[2:], alone, atol=1e-5), name
            assert together.shape == y.shape, name
            if operator.observable and settings.method not in ("mean-image", "image-prior"):
                seen = operator.observed(y).bool().expand_as(y)
                assert torch.equal(together[seen], y.float()[seen]), name


def test_what_the_image_prior_draws_is_named_by_seed_and_image(root: Path):
    operator = operator_of(root, share=0.5)
    y = measured(operator, smooth(1))
    settings = method_of(root, "image-prior", iterations=2)
    runs = [
        reconstruct(y, [image], settings, Known(operator, seed)).images
        for seed, image in ((0, 1), (0, 1), (1, 1), (0, 2))
    ]
    assert torch.equal(runs[0], runs[1])
    assert not torch.allclose(runs[0], runs[2]) and not torch.allclose(runs[0], runs[3])


def test_the_network_is_used_in_eval_mode_and_left_as_it_was(root: Path):
    network = Halves().train()
    network.norm.running_mean.fill_(0.5)
    operator = operator_of(root, share=0.5)
    y = torch.full((2, 1, 12, 12), 0.6)
    found = restored(root, "network", y, operator, network=network)
    assert torch.allclose(found, torch.full_like(y, 0.4), atol=1e-4)
    assert network.training
    assert network.norm.running_mean.item() == 0.5
    # Residual outputs may leave the range.
    assert restored(root, "network", y + 2, operator, network=network).max() == 1


def test_what_takes_no_measurement_is_no_reconstruction(root: Path):
    operator = operator_of(root)
    y = torch.zeros(1, 1, 12, 12)
    with pytest.raises(ReveilError, match="'network': Identity takes no measurement"):
        restored(root, "network", y, operator, network=nn.Identity())
    with pytest.raises(ReveilError, match="'wiener' is not applicable"):
        restored(root, "wiener", y, operator)
    with pytest.raises(ReveilError, match="index: 2 for 1 measurements"):
        reconstruct(y, [0, 1], method_of(root, "keep"), Known(operator, 0))


def test_no_measurements_give_no_images(root: Path):
    y = torch.zeros(0, 1, 12, 12)
    assert restored(root, "tv", y, operator_of(root)).shape == (0, 1, 12, 12)


def test_hard_consistency_copies_what_is_observed():
    guess, y = torch.full((1, 2, 1, 2), 0.5), torch.full((1, 2, 1, 2), -1.0)
    mask = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    assert hard_consistency(guess, y, mask).tolist() == [[[[-1.0, 0.5]], [[-1.0, 0.5]]]]
