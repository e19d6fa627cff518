"""Layers on stacked complex maps: by hand, against complex numbers, and under rotation."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from reveil.cvnn.equivariance import ACCEPTED, equivariance_error
from reveil.cvnn.kit import RealKit, StackedKit
from reveil.cvnn.layers import (
    ComplexConv2d,
    ComplexLinear,
    ModulusActivation,
    ModulusMaxPool,
    ModulusNorm,
    SamePad,
    SharedDropout,
    Shortcut,
)
from reveil.cvnn.stacked import parts
from tests.hidden import protection
from tests.private import noise

THRESHOLDS = ("one", "channel", "sample", "tensor")


def complex_conv(dtype=torch.float32):
    return StackedKit(protection(weights="complex"), normalised=True).conv(4, 6, 3, 2, 1).to(dtype)


def variants():
    """Yield (id, layer) for every layer in every variant."""
    for detached in (False, True):
        for running in (False, True):
            mode = f"{'detached' if detached else 'through'}-{'running' if running else 'batch'}"
            for threshold in THRESHOLDS:
                layer = ModulusActivation(threshold, 4, running, detached)
                yield f"activation-{threshold}-{mode}", layer
            for over in ("channel", "position"):
                for divided in ("modulus", "half"):
                    layer = ModulusNorm(4, 8, over, divided, running, detached)
                    yield f"norm-{over}-{divided}-{mode}", layer
    yield "conv-real", RealKit(normalised=True).conv(4, 6, 3, 2, 1)
    yield "conv-complex", complex_conv()
    yield "pool-max", ModulusMaxPool(3, 2)
    yield "pool-max-padded", ModulusMaxPool(3, 2, 1)
    yield "pool-average", nn.AvgPool2d(2)
    yield "shortcut", Shortcut(4, 8, 2)
    yield "padding", nn.Sequential(SamePad(3, 2), nn.ZeroPad2d(1))


def named(pairs):
    return [pytest.param(layer, id=name) for name, layer in pairs]


def as_complex(x):
    return torch.complex(*parts(x))


# Rotation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("layer", named(variants()))
def test_every_layer_commutes_with_a_rotation(layer, training):
    x = noise(8, 4, 8, 8)
    layer.train()
    layer(2 * x)
    assert equivariance_error(layer.train(training), x) < ACCEPTED


@pytest.mark.parametrize("weights", ["real", "complex"])
def test_a_linear_layer_commutes_with_a_rotation(weights):
    layer = StackedKit(protection(weights=weights), normalised=True).linear(5, 3)
    assert equivariance_error(layer, noise(8, 5)) < ACCEPTED


def test_dropout_drops_real_and_imaginary_numbers_together():
    layer = SharedDropout(0.5)
    x = noise(8, 4, 8, 8)
    real, imaginary = parts(layer(x))
    dropped = real == 0
    assert 0.4 < dropped.float().mean() < 0.6
    assert torch.equal(dropped, imaginary == 0)
    kept = parts(x)[0][~dropped]
    assert torch.allclose(real[~dropped], 2 * kept)
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(nn.ReLU(), id="relu"),
        pytest.param(nn.Tanh(), id="tanh"),
        pytest.param(nn.MaxPool2d(2), id="max-pool"),
        pytest.param(nn.BatchNorm2d(4), id="batch-norm"),
        pytest.param(nn.Conv2d(4, 4, 1), id="bias"),
    ],
)
def test_what_is_forbidden_is_found_out(layer):
    assert equivariance_error(layer, 0.5 + noise(8, 4, 8, 8)) > 0.01


def test_measuring_leaves_running_averages_as_they_were():
    layer = ModulusNorm(4, 8)
    layer(noise(8, 4, 8, 8))
    kept = layer.running_moment.clone()
    equivariance_error(layer, 3 * noise(8, 4, 8, 8))
    assert torch.equal(layer.running_moment, kept)


# Convolutions -----------------------------------------------------------------------------------


def test_complex_weights_are_those_of_a_complex_convolution():
    layer, x = complex_conv(torch.float64), noise(8, 4, 9, 9, dtype=torch.float64)
    weight = torch.complex(layer.real, layer.imaginary)
    expected = conv2d(as_complex(x), weight, stride=2, padding=1)
    assert torch.allclose(as_complex(layer(x)), expected, atol=1e-12)


def test_real_weights_are_a_complex_convolution_without_imaginary_weights():
    kit = StackedKit(protection(), normalised=True)
    layer = kit.conv(4, 6, 3, padding=1, bias=True).double()
    x = noise(8, 4, 9, 9, dtype=torch.float64)
    weight = torch.complex(layer.weight, torch.zeros_like(layer.weight))
    assert torch.allclose(as_complex(layer(x)), conv2d(as_complex(x), weight, padding=1))
    assert layer.bias is None


def test_a_complex_linear_layer_is_a_product_of_complex_numbers():
    layer = ComplexLinear(1, 1)
    with torch.no_grad():
        layer.real.fill_(2.0)
        layer.imaginary.fill_(3.0)
    # (2 + 3i)(5 - 4i) = 22 + 7i
    assert layer(torch.tensor([[5.0], [-4.0]])).tolist() == [[22.0], [7.0]]


def test_complex_weights_start_with_the_variance_of_real_ones():
    kit = StackedKit(protection(weights="complex"), normalised=True)
    layer = kit.conv(32, 64, 3)
    both = layer.real.square().mean() + layer.imaginary.square().mean()
    assert both.item() == pytest.approx(2 / (9 * 64), rel=0.05)


# Activation -------------------------------------------------------------------------------------


def test_the_activation_shrinks_what_is_below_its_threshold():
    # Moduli 0.5, 5 and 0: f |f| / 1, f, 0.
    x = torch.tensor([0.3, 3.0, 0.0, 0.4, -4.0, 0.0]).view(2, 1, 1, 3)
    y = ModulusActivation("one", 1)(x)
    expected = torch.tensor([0.15, 3.0, 0.0, 0.2, -4.0, 0.0]).view(2, 1, 1, 3)
    assert torch.allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("threshold", "factors"),
    [
        # Moduli of two samples and two channels: [[1, 4], [3, 8]].
        ("channel", [[1 / 2, 4 / 6], [1, 1]]),
        ("tensor", [[1 / 4, 1], [3 / 4, 1]]),
        ("sample", [[1, 1], [1, 1]]),
    ],
)
def test_the_threshold_is_a_mean_modulus(threshold, factors):
    moduli = torch.tensor([[1.0, 4.0], [3.0, 8.0]])
    x = torch.cat([0.6 * moduli, -0.8 * moduli])[:, :, None, None]
    y = ModulusActivation(threshold, 2)(x)
    expected = x * torch.tensor(factors).repeat(2, 1)[:, :, None, None]
    assert torch.allclose(y, expected, atol=1e-4)


def test_the_threshold_of_a_sample_is_over_its_own_positions():
    x = torch.tensor([1.0, 3.0, 10.0, 30.0, 0.0, 0.0, 0.0, 0.0]).view(4, 1, 1, 2)
    y = ModulusActivation("sample", 1)(x)
    assert torch.allclose(y[:2].flatten(), torch.tensor([0.5, 3.0, 5.0, 30.0]), atol=1e-4)


def test_evaluation_takes_the_running_threshold():
    layer = ModulusActivation("channel", 1)
    x = torch.tensor([2.0, 4.0, 0.0, 0.0]).view(4, 1, 1, 1)
    layer(x)
    # 0.9 of the start, 1, and a tenth of the batch's mean, 3.
    assert layer.running_modulus.item() == pytest.approx(1.2, abs=1e-5)
    alone = layer.eval()(x[[0, 2]])
    assert torch.equal(alone, layer(x)[[0, 2]])
    assert ModulusActivation("one", 1).running_modulus is None


# Norm -------------------------------------------------------------------------------------------


def test_the_norm_divides_by_the_root_mean_square_of_the_modulus():
    # |f|^2 is 25 and 75: mean 50.
    x = torch.tensor([3.0, 5.0, 4.0, math.sqrt(50.0)]).view(4, 1, 1, 1)
    assert torch.allclose(ModulusNorm(1, 1)(x), x / math.sqrt(50.0), atol=1e-6)
    half = ModulusNorm(1, 1, divided="half")(x)
    assert torch.allclose(half, x / 5.0, atol=1e-6)


def test_the_norm_per_position_looks_at_the_batch_alone():
    x = torch.tensor([1.0, 10.0, 3.0, 30.0, 0.0, 0.0, 0.0, 0.0]).view(4, 1, 1, 2)
    y = ModulusNorm(1, 2, over="position", running=False)(x)
    assert torch.allclose(y[:2].flatten(), torch.tensor([1.0, 1, 3, 3]) / math.sqrt(5), atol=1e-5)
    assert ModulusNorm(3, 5, over="position").running_moment.shape == (1, 3, 5, 5)


def test_evaluation_takes_the_running_moment_or_that_of_the_batch():
    x = noise(8, 4, 6, 6)
    running, batch = ModulusNorm(4, 6), ModulusNorm(4, 6, running=False)
    for _ in range(200):
        running(3 * x)
    assert torch.allclose(running.eval()(x), batch.eval()(x) / 3, rtol=1e-3, atol=1e-4)
    assert torch.equal(running(x)[[0, 4]], running(x[[0, 4]]))
    assert not torch.allclose(batch(x)[[0, 4]], batch(x[[0, 4]]), rtol=1e-2)
    assert batch.running_moment is None


# Pooling and padding ----------------------------------------------------------------------------


def test_max_pooling_takes_both_parts_of_the_largest_modulus():
    real = torch.tensor([[1.0, -2.0], [0.0, 0.0]])
    imaginary = torch.tensor([[1.0, 0.0], [-3.0, 0.5]])
    y = ModulusMaxPool(2, 2)(torch.stack([real, imaginary])[:, None])
    assert y.flatten().tolist() == [0.0, -3.0]


def test_padding_gives_half_the_side_and_repeats_the_border():
    x = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    assert SamePad(3, 2)(x)[0, 0, 0].tolist() == [0, 1, 2, 3, 3]
    odd = SamePad(3, 2)(x[..., :3, :3])
    assert odd[0, 0, 0].tolist() == [0, 0, 1, 2, 2]


def test_a_shortcut_takes_every_second_position_and_adds_empty_channels():
    x = noise(2, 2, 4, 4)
    y = Shortcut(2, 5, 2)(x)
    assert y.shape == (2, 5, 2, 2)
    assert torch.equal(y[:, 1:3], x[..., ::2, ::2])
    assert y[:, [0, 3, 4]].abs().sum() == 0


# Gradients --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    named((name, layer) for name, layer in variants() if "detached" not in name),
)
def test_gradients_are_those_of_the_function(layer):
    x = noise(4, 4, 8, 8, dtype=torch.float64).requires_grad_()
    layer = layer.double().train()
    assert torch.autograd.gradcheck(layer, (x,), fast_mode=True)


@pytest.mark.parametrize(
    "layer",
    [ModulusActivation(threshold, 4) for threshold in THRESHOLDS] + [ModulusNorm(4, 8)],
    ids=[*THRESHOLDS, "norm"],
)
def test_gradients_at_zero_are_finite(layer):
    x = torch.zeros(4, 4, 8, 8, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_detached_activation_passes_its_coefficient_straight_through(threshold):
    layer = ModulusActivation(threshold, 4, detached=True)
    x, upstream = noise(4, 4, 8, 8), noise(4, 4, 8, 8, seed=1)
    x.requires_grad_()
    y = layer(x)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    assert torch.allclose(gradient, upstream * (y / x).detach(), atol=1e-5)


@pytest.mark.parametrize("over", ["channel", "position"])
def test_a_detached_norm_passes_its_divisor_straight_through(over):
    layer = ModulusNorm(4, 8, over, detached=True)
    x, upstream = noise(4, 4, 8, 8), noise(4, 4, 8, 8, seed=1)
    x.requires_grad_()
    y = layer(x)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    assert torch.allclose(gradient, upstream * (y / x).detach(), atol=1e-5)
    (other,) = torch.autograd.grad(ModulusNorm(4, 8, over)(x), x, upstream)
    assert not torch.allclose(gradient, other, atol=1e-2)


# Precision --------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["real", "complex"])
def test_half_precision_keeps_type_layout_and_values(weights):
    kit = StackedKit(protection(weights=weights), normalised=True)
    layers = nn.Sequential(
        kit.conv(4, 8, 3, padding=1),
        kit.norm(8, 8),
        kit.activation(8),
        kit.max_pool(2, 2),
    )
    x = noise(8, 4, 8, 8).to(memory_format=torch.channels_last)
    layers = layers.to(memory_format=torch.channels_last)
    exact = layers(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = layers(x)
    assert y.dtype == torch.bfloat16 and y.shape == exact.shape
    # The pool may take another position where two moduli are nearly the same.
    assert (y - exact).abs().mean() < 0.02 * exact.abs().mean()
    assert layers[1].running_moment.dtype == torch.float32
    normed = layers[:3](x)
    assert normed.is_contiguous(memory_format=torch.channels_last)


def test_a_complex_convolution_has_twice_the_parameters():
    assert sum(p.numel() for p in ComplexConv2d(4, 6, 3).parameters()) == 2 * 4 * 6 * 9
