"""Decoders: the published sizes, the shapes they take, and the range of what they give."""

import pytest
import torch

from reveil.cvnn.attackers.decoders import DECODERS, UNet, make_decoder
from reveil.errors import ReveilError

IMAGE = (3, 32, 32)


def parameters(module):
    return sum(value.numel() for value in module.parameters())


def multiply_adds(module, features):
    """Those of all convolutions, on tensors without content."""
    total = []

    def count(layer, inputs, output):
        here = layer.weight.numel() * output[0, 0].numel()
        # A transposed 2x2 convolution of stride 2 uses one of its four weights for an output.
        total.append(here // (4 if isinstance(layer, torch.nn.ConvTranspose2d) else 1))

    for layer in module.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    module(torch.zeros(1, *features, device="meta"))
    return sum(total)


def test_the_authors_unet_has_the_published_size():
    with torch.device("meta"):
        decoder = UNet(32, IMAGE, 64, report=False).eval()
    assert parameters(decoder) == pytest.approx(38.5e6, rel=2e-3)
    assert multiply_adds(decoder, (32, 32, 32)) == pytest.approx(1.26e9, rel=5e-3)


def test_the_reports_unet_has_the_published_cost_and_shares_its_middle_layers():
    with torch.device("meta"):
        decoder = UNet(32, IMAGE, 64, report=True).eval()
    assert multiply_adds(decoder, (32, 32, 32)) == pytest.approx(2.1e9, rel=2e-2)
    for block in (decoder.first, *decoder.down, *decoder.up):
        assert [getattr(layer, "times", 1) for layer in block] == [1, 4, 1]
    assert len(UNet(32, IMAGE, 4, report=False).up[0]) == 6


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(
    ("features", "image"),
    [
        ((4, 28, 28), (1, 28, 28)),
        ((4, 14, 14), (1, 28, 28)),
        ((4, 32, 32), (3, 32, 32)),
        ((4, 16, 16), (3, 32, 32)),
        ((5, 14, 14), (3, 32, 32)),
        ((4, 64, 64), (3, 64, 64)),
        ((6, 5, 5), (3, 48, 48)),
    ],
)
def test_features_of_any_size_give_images_of_theirs(name, features, image):
    decoder = make_decoder(name, features, image, 2, 0, "test")
    x = 10 * torch.randn(2, *features, generator=torch.Generator().manual_seed(0))
    assert decoder(x).shape == (2, *image)
    shown = decoder.eval()(x)
    assert shown.shape == (2, *image) and shown.min() >= 0 and shown.max() <= 1


@pytest.mark.parametrize("name", ["unet", "plain"])
def test_linear_outputs_are_clipped_in_eval_mode_only(name):
    decoder = make_decoder(name, (4, 8, 8), (3, 8, 8), 2, 0)
    with torch.no_grad():
        decoder.last.bias.fill_(9.0)
    x = torch.randn(4, 4, 8, 8)
    assert decoder(x).mean().item() == pytest.approx(5, abs=1)
    assert (decoder.eval()(x) == 1).all()


def test_a_linear_output_of_zero_is_grey():
    for name in DECODERS:
        decoder = make_decoder(name, (4, 8, 8), (3, 8, 8), 2, 0)
        torch.nn.init.zeros_(decoder.last.weight)
        torch.nn.init.zeros_(decoder.last.bias)
        assert torch.allclose(decoder(torch.randn(4, 4, 8, 8)), torch.tensor(0.5))


def test_width_scales_all_blocks():
    narrow, wide = (parameters(UNet(32, IMAGE, width, report=False)) for width in (8, 16))
    assert 3.5 < wide / narrow < 4


def test_the_plain_decoder_is_cheaper_than_a_unet():
    plain = make_decoder("plain", (32, 16, 16), IMAGE, 64, 0).eval().to("meta")
    assert multiply_adds(plain, (32, 16, 16)) < 0.2 * 1.26e9


def test_weights_are_the_streams_own_and_leave_the_global_state_alone():
    before = torch.get_rng_state()
    one, same, other = (make_decoder("plain", (4, 8, 8), (3, 8, 8), 2, s, "a") for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.last.weight, same.last.weight)
    assert not torch.equal(one.last.weight, other.last.weight)


@pytest.mark.parametrize(
    ("name", "width", "message"),
    [("unett", 4, "did you mean 'unet'"), ("plain", 0, "attack.width: 0 is not allowed")],
)
def test_what_is_not_a_decoder_is_refused(name, width, message):
    with pytest.raises(ReveilError, match=message):
        make_decoder(name, (4, 8, 8), (3, 8, 8), width, 0)
