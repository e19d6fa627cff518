"""Private networks: where they are cut, what they cost, and that keys restore what they hide."""

import math

import pytest
import torch
from torch import nn

from reveil.cvnn.equivariance import ACCEPTED, equivariance_error
from reveil.cvnn.multiply_adds import forward, multiply_adds
from reveil.cvnn.networks.adversary import critic
from reveil.cvnn.private import PrivateNetwork, build, build_critic
from reveil.errors import ReveilError
from reveil.models.resnet import BasicBlock, ResNet20
from tests.hidden import protection
from tests.private import NOTHING, REPORT, network, noise

SMALL = (
    ("resnet20-alpha-w4", 12),
    ("resnet20-beta-w4", 9),
    ("resnet20-alpha-authors-w4", 16),
    ("resnet20-beta-authors-w4", 16),
    ("lenet-authors-w4", 28),
    ("lenet-report", 32),
    ("vgg16-w2", 32),
    ("alexnet-w2", 32),
)


def on_meta(model, size=32, channels=3, **changes):
    with torch.device("meta"):
        return PrivateNetwork(model, protection(**changes), channels, size, 10)


def key(count):
    return 2 * math.pi * noise(count, seed=7), torch.arange(count) % 2 == 0


def hidden(net, images):
    """Return features, their counterparts, and what the cloud gives back of them."""
    a = net.encode(images)
    b = a.flip(0)
    angles, swapped = key(len(a))
    return a, b, net.process(net.hide(a, b, angles, swapped))


# Rotation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["default", "report", "detached"])
@pytest.mark.parametrize(("model", "size"), SMALL)
def test_the_processing_of_every_network_commutes_with_a_rotation(model, size, variant):
    changes = {
        "default": {},
        "report": REPORT | {"critic": "narrow"},
        "detached": {"coefficients": "detached", "norm_parts": "half", "norm_test": "batch"},
    }[variant]
    net = network(model, size=size, **changes)
    x = noise(8, *net.feature_shape)
    errors = [equivariance_error(net.train(training).processor, x) for training in (True, False)]
    if model == "lenet-report":
        assert min(errors) > 0.5
    else:
        assert max(errors) < ACCEPTED


@pytest.mark.parametrize("depth", [32, 56, 110])
def test_deep_networks_commute_with_a_rotation(depth):
    net = network(f"resnet{depth}-beta-authors-w2", size=8)
    assert equivariance_error(net.processor, noise(8, *net.feature_shape)) < ACCEPTED


def test_the_right_key_reveals_both_images_and_a_wrong_one_neither():
    net = network("resnet20-alpha-w4", size=12).eval()
    images = noise(6, 3, 12, 12)
    a, b, h = hidden(net, images)
    angles, swapped = key(6)
    first, second = net.reveal(h, angles, swapped)
    none = torch.zeros(6), torch.zeros(6, dtype=torch.bool)
    plain = net.process(net.hide(a, b, *none))
    unswapped = net.process(net.hide(b, a, *none))
    rows = swapped[:, None, None, None]
    assert torch.allclose(first, torch.where(rows, unswapped[6:], plain[:6]), atol=1e-4)
    assert torch.allclose(second, torch.where(rows, unswapped[:6], plain[6:]), atol=1e-4)
    wrong, _ = net.reveal(h, angles + math.pi, swapped)
    assert torch.allclose(wrong, -first, atol=1e-4)


def test_features_leave_the_device_as_equation_one_has_them():
    net = network("resnet20-alpha-w4", size=12)
    a, b = (torch.full((2, 1, 1, 1), value) for value in (2.0, 3.0))
    angles, swapped = torch.tensor([math.pi / 2] * 2), torch.tensor([False, True])
    # i (2 + 3i) = -3 + 2i, and i (3 + 2i) = -2 + 3i where they changed places.
    assert torch.allclose(
        net.hide(a, b, angles, swapped).flatten(), torch.tensor([-3.0, -2.0, 2.0, 3.0])
    )


