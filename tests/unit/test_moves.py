import pytest
import torch
from torch.nn import functional

from reveil.attacks.moves import apply, is_blend, shift
from reveil.library import LIBRARY, operation_label
from reveil.transforms import transform


@pytest.fixture(scope="module")
def images():
    """Smooth pictures with a little noise, so that no step of a staircase is hit by chance."""
    stream = torch.Generator().manual_seed(0)
    coarse = torch.rand(4, 3, 4, 4, generator=stream)
    smooth = functional.interpolate(coarse, size=(16, 16), mode="bilinear")
    noise = 0.05 * torch.randn(4, 3, 16, 16, generator=stream)
    return ((smooth + noise).clamp(0, 1) * 255).to(torch.uint8)


@pytest.mark.parametrize("t", [(0.0, 0.0), (0.25, -0.5), (-0.3, 0.111), (1.1, 0.2), (2.5, 0.0)])
def test_a_shift_is_that_of_an_affine_grid(t):
    x = torch.randn(2, 3, 8, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    matrix = torch.tensor([[1, 0, t[0]], [0, 1, t[1]]], dtype=torch.float64).expand(2, 2, 3)
    grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
    expected = functional.grid_sample(x, grid, align_corners=False)
    found = shift(x, torch.tensor([t, t], dtype=torch.float64))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_shift_moves_by_half_widths_and_fills():
    row = torch.tensor([1.0, 2.0, 3.0, 4.0]).expand(2, 1, 4, 4)
    # Of four pixels t = 0.5 is one and t = -0.25 half a pixel; each image has its own.
    t = torch.tensor([[0.5, 0.0], [-0.25, 0.0]])
    moved = shift(row, t, fill=-1.0)
    assert moved[0, 0, 2].tolist() == [2.0, 3.0, 4.0, -1.0]
    assert moved[1, 0, 2].tolist() == [0.0, 1.5, 2.5, 3.5]
    down = shift(
        row.mT, torch.tensor([[0.0, -1.0], [0.0, 2.0]]), fill=torch.full((1, 1, 1, 1), 9.0)
    )
    assert down[0, 0, :, 0].tolist() == [9.0, 9.0, 1.0, 2.0]
    assert down[1].unique().tolist() == [9.0]


def test_a_shift_has_the_gradient_of_its_definition():
    stream = torch.Generator().manual_seed(2)
    x = torch.randn(2, 1, 5, 6, dtype=torch.float64, generator=stream).requires_grad_()
    t = torch.tensor([[0.13, -0.3], [0.5, 0.71]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, t: shift(x, t, 0.7), (x, t))


# Bytes are truncated, and the mean or blurred image that a blend uses is rounded besides.
ROUNDING = 1.6 / 255


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("index", range(len(LIBRARY)), ids=lambda i: f"{i}-{LIBRARY[i].name}")
def test_every_operation_is_that_on_bytes_up_to_rounding(index, sign, images):
    expected = transform(images, index, torch.full((len(images),), sign)).double() / 255
    found = apply(images.double() / 255, [index], [sign])
    torch.testing.assert_close(found, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("index", [0, 2, 3, 9, 13, 18], ids=lambda i: operation_label(LIBRARY[i]))
def test_grey_images_are_transformed_too(index, images):
    grey = images[:, :1]
    expected = transform(grey, index, torch.ones(len(grey))).double() / 255
    found = apply(grey.double() / 255, [index], [1])
    torch.testing.assert_close(found, expected, rtol=0, atol=ROUNDING)


def test_operations_follow_each_other(images):
    values = images.double() / 255
    signs = [1, -1, -1]
    once = apply(values, [3, 1, 7], signs)
    stepwise = values
    for index, sign in zip([3, 1, 7], signs, strict=True):
        stepwise = apply(stepwise, [index], [sign])
    torch.testing.assert_close(once, stepwise, rtol=0, atol=0)
    # Contrast greys the border that the shift before it left; that of the later shift stays black.
    assert float(once[:, :, 2:, -7:].min()) > 0.05
    assert float(once[:, :, :2].abs().max()) == 0.0
    assert torch.equal(apply(values, [], []), values)


@pytest.mark.parametrize("index", [1, 4, 12, 13, 18, 15])
def test_a_learned_sign_means_the_drawn_one_at_its_ends(index, images):
    assert is_blend(index)
    values = images.double() / 255
    ends = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    found = apply(values, [index], [ends])
    for i, end in enumerate(ends.tolist()):
        torch.testing.assert_close(found[i], apply(values, [index], [end])[i])
    middle = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    same = apply(values, [index], [middle])
    torch.testing.assert_close(same, values)
    (gradient,) = torch.autograd.grad(same.square().sum(), middle)
    assert (gradient != 0).all()


def test_only_blends_that_do_something_have_a_factor_to_learn():
    assert [i for i in (0, 2, 3, 6, 9, 11, 28, 37, 39) if is_blend(i)] == []


def test_brightness_by_hand_with_its_cut_and_gradient():
    values = torch.tensor([0.2, 0.9]).view(1, 1, 1, 2).requires_grad_()
    sign = torch.tensor([1.0], requires_grad=True)
    brighter = apply(values, [15], [sign])
    assert brighter.flatten().tolist() == pytest.approx([0.3, 1.0])
    to_values, to_sign = torch.autograd.grad(brighter.sum(), [values, sign])
    assert to_values.flatten().tolist() == [1.5, 1.5]
    assert to_sign.item() == pytest.approx(0.5 * 1.1)


@pytest.mark.parametrize("index", [9, 11])
def test_gradients_pass_staircases(index, images):
    values = (images.double() / 255).requires_grad_()
    (gradient,) = torch.autograd.grad(apply(values, [index], [1]).sum(), values)
    assert torch.equal(gradient, torch.ones_like(values))


@pytest.mark.parametrize("index", [0, 2, 3, 6, 8, 37])
def test_gradients_of_the_others_are_derivatives(index):
    values = torch.rand(2, 3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    values = (0.1 + 0.8 * values).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: apply(v, [index], [1]), (values,))
