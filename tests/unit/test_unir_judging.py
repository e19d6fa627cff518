"""The judge of reconstructions, on errors computed by hand."""

import math
from pathlib import Path

import pytest
import torch

from reveil.errors import ReveilError
from reveil.similarity import ssim
from reveil.unir.judging import COLUMNS, MEASURES, judge
from reveil.unir.operators import settings as operators
from reveil.unir.operators.base import Operator
from reveil.unir.operators.interface import make
from reveil.unir.reconstruct.interface import Reconstruction, Samples
from tests.unit.test_unir_methods import values


def operator_of(root: Path, channels: int = 1, **changes) -> Operator:
    settings = operators.from_values("o", values(root, "operators", **changes))
    return make(settings, (channels, 16, 16))


def judged(operator: Operator, found: torch.Tensor, x: torch.Tensor, seconds: float = 0.5):
    theta = operator.sample_theta(len(x), torch.Generator().manual_seed(0))
    y = operator.apply(x, theta)
    names = {"index": range(10, 10 + len(x)), "labels": [3] * len(x)}
    return judge(Reconstruction(found, seconds), x, y, theta, operator, **names), theta, y


def image(count: int = 2, channels: int = 1) -> torch.Tensor:
    stream = torch.Generator().manual_seed(5)
    return torch.randint(256, (count, channels, 16, 16), generator=stream) / 127.5 - 1


def test_a_constant_error_on_both_scales(root: Path):
    x = image().double() / 2
    rows, _, _ = judged(operator_of(root, share=0.25), (x + 0.2).float(), x.float())
    row = rows[1]
    assert list(row) == list(COLUMNS)
    assert (row["image"], row["label"], row["status"], row["reason"]) == (11, 3, "ok", "")
    assert row["mse_pm1"] == pytest.approx(0.04, rel=1e-5)
    assert row["mse_01"] == pytest.approx(0.01, rel=1e-5)
    assert row["psnr_db"] == pytest.approx(20, rel=1e-5)
    assert row["mse_pm1_missing"] == pytest.approx(0.04, rel=1e-5)
    assert row["mse_01_missing"] == pytest.approx(0.01, rel=1e-5)
    assert row["psnr_missing_db"] == pytest.approx(20, rel=1e-5)
    assert row["missing_share"] == pytest.approx(0.25)
    assert row["mse_pm1_dc"] == pytest.approx(0.01, rel=1e-5)
    assert row["mse_01_dc"] == pytest.approx(0.0025, rel=1e-5)
    assert row["psnr_db_dc"] == pytest.approx(20 + 10 * math.log10(4), rel=1e-5)
    assert row["residual"] == pytest.approx(0.04, rel=1e-5)
    expected = ssim((x + 1.2) / 2, (x + 1) / 2)[1].item()
    assert row["ssim"] == pytest.approx(expected, abs=1e-4)
    assert row["ssim_dc"] != pytest.approx(row["ssim"], abs=1e-4)
    assert row["wall_seconds"] == 0.5


def test_missing_values_of_each_channel_count_by_themselves(root: Path):
    operator = operator_of(root, 3, share=0.5, per_channel=True)
    x = image(channels=3)
    theta = operator.sample_theta(2, torch.Generator().manual_seed(0))
    found = torch.where(operator.mask(theta).bool(), x, x + 0.1)
    rows, _, _ = judged(operator, found, x)
    assert rows[0]["mse_pm1"] == pytest.approx(0.005, rel=1e-3)
    assert rows[0]["mse_pm1_missing"] == pytest.approx(0.01, rel=1e-3)
    assert rows[0]["residual"] == 0
    assert rows[0]["mse_pm1_dc"] == pytest.approx(rows[0]["mse_pm1"])


def test_the_image_itself_is_perfect(root: Path):
    x = image()
    rows, _, _ = judged(operator_of(root), x, x)
    assert rows[0]["psnr_db"] == math.inf
    assert rows[0]["ssim"] == pytest.approx(1)
    assert rows[0]["residual"] == 0


def test_a_factor_is_undone_before_values_are_copied_and_counts_in_the_residual(root: Path):
    x = image()
    rows, _, _ = judged(operator_of(root, share=0.75, rescale=True, count="exact"), x + 0.1, x)
    assert rows[0]["mse_pm1_dc"] == pytest.approx(0.75 * 0.01, rel=1e-3)
    assert rows[0]["residual"] == pytest.approx(0.01 * 16, rel=1e-3)


def test_nothing_missing_has_no_error_on_missing_values(root: Path):
    x = image()
    rows, _, _ = judged(operator_of(root, kind="identity"), x, x)
    assert rows[0]["missing_share"] == 0
    assert math.isnan(rows[0]["mse_pm1_missing"]) and math.isnan(rows[0]["psnr_missing_db"])


def test_a_mask_that_cannot_be_seen_is_no_way_to_copy_values(root: Path):
    x = image()
    rows, _, _ = judged(operator_of(root, share=0.5, fill=-1.0), x + 0.1, x)
    assert all(math.isnan(rows[0][f"{name}_dc"]) for name in ("mse_pm1", "psnr_db", "ssim"))
    assert rows[0]["missing_share"] == 0.5
    assert rows[0]["mse_pm1_missing"] == pytest.approx(0.01, rel=1e-3)


def test_without_a_mask_the_residual_is_in_measurement_space(root: Path):
    x = image()
    operator = operator_of(root, kind="blur", noise_std=0.3)
    rows, theta, y = judged(operator, x, x)
    noise = (y - operator.without_noise(x, theta)).square().flatten(1).mean(1)
    assert rows[0]["residual"] == pytest.approx(noise[0].item(), rel=1e-5)
    assert rows[0]["residual"] == pytest.approx(0.09, rel=0.4)
    for name in ("mse_pm1_dc", "ssim_dc", "mse_pm1_missing", "missing_share"):
        assert math.isnan(rows[0][name])


def test_a_vector_measured_again_has_a_residual(root: Path):
    x = image()
    rows, _, _ = judged(operator_of(root, kind="project"), x, x)
    assert rows[0]["residual"] == pytest.approx(0, abs=1e-6)


def test_a_reconstruction_that_is_not_finite_fails_alone(root: Path):
    x = image()
    found = x.clone()
    found[0, 0, 3, 3] = math.nan
    rows, _, _ = judged(operator_of(root), found, x)
    assert (rows[0]["status"], rows[1]["status"]) == ("failed", "ok")
    assert rows[0]["reason"] == "the reconstruction is not finite"
    assert all(math.isnan(rows[0][name]) for name in MEASURES)
    assert rows[0]["missing_share"] == pytest.approx(0.9, abs=0.01)


def test_samples_are_not_judged(root: Path):
    operator, x = operator_of(root), image()
    theta = operator.sample_theta(2, torch.Generator())
    y = operator.apply(x, theta)
    with pytest.raises(ReveilError, match="Samples is not allowed, as it was made of no meas"):
        judge(Samples(x), x, y, theta, operator, index=[0, 1], labels=[0, 0])
    found = Reconstruction(x, 0.0)
    with pytest.raises(ReveilError, match="labels: 1 for 2 images"):
        judge(found, x, y, theta, operator, index=[0, 1], labels=[0])
    with pytest.raises(ReveilError, match="reconstruction.images: shape"):
        judge(Reconstruction(x[:1], 0.0), x, y, theta, operator, index=[0, 1], labels=[0, 0])