# Shapes and cuts --------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("model", "size"), SMALL)
def test_every_network_learns_from_every_kind_of_image(model, size, channels):
    net = network(model, channels, size)
    a, _, h = hidden(net, noise(4, channels, size, size))
    assert a.shape[1:] == net.feature_shape and len(h) == 8 and h.dim() == 4
    logits = net.classify(net.reveal(h, *key(4))[0])
    assert logits.shape == (4, 10)
    logits.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())
    assert all(p.grad.abs().sum() > 0 for p in net.processor.parameters())


@pytest.mark.parametrize(
    ("model", "size", "shape", "processed"),
    [
        ("resnet32-alpha", 32, (16, 32, 32), (64, 8, 8)),
        ("resnet32-beta", 32, (16, 32, 32), (32, 16, 16)),
        ("resnet32-alpha-authors", 32, (32, 16, 16), (64, 8, 8)),
        ("resnet32-beta-authors", 32, (32, 16, 16), (64, 8, 8)),
        ("resnet32-alpha", 28, (16, 28, 28), (64, 7, 7)),
        ("lenet-authors", 32, (32, 16, 16), (10, 1, 1)),
        ("lenet-authors", 28, (32, 14, 14), (10, 1, 1)),
        ("lenet-authors", 64, (32, 32, 32), (10, 1, 1)),
        ("lenet-report", 32, (3, 14, 14), (10, 1, 1)),
        ("lenet-report", 64, (3, 30, 30), (10, 1, 1)),
        ("vgg16", 224, (256, 56, 56), (512, 7, 7)),
        ("vgg16", 32, (256, 8, 8), (512, 1, 1)),
        ("alexnet", 224, (384, 13, 13), (256, 6, 6)),
        ("alexnet", 64, (384, 13, 13), (256, 6, 6)),
        ("alexnet", 32, (384, 5, 5), (256, 2, 2)),
    ],
)
def test_networks_are_cut_where_the_papers_and_codes_have_it(model, size, shape, processed):
    net = on_meta(model, size)
    features = net.encode(torch.empty(2, 3, size, size, device="meta"))
    assert net.feature_shape == shape and features.shape == (2, *shape)
    h = net.process(torch.cat([features, features]))
    assert h.shape == (4, *processed)
    assert net.classify(h[:2]).shape == (2, 10)


@pytest.mark.parametrize(
    ("model", "size", "least"),
    [
        ("resnet20-alpha", 7, 8),
        ("lenet-authors", 11, 12),
        ("lenet-report", 28, 32),
        ("vgg16", 28, 32),
        ("alexnet", 31, 32),
    ],
)
def test_images_that_are_too_small_are_refused(model, size, least):
    with pytest.raises(ReveilError, match=f"size: {size} is not allowed .* {least} pixels or more"):
        build(model, protection(), 3, size, 10, 0)
    assert on_meta(model, least).feature_shape[1] > 0


def test_other_arguments_are_refused_with_what_is_allowed():
    with pytest.raises(ReveilError, match="channels: 4 is not allowed; allowed: 1, 3"):
        build("resnet20-alpha", protection(), 4, 32, 10, 0)
    with pytest.raises(ReveilError, match="classes: 1 is not allowed"):
        build("resnet20-alpha", protection(), 3, 32, 1, 0)


def test_the_original_resnet_is_the_ordinary_one():
    ours, theirs = network("resnet20-alpha", size=12, **NOTHING), ResNet20(3, 10, 16)
    # The ordinary one has 1x1 convolutions in its shortcuts where ours has option A.
    for block in (m for m in theirs.modules() if isinstance(m, BasicBlock)):
        if not isinstance(block.shortcut, nn.Identity):
            inputs, outputs = block.conv1.in_channels, block.conv1.out_channels
            weight = torch.zeros(outputs, inputs, 1, 1)
            weight[inputs // 2 : inputs // 2 + inputs, :, 0, 0] = torch.eye(inputs)
            block.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)
            block.shortcut.weight = nn.Parameter(weight, requires_grad=False)
    trained = [p for p in theirs.parameters() if p.requires_grad]
    for mine, other in zip(ours.parameters(), trained, strict=True):
        other.data.copy_(mine.data)
    images = noise(4, 3, 12, 12)
    assert torch.allclose(ours(images), theirs(images), atol=1e-4)


