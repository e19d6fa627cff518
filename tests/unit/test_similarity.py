"""PSNR and structural similarity, by hand and against scikit-image."""

import math

import numpy as np
import pytest
import torch

from reveil.similarity import psnr, ssim


def test_psnr_of_identical_images_is_infinite():
    image = torch.rand(2, 3, 8, 8)
    assert psnr(image, image).tolist() == [math.inf, math.inf]


def test_psnr_of_an_offset_of_a_tenth_is_20_db_for_each_image():
    image = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    offsets = torch.tensor([0.1, -0.01], dtype=torch.float64).view(2, 1, 1, 1)
    assert psnr(image + offsets, image).tolist() == pytest.approx([20.0, 40.0])


def test_psnr_does_not_clip():
    assert psnr(torch.full((1, 1, 4, 4), 11.0), torch.ones(1, 1, 4, 4)).item() == -20.0


def test_psnr_counts_only_the_masked_pixels():
    image = torch.zeros(2, 3, 4, 4, dtype=torch.float64)
    guess = image + 0.1
    guess[:, :, 2:] = torch.nan
    mask = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    mask[0, :, :2] = True
    found = psnr(guess, image, mask).tolist()
    assert found[0] == pytest.approx(20.0)
    assert math.isnan(found[1])


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_equals_that_of_scikit_image(channels):
    structural_similarity = pytest.importorskip("skimage.metrics").structural_similarity
    rng = np.random.default_rng(0)
    reference = rng.random((2, channels, 28, 32))
    guess = np.clip(reference + rng.normal(0, 0.2, reference.shape), 0, 1)
    found = ssim(torch.from_numpy(guess), torch.from_numpy(reference))
    for i in range(2):
        expected = structural_similarity(
            guess[i],
            reference[i],
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert found[i].item() == pytest.approx(expected, abs=1e-12)


def test_ssim_is_one_for_the_image_itself_and_clips_the_guess():
    image = (torch.arange(3 * 256).view(1, 3, 16, 16) % 2).double()
    assert ssim(image, image).item() == pytest.approx(1.0)
    assert ssim(3 * image - 1, image).item() == pytest.approx(1.0)
