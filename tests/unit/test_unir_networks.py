"""Generators and discriminators: parameters of section 3 of the methods, shapes, two types."""

import pytest
import torch

from reveil.errors import ReveilError
from reveil.models import parameter_count
from reveil.models.blank import blank
from reveil.unir.names import EXAMPLES, RECONSTRUCTORS, SAMPLERS
from reveil.unir.networks import (
    Blueprint,
    NetworkSettings,
    Reconstructor,
    Sampler,
    build,
    build_discriminator,
)
from reveil.unir.networks.zoo import construct, construct_discriminator
from tests.private import noise

EVERYTHING = {"init": "orthogonal", "spectral_norm": "both", "attention": True}


def counts(model, channels, size, paired=False):
    """Return the parameters of a generator and its discriminator, without drawing weights."""
    blueprint = Blueprint(model, channels, size, NetworkSettings())
    with blank():
        judge = construct_discriminator(blueprint, (channels, size, size), paired)
        return parameter_count(construct(blueprint)), parameter_count(judge)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def test_dcgan_has_the_reports_parameters():
    assert counts("dcgan", 3, 64) == (3_576_704, 2_765_568)


def test_dcgan_of_another_size_has_a_layer_less_on_each_side():
    first = 100 * 256 * 16 + 2 * 256
    deconvs = 256 * 128 * 16 + 2 * 128 + 128 * 64 * 16 + 2 * 64 + 64 * 16
    convs = 64 * 16 + 64 * 128 * 16 + 2 * 128 + 128 * 256 * 16 + 2 * 256 + 256 * 16
    assert counts("dcgan", 1, 32) == (first + deconvs, convs)


def test_unirs_own_networks_have_the_parameters_of_their_layout():
    generator, judge = counts("pajot", 3, 64)
    assert generator == pytest.approx(5.07e6, rel=0.01)
    assert judge == pytest.approx(4.89e6, rel=0.01)


def test_the_small_unet_is_that_of_the_pilot():
    generator, judge = counts("unet", 1, 32)
    assert generator == pytest.approx(95e3, rel=0.01)
    assert judge == pytest.approx(95e3, rel=0.01)


def test_the_discriminator_of_the_encoder_decoder_is_dcgans():
    assert counts("dcgan-unet", 3, 64)[1] == 2_765_568


def test_the_discriminator_of_pairs_has_twice_the_input_channels():
    alone, both = (counts("dcgan", 3, 64, paired)[1] for paired in (False, True))
    assert both - alone == 3 * 64 * 16


@pytest.mark.parametrize(
    ("model", "hidden"), [("dcgan", 100), ("ambient-mnist", 25)], ids=["colour", "grey"]
)
def test_vectors_meet_a_fully_connected_discriminator(model, hidden):
    channels = 3 if hidden == 100 else 1
    judge = build_discriminator(model, channels, 32, {}, 0, (33,))
    layers = 33 * hidden + hidden + hidden**2 + hidden + hidden + 1
    assert parameter_count(judge) == layers + 4 * hidden
    assert judge(noise(4, 33)).shape == (4,)


@pytest.mark.parametrize(
    ("size", "settings"),
    [(8, {}), (12, {}), (16, EVERYTHING), (28, {}), (32, EVERYTHING)],
    ids=["8", "12", "16-everything", "28", "32-everything"],
)
@pytest.mark.parametrize("model", EXAMPLES)
def test_images_have_the_shape_and_range_of_measurements(model, settings, size):
    channels = 1 if size % 8 else 3
    generator = build(f"{model}-w2", channels, size, settings, seed=0)
    y = 2 * noise(2, channels, size, size)
    if isinstance(generator, Reconstructor):
        x = generator(y)
    else:
        x = generator(generator.latent(2, stream()))
    assert x.shape == y.shape and x.abs().max() <= 1
    judge = build_discriminator(f"{model}-w2", channels, size, settings, 0, y.shape[1:])
    logits = judge(x)
    assert logits.shape == (2,)
    logits.sum().backward()
    silent = [name for name, p in generator.named_parameters() if p.grad is None]
    assert silent == []


@pytest.mark.parametrize("model", ["unet", "variational", "ambient-mnist", "ambient-celeba"])
def test_some_take_any_size(model):
    generator = build(f"{model}-w2", 1, 19, {}, seed=0)
    judge = build_discriminator(f"{model}-w2", 1, 19, {}, 0, (1, 19, 19), paired=True)
    y = noise(2, 1, 19, 19)
    x = generator(y) if isinstance(generator, Reconstructor) else generator.sample(2, stream())
    assert judge(torch.cat([y, x], dim=1)).shape == (2,)