# Protections ------------------------------------------------------------------------------------


def test_a_network_that_rotates_asks_for_a_key():
    net = network("resnet20-alpha-w4", size=12)
    with pytest.raises(TypeError, match="needs a key"):
        net(noise(1, 3, 12, 12))


@pytest.mark.parametrize("kind", ["none", "conv", "narrow", "wide"])
@pytest.mark.parametrize("end", ["norm", "linear", "relu"])
def test_the_encoder_ends_as_asked_and_the_generator_keeps_the_shape(kind, end):
    net = network("resnet20-alpha-w4", size=12, generator=kind, end=end)
    a = net.encode(noise(8, 3, 12, 12))
    assert a.shape[1:] == net.feature_shape == (4, 12, 12)
    assert (a.min() >= 0) == (end == "relu")
    assert isinstance(net.generator, nn.Identity) == (kind == "none")
    if end == "norm":
        assert torch.allclose(a.mean((0, 2, 3)), torch.zeros(4), atol=1e-5)
        assert torch.allclose(a.std((0, 2, 3)), torch.ones(4), atol=1e-2)


def test_fresh_noise_has_the_deviation_of_each_feature_map():
    net = network("resnet20-alpha-w4", size=12, **NOTHING | {"kind": "noisy"}, gamma=0.5)
    a, drawn = (
        noise(2, 4, 12, 12) * torch.arange(1.0, 9).view(2, 4, 1, 1),
        noise(2, 4, 12, 12, seed=1),
    )
    expected = a + 0.5 * drawn * a.std((2, 3), correction=0, keepdim=True)
    assert torch.allclose(net.noisy(a, drawn), expected)
    assert torch.equal(net.noisy(a, drawn)[:1], net.noisy(a[:1], drawn[:1]))


def test_shared_noise_is_around_the_mean_of_the_batch_and_later_of_training():
    changes = NOTHING | {"kind": "noisy", "noise": "shared", "gamma": 0.5}
    net = network("resnet20-alpha-w4", size=12, **changes)
    a, drawn = noise(3, 4, 12, 12) + 2, noise(4, 12, 12, seed=1)
    assert torch.allclose(net.noisy(a, drawn), a + 0.5 * (a.mean(0) + drawn), atol=1e-6)
    net.eval()
    assert torch.allclose(net.noisy(a, drawn), a + 0.5 * (0.1 * a.mean(0) + drawn), atol=1e-6)
    assert torch.equal(net.noisy(a, drawn)[:1], net.noisy(a[:1], drawn))


def test_features_without_noise_stay_as_they_are():
    net = network("resnet20-alpha-w4", size=12, **NOTHING)
    a = noise(2, 4, 12, 12)
    assert torch.equal(net.noisy(a, noise(2, 4, 12, 12, seed=1)), a)


def test_weights_come_from_a_stream_of_their_own():
    state = torch.get_rng_state()
    first, again = network("resnet20-alpha-w4"), network("resnet20-alpha-w4")
    other = build("resnet20-alpha-w4", protection(), 3, 16, 10, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    for mine, same in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, same)
    assert not torch.equal(first.encoder[0].weight, other.encoder[0].weight)
    plain = network("resnet20-alpha-w4", **NOTHING)
    assert torch.equal(first.encoder[0].weight, plain.encoder[0].weight)


# Critics ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["narrow", "wide", "report"])
@pytest.mark.parametrize("adversary", ["wgan-gp", "wgan-clip"])
def test_critics_score_every_sample(kind, adversary):
    net = network("resnet20-alpha-w4", size=12, critic=kind, adversary=adversary)
    judge = build_critic(net, seed=3)
    scores = judge(noise(5, *net.feature_shape))
    assert scores.shape == (5,) and scores.std() > 0
    scores.sum().backward()
    assert all(p.grad.isfinite().all() for p in judge.parameters())
    normalised = any(isinstance(m, nn.BatchNorm2d) for m in judge.modules())
    assert normalised == (adversary == "wgan-clip" and kind != "report")
    same = build_critic(net, seed=3)
    assert all(
        torch.equal(p, q) for p, q in zip(judge.parameters(), same.parameters(), strict=True)
    )


