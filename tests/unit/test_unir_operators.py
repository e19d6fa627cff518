"""Operators: what is missing where, at which rate, and what y says about it."""

import pytest
import torch

from reveil.errors import ReveilError
from tests.measuring import PRESETS, images, operator, source

MASKING = [preset for preset in PRESETS if operator(preset).settings.masks]
OTHERS = [preset for preset in PRESETS if preset not in MASKING]
SCATTERED = [p for p in MASKING if p.startswith(("remove", "block-pixels", "row"))]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 12, 12)], ids=["grey", "colour"])
def test_a_measurement_has_the_shape_that_is_said(preset, shape):
    made = operator(preset, shape)
    y = made.apply(images(5, shape), made.sample_theta(5, source()))
    assert y.shape == (5, *made.output_shape) and y.dtype == torch.float32
    assert y.isfinite().all()


@pytest.mark.parametrize("preset", PRESETS)
def test_draws_follow_the_generator_and_measuring_draws_nothing(preset):
    made, x = operator(preset), images(4)
    theta = made.sample_theta(4, source(3))
    assert theta.device.type == "cpu" and len(theta) == 4
    assert torch.equal(theta, made.sample_theta(4, source(3)))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    y = made.apply(x, theta)
    assert torch.equal(y, made.apply(x, theta))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "preset", sorted({*PRESETS} - {"identity", "blur-noise-0", "block-pixels-0"})
)
def test_images_of_a_batch_are_measured_apart(preset):
    theta = operator(preset).sample_theta(40, source()).flatten(1)
    assert len({tuple(row) for row in theta.tolist()}) > 1


@pytest.mark.parametrize("preset", MASKING)
def test_the_mask_says_what_is_missing_and_is_read_off_y(preset):
    made, x = operator(preset), images(6)
    theta = made.sample_theta(6, source())
    mask, y = made.mask(theta), made.apply(x, theta)
    assert mask.shape in [(6, 3, 8, 8), (6, 1, 8, 8)] and mask.dtype == torch.float32
    assert torch.equal(y, mask * x) and set(mask.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(made.observed(y), mask)
    assert torch.allclose(made.missing_rate(theta), (mask == 0).float().mean((1, 2, 3)))


@pytest.mark.parametrize("preset", OTHERS)
def test_what_is_not_an_image_with_values_missing_has_no_mask(preset):
    made = operator(preset)
    theta = made.sample_theta(2, source())
    y = made.apply(images(2), theta)
    assert made.mask(theta) is made.observed(y) is made.missing_rate(theta) is None
    assert not made.observable


def test_nothing_is_missing_from_the_identity():
    made, x = operator("identity"), images(3)
    theta = made.sample_theta(3, source())
    y = made.apply(x, theta)
    assert torch.equal(y, x) and made.missing_rate(theta).tolist() == [0, 0, 0]
    # A grey value of 0, which no 8-bit image has, is observed too.
    assert made.observed(torch.zeros_like(x)).min() == 1


@pytest.mark.parametrize(
    ("preset", "missing"),
    [("remove-pixel-90", 172), ("remove-pixel-50", 96), ("remove-pixel-dark-90", 57)],
)
def test_exact_counts_are_the_same_in_every_image(preset, missing):
    # floor(0.9 * 192), floor(0.5 * 192) values and floor(0.9 * 64) sites of 3 x 8 x 8.
    theta = operator(preset).sample_theta(20, source())
    assert (~theta).flatten(1).sum(1).tolist() == [missing] * 20


@pytest.mark.parametrize("preset", [p for p in SCATTERED if not p.startswith("row")])
def test_every_value_is_missing_at_the_rate_of_the_name(preset):
    made, n = operator(preset, (2, 10, 10)), 1000
    share = made.settings.share
    theta = made.sample_theta(n, source())
    rates = (~theta).float().mean(0)
    spread = (share * (1 - share) / n) ** 0.5
    # Of up to 200 places none is six standard deviations away: one in a million runs.
    assert (rates - share).abs().max() <= 6 * spread + 1e-9
    assert rates.mean() == pytest.approx(share, abs=6 * spread / rates.numel() ** 0.5 + 1e-6)


def test_bernoulli_counts_differ_as_binomial_ones_do():
    theta = operator("block-pixels-50", (1, 10, 10)).sample_theta(2000, source())
    counts = (~theta).flatten(1).sum(1).double()
    assert counts.mean() == pytest.approx(50, abs=6 * 5 / 2000**0.5)
    assert counts.var() == pytest.approx(25, rel=6 * (2 / 2000) ** 0.5)


def test_channels_are_removed_together_or_each_for_itself():
    assert operator("remove-pixel-dark-50").sample_theta(1, source()).shape == (1, 1, 8, 8)
    each = operator("remove-pixel-50").sample_theta(1, source())[0]
    assert not torch.equal(each[0], each[1])


def test_rescaled_values_keep_the_mean_and_are_given_back():
    made, x = operator("block-pixels-80", rescale=True), images(4)
    theta = made.sample_theta(4, source())
    y = made.apply(x, theta)
    assert torch.allclose(y, made.mask(theta) * x * 5, atol=1e-6)
    assert torch.allclose(made.observed_values(y), made.mask(theta) * x, atol=1e-6)
    assert torch.equal(made.observed(y), made.mask(theta))


def test_a_fill_that_images_have_hides_the_mask():
    made, x = operator("remove-pixel-dark-50", fill=-1), images(4)
    theta = made.sample_theta(4, source())
    y = made.apply(x, theta)
    assert torch.equal(y, torch.where(made.mask(theta).bool(), x, -1.0))
    assert made.observed(y) is None and not made.observable


def test_another_fill_between_the_8_bit_values_is_read_off_y():
    made, x = operator("patch-half", fill=0.3), images(4)
    theta = made.sample_theta(4, source())
    assert torch.equal(made.observed(made.apply(x, theta)), made.mask(theta))


@pytest.mark.parametrize("preset", MASKING)
def test_masks_work_in_every_precision(preset):
    made = operator(preset)
    theta = made.sample_theta(2, source())
    for dtype in (torch.bfloat16, torch.float64):
        y = made.apply(images(2).to(dtype), theta)
        assert y.dtype == dtype and torch.equal(made.observed(y), made.mask(theta))


def test_images_that_cannot_be_measured_are_named():
    with pytest.raises(ReveilError, match="operator 'pad-rotate-project': kind: .* square"):
        operator("pad-rotate-project", (1, 8, 9))