@pytest.mark.parametrize("model", RECONSTRUCTORS)
def test_a_reconstructor_takes_measurements_and_cannot_sample(model):
    generator = build(f"{model}-w2", 1, 8, {}, seed=0)
    assert isinstance(generator, Reconstructor) and not isinstance(generator, Sampler)
    assert not hasattr(generator, "sample") and not hasattr(generator, "latent")


@pytest.mark.parametrize("model", SAMPLERS)
def test_a_sampler_takes_no_measurements(model):
    generator = build(f"{model}-w2", 1, 8, {}, seed=0)
    assert isinstance(generator, Sampler) and not isinstance(generator, Reconstructor)
    with pytest.raises(TypeError, match="samples images and reconstructs none"):
        generator(noise(2, 1, 8, 8))


@pytest.mark.parametrize("model", SAMPLERS)
def test_samples_follow_the_generator_alone(model):
    generator = build(f"{model}-w1", 1, 8, {}, seed=0).eval()
    few, more = generator.sample(3, stream()), generator.sample(300, stream())
    assert more.shape == (300, 1, 8, 8) and not more.requires_grad
    assert torch.equal(generator.sample(3, stream()), few)
    assert torch.allclose(generator(generator.latent(300, stream()))[-3:], more[-3:], atol=1e-6)


def test_noise_is_normal_or_uniform():
    normal, uniform = (
        build("dcgan-w1", 1, 8, {"latent": kind}, seed=0).latent(200, stream())
        for kind in ("normal", "uniform")
    )
    assert normal.shape == uniform.shape == (200, 100)
    assert normal.std().item() == pytest.approx(1, abs=0.03)
    assert uniform.abs().max() <= 1 and uniform.min() < -0.99 and uniform.max() > 0.99
    assert uniform.std().item() == pytest.approx(3**-0.5, abs=0.02)


@pytest.mark.parametrize("model", RECONSTRUCTORS)
def test_a_residual_output_adds_the_measurement(model):
    generator = build(f"{model}-w2", 1, 8, {"residual_output": True}, seed=0).eval()
    y = 2 * noise(2, 1, 8, 8)
    assert torch.equal(generator(y), y + generator.values(y).tanh())


def test_a_sampler_has_no_residual_output():
    with pytest.raises(ReveilError, match="residual_output: True is not allowed with dcgan,"):
        build("dcgan", 3, 64, {"residual_output": True}, seed=0)


@pytest.mark.parametrize("model", EXAMPLES)
def test_first_weights_follow_the_seed_alone(model):
    def weights(seed):
        made = build(f"{model}-w2", 1, 8, {}, seed=seed)
        judge = build_discriminator(f"{model}-w2", 1, 8, {}, seed, (1, 8, 8))
        return [p for network in (made, judge) for p in network.parameters() if p.dim() > 1]

    before = torch.get_rng_state()
    first, again, other = weights(0), weights(0), weights(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("model", ["dcgan", "dcgan-unet", "ambient-cifar"])
def test_sizes_that_cannot_be_halved_are_refused(model):
    with pytest.raises(ReveilError, match="size: 30 is not allowed with .*4 to 7 times a power"):
        build(model, 3, 30, {}, seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 2}, "channels: 2 is not allowed; allowed: 1, 3"),
        ({"size": 7}, "size: 7 is not allowed; allowed: 8 pixels or more"),
        ({"model": "unett"}, "did you mean 'unet'"),
        ({"settings": {"init": "gaussian"}}, "reconstruction.init: 'gaussian' is not allowed"),
        ({"settings": {"gan_loss": "wgan"}}, "did you mean 'wgan-gp'"),
    ],
    ids=["channels", "size", "model", "init", "loss"],
)
def test_what_cannot_be_built_is_named(changes, message):
    with pytest.raises(ReveilError, match=message):
        build(**{"model": "unet", "channels": 1, "size": 16, "settings": {}, "seed": 0} | changes)


@pytest.mark.parametrize(
    ("shape", "paired", "message"),
    [
        ((3, 16, 16), False, r"\(3, 16, 16\) is not allowed; allowed: \(1, 16, 16\), or the"),
        ((20,), True, r"\(20,\) is not allowed; allowed: \(1, 16, 16\) in pairs with images"),
    ],
    ids=["image", "pair"],
)
def test_a_discriminator_judges_measurements_of_these_images(shape, paired, message):
    with pytest.raises(ReveilError, match=f"measurement_shape: {message}"):
        build_discriminator("unet", 1, 16, {}, 0, shape, paired)