def test_under_a_gradient_penalty_no_score_depends_on_other_samples():
    judge = build_critic(network("resnet20-alpha-w4", size=12), seed=0)
    x = noise(4, 4, 12, 12)
    assert torch.allclose(judge(x)[:1], judge(x[:1]), atol=1e-5)


def test_the_reports_critics_have_its_layers():
    shapes = []
    judge = build_critic(network("resnet20-alpha", size=32, critic="report"), seed=0)
    for layer in judge[:-1]:
        layer.register_forward_hook(lambda _m, _i, y: shapes.append(tuple(y.shape[1:])))
    judge(noise(1, 16, 32, 32))
    pooled, block, last = shapes[2], shapes[3], shapes[5]
    assert (pooled, block, last) == ((32, 15, 15), (64, 8, 8), (128, 6, 6))
    lenet = build_critic(network("lenet-report", size=32, critic="report"), seed=0)
    assert next(m for m in lenet if isinstance(m, nn.Linear)).in_features == 800


def test_features_too_small_for_the_reports_critic_are_refused():
    with pytest.raises(ReveilError, match="critic: 'report' is not allowed with features of 11"):
        critic("report", (4, 11, 11), normalised=False)
    assert critic("report", (4, 12, 12), normalised=False)(noise(1, 4, 12, 12)).shape == (1,)


# Costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "millions", "share"),
    [
        ("resnet20-alpha", 41, 34.9),
        ("resnet20-beta", 41, 32.0),
        ("resnet20-alpha-authors", 41, 32.0),
        ("resnet20-beta-authors", 41, 43.6),
        ("resnet32-alpha", 69, 34.3),
        ("resnet44-alpha", 97, 34.0),
        ("resnet56-alpha", 126, 33.8),
        ("resnet110-alpha", 253, 33.6),
        ("resnet110-beta", 253, 33.1),
        ("resnet110-beta-authors", 253, 63.0),
    ],
)
def test_resnets_cost_what_the_methods_document_says(model, millions, share):
    costs = multiply_adds(on_meta(model, generator="none"))
    whole = costs["device"] + costs["processing"] + costs["decoder"]
    assert whole / 1e6 == pytest.approx(millions, abs=0.6)
    assert 100 * costs["processing"] / whole == pytest.approx(share, abs=0.06)
    assert costs["cloud"] == 2 * costs["processing"] and costs["generator"] == 0


def test_the_cost_of_the_first_convolution_by_hand():
    costs = multiply_adds(on_meta("lenet-authors", generator="none"))
    assert costs["device"] == 32 * 32 * 32 * 3 * 5 * 5
    assert (costs["device"] + costs["processing"]) / 1e6 == pytest.approx(29, abs=0.1)


@pytest.mark.parametrize(("weights", "times"), [("real", 2), ("complex", 3)])
def test_complex_features_cost_the_cloud_more(weights, times):
    plain = multiply_adds(on_meta("resnet20-beta", **NOTHING))
    hides = multiply_adds(on_meta("resnet20-beta", weights=weights))
    assert plain["cloud"] == plain["processing"] == hides["processing"]
    assert hides["cloud"] == times * plain["cloud"]


def test_the_wide_generator_costs_more_than_the_network():
    net = on_meta("resnet20-alpha-authors", generator="wide")
    assert multiply_adds(net)["generator"] / 1e6 == pytest.approx(250, abs=0.6)
    with torch.device("meta"):
        judge = critic("wide", net.feature_shape, normalised=True)
        _, cost = forward(judge, torch.empty(1, 32, 16, 16))
    assert cost / 1e6 == pytest.approx(248, abs=0.6)
