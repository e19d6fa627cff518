"""PSNR up to a shift and a mirror image, against a loop over all of them."""

import math

import numpy as np
import pytest
import torch

from reveil.registration import SMALLEST_OVERLAP, psnr_registered
from reveil.rng import generator
from reveil.similarity import psnr


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(0, "test", *shape), dtype=torch.float64)


def slow(guess: torch.Tensor, reference: torch.Tensor, mask: torch.Tensor) -> float:
    """Return the best PSNR of one image, one shift after the other."""
    height, width = reference.shape[1:]
    best = -math.inf
    for source in (guess, guess.flip(-1)):
        for dy in range(1 - height, height):
            for dx in range(1 - width, width):
                part = np.s_[..., max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
                back = np.s_[
                    ..., max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)
                ]
                if mask[part].sum() >= SMALLEST_OVERLAP * mask.sum():
                    parts = source[back][None], reference[part][None], mask[part][None]
                    best = max(best, psnr(*parts).item())
    return best


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_all_shifts_at_once_equal_a_loop(height, width, channels, masked):
    shape = (5, channels, height, width)
    guess, reference = 3 * images(*shape) - 1, images(*shape).flip(0)
    mask = images(5, 1, height, width) > 0.7 if masked else torch.ones(5, 1, height, width) > 0
    found = psnr_registered(guess, reference, mask if masked else None)
    expected = [slow(*one) for one in zip(guess, reference, mask, strict=True)]
    assert found.tolist() == pytest.approx(expected)
    assert (found >= psnr(guess, reference, mask) - 1e-9).all()


def test_fill_is_not_matched_by_any_black_part_of_a_guess():
    """Upper half fill: a guess with a black half is exact there, and no nearer to the content."""
    reference, guess = images(1, 3, 16, 16), images(2, 3, 16, 16)[1:]
    mask = torch.ones(1, 1, 16, 16, dtype=torch.bool)
    mask[:, :, :8] = False
    reference = reference.where(mask, 0.0)
    guess[:, :, 8:] = 0
    assert psnr_registered(guess, reference).item() == math.inf
    assert psnr_registered(guess, reference, mask).item() < 10
    assert math.isnan(psnr_registered(guess, reference, mask & False))


@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-16, 0), (0, 16), (9, 9)], ids=str)
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_shifted_or_mirrored_copy_is_exact(shift, mirrored):
    large = images(2, 3, 64, 64)
    dy, dx = shift
    reference = large[:, :, 16:48, 16:48]
    guess = large[:, :, 16 + dy : 48 + dy, 16 + dx : 48 + dx]
    guess = guess.flip(-1) if mirrored else guess
    assert psnr_registered(guess, reference).tolist() == [math.inf, math.inf]
    if mirrored or any(shift):
        assert (psnr(guess, reference) < 10).all()


@pytest.mark.parametrize("shift", [(17, 0), (10, 10), (0, -17)], ids=str)
def test_less_than_half_the_image_does_not_count(shift):
    large = images(1, 1, 66, 66)
    dy, dx = shift
    guess = large[:, :, 17 + dy : 49 + dy, 17 + dx : 49 + dx]
    assert psnr_registered(guess, large[:, :, 17:49, 17:49]).item() < 10


def test_a_turned_image_is_not_found():
    image = images(1, 1, 16, 16)
    assert psnr_registered(image.flip(-2), image).item() < 10


def test_a_shift_and_an_offset_by_hand():
    """Right by one pixel and 0.1 brighter: 20 dB, of float32 too."""
    reference = images(1, 3, 8, 8)
    guess = torch.zeros_like(reference)
    guess[..., 1:] = reference[..., :-1] + 0.1
    found = psnr_registered(guess.float(), reference)
    assert found.item() == pytest.approx(20.0, abs=1e-4)


def test_guesses_do_not_influence_each_other_and_a_broken_one_is_nan():
    guess, reference = images(3, 1, 8, 8), images(3, 1, 8, 9)[..., :8]
    guess[1] = torch.nan
    found = psnr_registered(guess, reference)
    assert math.isnan(found[1])
    assert found[2].item() == pytest.approx(psnr_registered(guess[2:], reference[2:]).item())
