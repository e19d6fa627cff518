"""What the networks of unir are made of: first weights, norms, attention, the latent map."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from reveil.adversarial import gradient_penalty
from reveil.unir.names import EXAMPLES, RECONSTRUCTORS
from reveil.unir.networks import NetworkSettings, Reconstructor, Sampler, build, build_discriminator
from reveil.unir.networks.blocks import Residual, SelfAttention, SumPool
from reveil.unir.networks.kit import Kit
from tests.private import noise

SHAPE = (1, 16, 16)
SMALL = [f"{model}-w2" for model in EXAMPLES]
ITERATED = (nn.BatchNorm2d, nn.BatchNorm1d)


def generator(model, **settings):
    return build(model, *SHAPE[:2], settings, seed=0)


def judge(model, **settings):
    return build_discriminator(model, *SHAPE[:2], settings, 0, SHAPE)


def layers(network, *kinds):
    return [module for module in network.modules() if isinstance(module, kinds)]


def convolutions(network):
    return layers(network, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def spectral(layer):
    return hasattr(layer, "parametrizations")


def smaller_gram(weight):
    """Return W W' or W' W, whichever is smaller, of a weight as a matrix."""
    rows = weight.detach().flatten(1)
    return rows @ rows.T if rows.shape[0] <= rows.shape[1] else rows.T @ rows


def test_normal_weights_are_those_of_dcgan():
    network = generator("dcgan-w16", residual_output=False)
    weights = torch.cat([layer.weight.flatten() for layer in convolutions(network)])
    scales = torch.cat([layer.weight for layer in layers(network, nn.BatchNorm2d)])
    assert weights.mean().item() == pytest.approx(0, abs=1e-3)
    assert weights.std().item() == pytest.approx(0.02, rel=0.03)
    assert scales.mean().item() == pytest.approx(1, abs=0.02)
    assert 0.01 < scales.std() < 0.03
    assert all(not layer.bias.any() for layer in layers(network, nn.BatchNorm2d))


@pytest.mark.parametrize(("residual", "gain"), [(False, 2**0.5), (True, 0.1)])
def test_orthogonal_weights_have_the_authors_gain(residual, gain):
    network = generator("unet", init="orthogonal", residual_output=residual)
    for layer in convolutions(network):
        gram = smaller_gram(layer.weight)
        assert torch.allclose(gram, gain**2 * torch.eye(len(gram)), atol=1e-4)
    scales = torch.cat([layer.weight for layer in layers(network, nn.BatchNorm2d)])
    assert scales.std().item() == pytest.approx(gain, rel=0.15)
    assert not network.last.bias.any()


def test_a_residual_output_leaves_the_discriminators_gain():
    network = judge("unet", init="orthogonal", residual_output=True)
    gram = smaller_gram(network.body[0].weight)
    assert torch.allclose(gram, 2 * torch.eye(len(gram)), atol=1e-4)


@pytest.mark.parametrize("model", [name for name in SMALL if name != "pajot-w2"])
def test_spectral_norm_is_for_the_networks_it_is_asked_for(model):
    found = {
        kind: tuple(
            any(map(spectral, convolutions(make(model, spectral_norm=kind))))
            for make in (generator, judge)
        )
        for kind in ("none", "critic", "both")
    }
    assert found == {"none": (False, False), "critic": (False, True), "both": (True, True)}


def test_unirs_own_networks_are_normalised_but_for_shortcuts_and_the_last_convolution():
    for network in (generator("pajot-w2"), judge("pajot-w2")):
        plain = [layer for layer in convolutions(network) if not spectral(layer)]
        blocks = layers(network, Residual)
        shortcuts = [block.shortcut for block in blocks]
        rest = [layer for layer in plain if not any(layer is other for other in shortcuts)]
        assert len(plain) - len(rest) == len(shortcuts)
        assert all(spectral(conv) for block in blocks for conv in (block.conv1, block.conv2))
        wanted = [network.body[-1]] if isinstance(network, Reconstructor) else []
        assert rest == wanted


def test_normalised_weights_have_a_largest_singular_value_of_one():
    network = judge("unet-w4", spectral_norm="critic")
    for _ in range(30):
        network(noise(2, *SHAPE))
    for layer in convolutions(network):
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2)
        assert largest.item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("model", SMALL)
def test_a_normalised_network_can_be_copied(model):
    network = judge(model, spectral_norm="critic").eval()
    again = copy.deepcopy(network)
    assert torch.equal(again(noise(2, *SHAPE)), network(noise(2, *SHAPE)))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert any(parameter.any() for parameter in again.parameters())


@pytest.mark.parametrize("settings", [{"gan_loss": "wgan-gp"}, {"spectral_norm": "critic"}])
@pytest.mark.parametrize("model", SMALL)
def test_such_a_discriminator_judges_each_sample_alone(model, settings):
    network = judge(model, **settings).eval()
    assert not layers(network, *ITERATED)
    x = noise(3, *SHAPE)
    # In training mode: batch statistics would mix them; power iterations change the weights.
    if "gan_loss" in settings and model != "pajot-w2":
        network.train()
    assert torch.allclose(network(x)[:1], network(x[:1]), atol=1e-5)


def test_a_discriminator_of_vectors_has_no_batch_norm_with_a_penalty():
    network = build_discriminator("unet", 1, 16, {"gan_loss": "wgan-gp"}, 0, (20,))
    assert not layers(network, *ITERATED)


def test_discriminators_have_batch_norm_as_the_methods_say():
    counts = {model: len(layers(judge(model), nn.BatchNorm2d)) for model in EXAMPLES}
    # At 16x16: dcgan's has two convolutions of stride 2.
    expected = {"unet": 2, "variational": 2, "dcgan": 1, "dcgan-unet": 1, "pajot": 0}
    assert counts == expected | {"ambient-celeba": 1, "ambient-mnist": 0, "ambient-cifar": 0}


def test_generators_have_batch_norm_as_the_methods_say():
    assert not layers(generator("ambient-mnist-w2"), *ITERATED)
    assert len(layers(generator("unet"), nn.BatchNorm2d)) == 6
    assert len(layers(generator("pajot-w2"), nn.BatchNorm2d)) == 13


@pytest.mark.parametrize("model", SMALL)
def test_a_penalty_has_a_gradient_through_attention(model):
    network = judge(model, gan_loss="wgan-gp", attention=True)
    real, fake = noise(2, *SHAPE), noise(2, *SHAPE, seed=1)
    gradient_penalty(network, real, fake, torch.tensor([0.3, 0.6])).backward()
    for attention in layers(network, SelfAttention):
        assert attention.gamma.grad is not None
    weight = next(p for p in network.parameters() if p.dim() == 4)
    assert weight.grad.abs().sum() > 0


@pytest.mark.parametrize("model", SMALL)
def test_attention_stands_where_the_side_is_a_quarter(model):
    for network in (generator(model, attention=True), judge(model, attention=True)):
        sides = []
        (attention,) = layers(network, SelfAttention)
        attention.register_forward_hook(lambda _, given, __, to=sides: to.append(given[0].shape))
        if isinstance(network, Sampler):
            network.sample(2, torch.Generator())
        else:
            network(noise(2, *SHAPE))
        wanted = 16 if model == "pajot-w2" and isinstance(network, Reconstructor) else 4
        assert sides[0][-2:] == (wanted, wanted)


@pytest.mark.parametrize("twice", [False, True], ids=["fused", "plain"])
def test_attention_mixes_positions_by_their_scores(twice):
    layer = SelfAttention(Kit("normal", twice=twice), 8)
    x = noise(2, 8, 3, 3)
    assert torch.equal(layer(x), x)
    with torch.no_grad():
        layer.gamma.fill_(0.5)
        for conv in (layer.query, layer.key, layer.value, layer.out):
            conv.weight.normal_(generator=torch.Generator().manual_seed(1))
    query, key, value = (conv(x).flatten(2)[:, 0] for conv in (layer.query, layer.key, layer.value))
    scores = torch.exp(query[:, :, None] * key[:, None, :])
    mixed = (scores * value[:, None, :]).sum(2) / scores.sum(2)
    expected = x + 0.5 * layer.out(mixed.reshape(2, 1, 3, 3))
    assert torch.allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize(("resample", "side"), [("same", 6), ("down", 3), ("up", 12)])
def test_without_its_convolutions_a_block_is_its_shortcut(resample, side):
    block = Residual(Kit("normal"), 2, 4, resample)
    with torch.no_grad():
        block.conv2.weight.zero_()
    x = noise(2, 2, 6, 6)
    shortcut = block.shortcut(x)
    expected = {
        "same": lambda: shortcut,
        "down": lambda: avg_pool2d(shortcut, 2),
        "up": lambda: shortcut.repeat_interleave(2, 2).repeat_interleave(2, 3),
    }[resample]()
    assert block(x).shape == (2, 4, side, side)
    assert torch.allclose(block(x), expected, atol=1e-6)


def test_a_critics_first_block_sees_negative_values():
    kit = Kit("normal", batch_norm=False)
    x = -noise(1, 2, 6, 6).abs()
    for activated, changes in ((True, False), (False, True)):
        block = Residual(kit, 2, 2, activated=activated)
        assert isinstance(block.shortcut, nn.Identity)
        assert bool((block(x) - x).any()) is changes


def test_positions_are_summed_after_a_relu():
    x = torch.tensor([[[[1.0, -2.0], [3.0, 0.5]], [[-1.0, -1.0], [-1.0, 0.0]]]])
    assert torch.equal(SumPool()(x), torch.tensor([[4.5, 0.0]]))


def test_skip_connections_pass_what_the_smallest_maps_lose():
    network = generator("dcgan-unet-w4").eval()
    with torch.no_grad():
        network.encoder[-1][0].weight.zero_()
    y = noise(1, *SHAPE).requires_grad_()
    network(y).sum().backward()
    assert y.grad.abs().sum() > 0


def test_nothing_passes_beside_the_latent_map():
    network = generator("variational-w4").eval()
    with torch.no_grad():
        network.moments.weight.zero_()
    assert torch.equal(network(noise(1, *SHAPE)), network(noise(1, *SHAPE, seed=1)))


def test_the_latent_map_is_drawn_in_training_only():
    network = generator("variational-w4").eval()
    y, drawn = noise(2, *SHAPE), noise(2, 4, 4, 4)
    assert network.noise(2, torch.Generator()).shape == drawn.shape
    assert torch.equal(network(y), network(y))
    mean, log_variance = network.encode(y)
    expected = network.decode(mean + torch.exp(0.5 * log_variance) * drawn).tanh()
    assert torch.allclose(network.learn(y, drawn)[0], expected, atol=1e-6)
    assert torch.allclose(network.learn(y, 0 * drawn)[0], network(y), atol=1e-6)


def test_the_divergence_is_in_nats_per_value_of_the_image():
    network = generator("variational-w4")
    with torch.no_grad():
        network.moments.weight.zero_()
        network.moments.bias[:4] = 0.5
        network.moments.bias[4:] = math.log(2)
    _, divergence = network.learn(noise(3, *SHAPE), noise(3, 4, 4, 4))
    one = 0.5 * (0.25 + 2 - 1 - math.log(2))
    assert divergence.tolist() == pytest.approx([one * 4 * 4 * 4 / 256] * 3, rel=1e-5)
    divergence.sum().backward()
    assert network.moments.bias.grad.tolist() == pytest.approx([3 * 16 / 256 * 0.5] * 8, rel=1e-4)


def test_a_variance_stays_finite():
    network = generator("variational-w4")
    with torch.no_grad():
        network.moments.bias.fill_(1000)
    x, divergence = network.learn(noise(2, *SHAPE), noise(2, 4, 4, 4))
    assert x.isfinite().all() and divergence.isfinite().all()


def test_a_variational_generator_needs_noise():
    with pytest.raises(TypeError, match="trained with noise"):
        generator("variational-w4").learn(noise(1, *SHAPE), None)


@pytest.mark.parametrize("model", [name for name in RECONSTRUCTORS if name != "variational"])
def test_the_others_draw_nothing(model):
    network, source = generator(f"{model}-w2").eval(), torch.Generator().manual_seed(0)
    before = source.get_state()
    assert network.noise(2, source) is None
    assert torch.equal(source.get_state(), before)
    x, divergence = network.learn(noise(2, *SHAPE), None)
    assert torch.equal(x, network(noise(2, *SHAPE))) and divergence is None


def test_digits_are_the_originals_sigmoid_on_our_scale():
    network = generator("ambient-mnist-w2")
    inside = []
    network.stages[-1].register_forward_hook(lambda _, __, out: inside.append(out))
    images = network(noise(2, 128))
    assert torch.allclose(images, 2 * inside[0].sigmoid() - 1, atol=1e-6)


def test_maps_of_digits_are_cropped_to_seven():
    network = build("ambient-mnist-w2", 1, 28, {}, seed=0)
    assert network.sides == [28, 14, 7, 4]


def test_settings_are_taken_from_a_recipe():
    recipe = {"variant": "unir", "weight": 2.0, "attention": True, "gan_loss": "hinge"}
    settings = NetworkSettings.from_recipe(recipe)
    assert settings == NetworkSettings(attention=True, gan_loss="hinge")
    assert NetworkSettings(**settings.to_dict()) == settings
