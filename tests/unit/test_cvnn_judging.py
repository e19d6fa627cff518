"""The judge of guesses at hidden images: every column by hand on images of one grey."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from torch import Tensor

from reveil import datasets, rows
from reveil.cvnn.attackers.interface import Guess
from reveil.cvnn.judging import judge, mse_pm1_of_rmse, rmse_of_mse_pm1
from reveil.cvnn.scene import Secrets
from reveil.errors import ReveilError
from reveil.views import View

SCHEMA = Path(__file__).parents[2] / "workflow/schemas/cvnn_images.schema.yaml"
NAMES = ["run", "study", "protocol", "dataset", "model", "policy", "recipe", "seed", "attack"]
NAMES += ["defence"]
VIEW = View(datasets.get("cifar10"), "native", 3, "dataset")


def _grey(*levels: float) -> Tensor:
    """Return one (3, 12, 12) image a level."""
    return torch.tensor(levels).view(-1, 1, 1, 1).expand(-1, 3, 12, 12).clone()


def _secrets(images: Tensor, partners: Tensor | None = None, **changed: Tensor) -> Secrets:
    count = len(images)
    mixed = partners is not None
    values = {
        "images": images,
        "partners": partners if mixed else images[:0],
        "index": torch.arange(count) + 5,
        "partner_index": torch.arange(count if mixed else 0) + 50,
        "angles": torch.zeros(count if mixed else 0),
        "swapped": torch.zeros(count if mixed else 0, dtype=torch.bool),
        "labels": torch.arange(count),
    }
    return Secrets(**values | changed)


def _only(found: list[dict]) -> dict:
    assert len(found) == 1
    return found[0]


def test_the_columns_are_those_of_the_schema_in_its_order() -> None:
    found = judge(Guess(images=_grey(0.5, 0.1)), _secrets(_grey(0.4, 0.2), _grey(0, 1)), VIEW)
    properties = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["properties"]
    assert [*NAMES, *found[0]] == list(properties)
    named = dict.fromkeys(NAMES, "x") | {"seed": 0}
    rows.check(pd.DataFrame([named | row for row in found]), SCHEMA)
    assert [row["image"] for row in found] == [5, 6]
    assert [row["partner"] for row in found] == [50, 51]
    assert [row["label"] for row in found] == [0, 1]
    assert {row["status"] for row in found} == {"ok"}
    assert {row["reason"] for row in found} == {""}


def test_errors_of_a_grey_guess_in_all_units() -> None:
    guess = Guess(images=_grey(0.6))
    row = _only(judge(guess, _secrets(_grey(0.4), _grey(1.0)), VIEW))
    assert row["rmse"] == pytest.approx(0.2)
    assert row["mse_pm1"] == pytest.approx(0.16)
    assert row["mae"] == pytest.approx(0.2)
    assert row["psnr_db"] == pytest.approx(-20 * math.log10(0.2), abs=1e-4)
    # Without variance, SSIM is (2 x y + c1) / (x^2 + y^2 + c1).
    assert row["ssim"] == pytest.approx((0.48 + 1e-4) / (0.52 + 1e-4), abs=1e-6)
    assert row["rmse_partner"] == pytest.approx(0.4)
    assert row["rmse_either"] == pytest.approx(0.2)
    assert math.isnan(row["rmse_second"])


def test_rmse_is_over_pixels_and_mse_its_fourfold_square() -> None:
    image, guess = _grey(0.5), _grey(0.5)
    guess[:, 0] += 0.3
    row = _only(judge(Guess(images=guess), _secrets(image), VIEW))
    assert row["rmse"] == pytest.approx(0.3 / math.sqrt(3))
    assert row["mae"] == pytest.approx(0.1)
    assert row["mse_pm1"] == pytest.approx(4 * row["rmse"] ** 2)


def test_trivial_guesses_are_the_mean_colour_and_the_blend() -> None:
    image, partner = _grey(0.2), _grey(0.5)
    row = _only(judge(Guess(images=image), _secrets(image, partner), VIEW))
    squares = [(mean - 0.2) ** 2 for mean in datasets.get("cifar10").mean]
    assert row["rmse_mean_colour"] == pytest.approx(math.sqrt(sum(squares) / 3), rel=1e-5)
    assert row["rmse_blend"] == pytest.approx(0.15)
    assert row["rmse"] == 0


def test_the_mean_colour_may_be_near_either_image() -> None:
    images, partners = _grey(0.2, 0.45), _grey(0.5, 0.9)
    found = judge(Guess(images=images), _secrets(images, partners), VIEW)
    # CIFAR-10's mean, 0.49, 0.48 and 0.45, is nearer to 0.5 than to 0.2, and to 0.45 than to 0.9.
    nearer = (0.5, 0.45)
    for row, level in zip(found, nearer, strict=True):
        squares = [(mean - level) ** 2 for mean in datasets.get("cifar10").mean]
        error = math.sqrt(sum(squares) / 3)
        assert row["rmse_mean_colour_either"] == pytest.approx(error, rel=1e-4)
    assert found[0]["rmse_mean_colour_either"] < found[0]["rmse_mean_colour"]
    assert found[1]["rmse_mean_colour_either"] == found[1]["rmse_mean_colour"]
    alone = _only(judge(Guess(images=images[:1]), _secrets(images[:1]), VIEW))
    assert math.isnan(alone["rmse_mean_colour_either"])


def test_who_knows_the_task_alone_is_right_where_the_commonest_class_is() -> None:
    images = _grey(0.2, 0.4, 0.6)
    guess = Guess(labels=torch.tensor([3, 5, 5]))
    found = judge(
        guess,
        _secrets(images),
        VIEW,
        targets=torch.tensor([3, 4, 5]),
        given_task=torch.tensor([4, 4, -1]),
    )
    assert [row["label_correct"] for row in found] == [1, 0, 1]
    assert [row["label_correct_task"] for row in found] == [0, 1, 0]
    alone = judge(guess, _secrets(images), VIEW, targets=torch.tensor([3, 4, 5]))
    assert all(math.isnan(row["label_correct_task"]) for row in alone)


def test_the_better_of_two_guesses_and_of_two_images() -> None:
    guess = Guess(images=_grey(0.9, 0.9), second=_grey(0.3, 0.0))
    found = judge(guess, _secrets(_grey(0.2, 0.8), _grey(0.9, 0.9)), VIEW)
    assert [row["rmse_second"] for row in found] == pytest.approx([0.1, 0.8])
    assert [row["rmse_either"] for row in found] == pytest.approx([0.1, 0.1])
    alone = judge(Guess(images=guess.images), _secrets(_grey(0.2, 0.8), _grey(0.8, 0.4)), VIEW)
    assert [row["rmse_either"] for row in alone] == pytest.approx([0.1, 0.1])


def test_angles_are_judged_on_the_circle_and_modulo_quarter_turns() -> None:
    truth = torch.tensor([0.1, 1.0, 2.0])
    guess = Guess(angles=torch.tensor([6.2, 1.05 + math.pi / 2, 2.5]))
    secrets = _secrets(_grey(0, 0, 0), _grey(0, 0, 0), angles=truth)
    found = judge(guess, secrets, VIEW)
    expected = [0.1 + 2 * math.pi - 6.2, 0.05 + math.pi / 2, 0.5]
    assert [row["angle_error_rad"] for row in found] == pytest.approx(expected, abs=1e-6)
    expected = [0.1 + 2 * math.pi - 6.2, 0.05, 0.5]
    assert [row["angle_error_quarter_rad"] for row in found] == pytest.approx(expected, abs=1e-6)
    assert math.isnan(found[0]["quarter_turns"])
    assert found[1]["quarter_turns"] == 1
    assert math.isnan(found[2]["quarter_turns"])
    assert [row["theta_rad"] for row in found] == pytest.approx(truth.tolist())
    assert math.isnan(found[0]["rmse"])
    assert found[0]["status"] == "ok"


def test_swaps_are_told_where_features_are_rotated() -> None:
    images = _grey(0, 0)
    swapped = torch.tensor([True, False])
    found = judge(Guess(images=images), _secrets(images, images, swapped=swapped), VIEW)
    assert [row["swapped"] for row in found] == [1, 0]


def test_without_rotation_there_is_no_angle_no_partner_and_no_blend() -> None:
    guess = Guess(images=_grey(0.5))
    row = _only(judge(guess, _secrets(_grey(0.4)), VIEW, attacker_epochs=7, wall_seconds=0.5))
    empty = ["partner", "swapped", "theta_rad", "theta_guess_rad", "angle_error_rad"]
    empty += ["quarter_turns", "rmse_second", "rmse_partner", "rmse_either", "rmse_blend"]
    assert all(math.isnan(row[name]) for name in empty)
    assert row["rmse"] == pytest.approx(0.1)
    assert (row["attacker_epochs"], row["wall_seconds"]) == (7, 0.5)


def test_a_guess_that_is_not_finite_fails_alone_and_keeps_its_trivial_errors() -> None:
    images = _grey(0.5, 0.5, 0.5)
    images[1, 0, 3, 3] = math.nan
    angles = torch.tensor([0.0, 0.0, math.inf])
    truth = _secrets(_grey(0.2, 0.2, 0.2), _grey(0, 0, 0))
    found = judge(Guess(images=images, angles=angles), truth, VIEW)
    assert [row["status"] for row in found] == ["ok", "failed", "failed"]
    assert found[1]["reason"] == "the guessed image is not finite"
    assert found[2]["reason"] == "the guessed angle is not finite"
    for row in found[1:]:
        assert all(math.isnan(row[name]) for name in ("rmse", "mae", "ssim", "angle_error_rad"))
        assert row["rmse_blend"] == pytest.approx(0.1)
    assert found[0]["rmse"] == pytest.approx(0.3)


def test_inferred_classes_are_compared_with_the_targets() -> None:
    guess = Guess(labels=torch.tensor([3, 7]))
    found = judge(guess, _secrets(_grey(0, 0)), VIEW, targets=torch.tensor([3, 8]))
    assert [row["label_guess"] for row in found] == [3, 7]
    assert [row["label_correct"] for row in found] == [1, 0]
    assert math.isnan(found[0]["attributes"])


def test_inferred_attributes_are_counted_beside_the_commoner_values() -> None:
    truth = torch.tensor([[True, False, True, False], [False, False, False, False]])
    guessed = torch.tensor([[True, True, True, True], [False, False, False, False]])
    majority = torch.tensor([True, False, False, False])
    guess = Guess(labels=guessed)
    found = judge(guess, _secrets(_grey(0, 0)), VIEW, targets=truth, majority=majority)
    assert [row["attributes"] for row in found] == [4, 4]
    assert [row["attribute_error"] for row in found] == [0.5, 0.0]
    assert [row["attribute_error_majority"] for row in found] == [0.25, 0.25]
    assert math.isnan(found[0]["label_correct"])


@pytest.mark.parametrize(("printed", "expected"), [(0.0277, 0.0832), (0.2516, 0.2508)])
def test_published_errors_convert_to_the_other_unit_and_back(
    printed: float, expected: float
) -> None:
    assert rmse_of_mse_pm1(printed) == pytest.approx(expected, abs=5e-5)
    assert mse_pm1_of_rmse(rmse_of_mse_pm1(printed)) == pytest.approx(printed)


def test_guesses_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ReveilError, match="guess.images: 2 for 1 images"):
        judge(Guess(images=_grey(0, 0)), _secrets(_grey(0)), VIEW)
    with pytest.raises(ReveilError, match="guess.labels: shape .* targets, None"):
        judge(Guess(labels=torch.tensor([1])), _secrets(_grey(0)), VIEW)
