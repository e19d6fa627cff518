"""Operators as functions of the image: kernels, rotations, gradients, adjoints."""

import math

import pytest
import torch
from torch.nn import functional

from reveil.unir.operators.blur import kernel_line
from tests.measuring import PRESETS, images, operator, settings, source

BLURS = [preset for preset in PRESETS if settings(preset).kind == "blur"]


@pytest.mark.parametrize("preset", PRESETS)
def test_gradients_are_those_of_finite_differences(preset):
    made = operator(preset, (2, 6, 6))
    theta = made.sample_theta(1, source())
    x = images(1, (2, 6, 6)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: made.apply(x, theta), x)


@pytest.mark.parametrize("preset", PRESETS)
def test_an_operator_is_affine_and_its_gradient_is_its_adjoint(preset):
    made = operator(preset)
    theta = made.sample_theta(3, source())
    a, b = images(3, seed=1).double(), images(3, seed=2).double()
    offset = made.apply(torch.zeros_like(a), theta)
    mixed = made.apply(2 * a - b, theta) - offset
    apart = 2 * (made.apply(a, theta) - offset) - (made.apply(b, theta) - offset)
    assert torch.allclose(mixed, apart, atol=1e-10)
    x = a.requires_grad_()
    y = made.apply(x, theta) - offset
    weights = torch.randn(y.shape, generator=source(), dtype=torch.float64)
    (adjoint,) = torch.autograd.grad((y * weights).sum(), x)
    # <A b, w> = <b, A* w> for another image than the one the gradient was taken at.
    there = ((made.apply(b, theta) - offset) * weights).sum()
    assert there.item() == pytest.approx((b * adjoint).sum().item(), rel=1e-9)


@pytest.mark.parametrize("preset", BLURS)
def test_kernels_sum_to_one_and_are_symmetric(preset):
    line = kernel_line(settings(preset))
    assert len(line) == 5 and sum(line) == pytest.approx(1) and line == line[::-1]


def test_kernels_are_those_of_the_methods():
    assert kernel_line(settings("convolve-noise")) == (0.2,) * 5
    centre, near, far = 1, math.exp(-1 / 2), math.exp(-2)
    total = centre + 2 * near + 2 * far
    expected = [weight / total for weight in (far, near, centre, near, far)]
    assert kernel_line(settings("blur-noise-10")) == pytest.approx(expected)
    assert kernel_line(settings("blur-noise-10", kernel_size=1)) == (1.0,)


@pytest.mark.parametrize("preset", ["convolve-noise", "blur-noise-20"])
def test_a_blur_is_a_convolution_with_zeros_around(preset):
    made, x = operator(preset, (3, 9, 7)), images(2, (3, 9, 7))
    line = torch.tensor(kernel_line(made.settings))
    kernel = torch.outer(line, line).expand(3, 1, 5, 5)
    expected = functional.conv2d(x, kernel, padding=2, groups=3)
    theta = made.sample_theta(2, source())
    assert torch.allclose(made.without_noise(x, theta), expected, atol=1e-6)
    assert torch.allclose(made.apply(x, theta), expected + theta, atol=1e-6)


def test_a_white_image_darkens_only_at_its_border():
    made = operator("convolve-noise", (1, 8, 8))
    y = made.without_noise(torch.ones(1, 1, 8, 8), made.sample_theta(1, source()))[0, 0]
    assert torch.allclose(y[2:-2, 2:-2], torch.ones(4, 4))
    # Of the 25 pixels around the corner 9 are in the image.
    assert y[0, 0].item() == pytest.approx(9 / 25)


@pytest.mark.parametrize(("preset", "std"), [("convolve-noise", 0.3), ("blur-noise-50", 0.5)])
def test_the_noise_has_the_standard_deviation_of_the_settings(preset, std):
    noise = operator(preset, (1, 20, 20)).sample_theta(100, source())
    assert noise.std().item() == pytest.approx(std, rel=6 / (2 * noise.numel()) ** 0.5)
    assert noise.mean().item() == pytest.approx(0, abs=6 * std / noise.numel() ** 0.5)


def test_without_noise_only_blurs_change():
    for preset in PRESETS:
        made, x = operator(preset), images(2)
        theta = made.sample_theta(2, source())
        same = torch.equal(made.apply(x, theta), made.without_noise(x, theta))
        noisy = preset in BLURS and settings(preset).noise_std > 0
        assert same is not noisy


def quarter_turns(made, x, turns):
    """Return x padded and rotated by quarters of a turn by the operator."""
    angles = torch.full((len(x),), turns * math.pi / 2)
    return made.rotated(x, angles)


@pytest.mark.parametrize("size", [7, 8, 28])
@pytest.mark.parametrize("turns", [-2, -1, 0, 1, 2])
def test_quarter_turns_are_exact_and_anticlockwise(size, turns):
    made, x = operator("pad-rotate-project", (2, size, size)), images(2, (2, size, size))
    padded = functional.pad(x, (made.settings.margin(size),) * 4)
    assert torch.equal(quarter_turns(made, x, turns), torch.rot90(padded, turns, (2, 3)))


def test_projections_are_sums_of_rows_of_each_channel():
    made, x = operator("pad-rotate-project", (2, 4, 4), padding=1), images(1, (2, 4, 4))
    y = made.apply(x, torch.zeros(1, 1))[0].view(2, 6)
    assert torch.allclose(y[:, 1:5], x[0].sum(2), atol=1e-6)
    assert (y[:, [0, 5]] == 0).all()
    turned = made.apply(x, torch.full((1, 1), math.pi / 2))[0].view(2, 6)
    assert torch.allclose(turned[:, 1:5], x[0].sum(1).flip(1), atol=1e-6)


def test_padding_loses_no_corner():
    x, angles = images(90, (1, 28, 28)), torch.linspace(-math.pi, math.pi, 90)[:, None]
    least, wide, none = (
        operator("pad-rotate-project", (1, 28, 28), padding=padding).apply(x, angles).sum(1)
        for padding in ("auto", 20, 0)
    )
    assert torch.allclose(least, wide, atol=1e-3)
    assert (none - wide).abs().max() > 1


def test_angles_are_uniform_and_appended_after_the_sums():
    made = operator("pad-rotate-project-theta", (1, 8, 8), angles=2)
    theta = made.sample_theta(2000, source())
    assert theta.min() >= -math.pi and theta.max() <= math.pi
    assert theta.std().item() == pytest.approx(math.pi / 3**0.5, rel=0.05)
    side = 8 + 2 * 2
    y = made.apply(images(3, (1, 8, 8)), theta[:3])
    assert made.output_shape == (2 * side + 2,) and torch.equal(y[:, -2:], theta[:3])
    plain = operator("pad-rotate-project-2", (1, 8, 8))
    assert torch.equal(plain.apply(images(3, (1, 8, 8)), theta[:3]), y[:, :-2])
