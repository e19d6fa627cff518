import math

import numpy as np
import pytest
import torch

from reveil import datasets, policies
from reveil.attacks.interface import Reconstruction
from reveil.errors import ReveilError
from reveil.metrics import FLOOR_DRAWS, floors, judge, psnr, ssim
from reveil.rng import generator
from reveil.scene import stage
from reveil.views import view_for

RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}
IMAGES = (5, 6, 7)


@pytest.fixture(scope="module")
def view():
    return view_for(datasets.get("cifar10"), RECIPE)


@pytest.fixture(scope="module")
def victims(view):
    raw = np.random.default_rng(0).integers(1, 256, (3, 3, 32, 32), dtype=np.uint8)
    scene = {"augment": {"policy": "policy"}, "draws": "per_image", "hybrid_draw": "per_image"}
    policy = policies.parse("3")
    return stage(raw, np.arange(3), IMAGES, view=view, policy=policy, seed=0, scene=scene)


def guessed(x, failed=()):
    count = len(x)
    return Reconstruction(
        x=x,
        cost=torch.tensor([math.nan if i in failed else 0.25 for i in range(count)]),
        iterations=torch.full((count,), 9),
        seconds=torch.full((count,), 1.5),
        status=["failed" if i in failed else "ok" for i in range(count)],
        reason=["not finite" if i in failed else "" for i in range(count)],
        curve=torch.zeros(count, 1),
        curve_iterations=torch.tensor([9]),
    )


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


def test_floors_are_those_of_constant_images_and_of_noise(view):
    reference = torch.full((2, 3, 32, 32), 0.5, dtype=torch.float64)
    found = floors(reference, (3, 4), view, seed=0)
    mean = np.square(np.array(view.dataset.mean) - 0.5).mean()
    assert found["mean"][0].item() == pytest.approx(-10 * math.log10(mean), abs=1e-4)
    assert found["black"][0].item() == pytest.approx(-10 * math.log10(0.25))
    draws = [torch.randn(3, 32, 32, generator=generator(0, "floor", 3, i)) for i in range(8)]
    pixels = view.denormalise(torch.stack(draws)).clamp(0, 1)
    expected = (-10 * torch.log10((pixels - 0.5).square().mean((1, 2, 3)))).mean()
    assert found["random"][0].item() == pytest.approx(expected.item(), abs=1e-4)
    assert found["random"][0] != found["random"][1]
    alone = floors(reference[1:], (4,), view, seed=0)
    assert alone["random"].item() == pytest.approx(found["random"][1].item())
    assert floors(reference, (3, 4), view, seed=1)["random"][0] != found["random"][0]
    assert FLOOR_DRAWS == 8


def test_a_perfect_guess_is_judged_perfect(view, victims):
    rows = judge(guessed(victims.x.double()), victims, view, 0)
    assert [row["image"] for row in rows] == list(IMAGES)
    for row in rows:
        assert row["psnr_db"] > 100
        assert row["psnr_content_db"] > 100
        assert row["ssim"] == pytest.approx(1.0)
        assert row["psnr_original_db"] < 15
        assert row["content_fraction"] == pytest.approx(17 / 32)
        best = max(row[f"floor_{name}_db"] for name in ("random", "mean", "black"))
        assert row["floor_db"] == best
        assert row["gain_db"] == pytest.approx(row["psnr_db"] - best)
        assert (row["status"], row["reason"], row["iterations"]) == ("ok", "", 9)
        assert (row["cost"], row["wall_seconds"], row["augment"]) == (0.25, 1.5, "policy")


def test_a_guess_outside_the_box_is_judged_as_it_is(view, victims):
    x = victims.x.double()
    low, high = (b.double() for b in view.box)
    rows = judge(guessed(x + (high - low)), victims, view, 0)
    assert all(row["psnr_db"] == pytest.approx(0, abs=1e-4) for row in rows)


def test_the_reference_can_be_the_original_or_the_content(view, victims):
    x = victims.x.double().clone()
    x[~victims.content.expand_as(x)] += 1.0
    guess = guessed(x)
    transformed = judge(guess, victims, view, 0)[0]
    content = judge(guess, victims, view, 0, reference="content")[0]
    original = judge(guess, victims, view, 0, reference="original")[0]
    assert transformed["psnr_db"] < 30 < content["psnr_db"]
    assert original["psnr_db"] == transformed["psnr_original_db"]
    assert content["floor_black_db"] < transformed["floor_black_db"]
    assert original["floor_black_db"] < transformed["floor_black_db"]
    with pytest.raises(ReveilError, match="did you mean 'content'"):
        judge(guess, victims, view, 0, reference="contents")


def test_a_failed_image_has_floors_and_no_measures(view, victims):
    rows = judge(guessed(victims.x, failed=(1,)), victims, view, 0)
    good, bad = rows[0], rows[1]
    assert (bad["status"], bad["reason"]) == ("failed", "not finite")
    for name in ("psnr_db", "ssim", "gain_db", "psnr_original_db", "psnr_content_db", "cost"):
        assert math.isnan(bad[name])
        assert not math.isnan(good[name])
    assert math.isfinite(bad["floor_db"])
    assert bad.keys() == good.keys()
