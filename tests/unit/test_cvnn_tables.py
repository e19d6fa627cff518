"""The table of inversion attacks, how its rows are made and how tables of cvnn are shown."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reveil import rows
from reveil.cvnn import tables
from reveil.cvnn.tables.measures import ratio
from reveil.errors import ReveilError
from reveil.pairing import paired_difference
from reveil.statistics import share_interval
from tests import cvnn_tables as made_up
from tests.workflow import ROOT

PUBLISHED = rows.read(ROOT / "config/published.csv")
FOUR = np.array([0.1, 0.12, 0.14, 0.16])


def table_of(*parts, models=None, experiment="cvnn-exp02", **named):
    images = pd.concat(parts, ignore_index=True)
    models = made_up.networks() if models is None else models
    return tables.inversion_table(images, models, PUBLISHED, experiment=experiment, **named)


def row_of(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


def ends(row, name, unit=""):
    return [row[f"{name}_{end}{unit}"] for end in ("mean", "low", "high")]


def printed(table, *notes):
    """Return the rows of a table as it is printed, by head, and the line under it."""
    *lines, _, note = tables.to_markdown(table, *notes).splitlines()
    head, _, *body = (line[2:-2].split(" | ") for line in lines)
    return [dict(zip(head, cells, strict=True)) for cells in body], note


def student(values):
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return [np.mean(values), np.mean(values) - half, np.mean(values) + half]


def test_each_unit_has_its_own_mean_and_interval():
    row = row_of(table_of(made_up.attacked(rmse=FOUR)))
    assert ends(row, "rmse") == pytest.approx(student(FOUR))
    assert ends(row, "mse_pm1") == pytest.approx(student(4 * FOUR**2))
    # Not the square of the mean RMSE: 4 * 0.13^2 = 0.0676.
    assert row["mse_pm1_mean"] == pytest.approx(0.0696)
    assert row["rmse_pooled_mean"] == pytest.approx(np.sqrt(np.mean(FOUR**2)))
    assert row["rmse_pooled_high"] == pytest.approx(np.sqrt(row["mse_pm1_high"]) / 2)
    assert row["mae_mean"] == pytest.approx(0.8 * 0.13)
    assert row["psnr_mean_db"] == pytest.approx(np.mean(-20 * np.log10(FOUR)))
    assert (row["n_images"], row["n_seeds"], row["n_failed"]) == (4, 1, 0)


def test_the_trivial_predictors_are_paired_with_the_images():
    row = row_of(table_of(made_up.attacked(rmse=FOUR, rmse_blend=FOUR + 0.04)))
    assert ends(row, "blend_difference") == pytest.approx([-0.04] * 3)
    assert ends(row, "mean_colour_difference") == pytest.approx(student(FOUR - 0.25))
    assert ends(row, "mean_colour_ratio") == pytest.approx(student(FOUR / 0.25))
    assert row["rmse_blend_mean"] == pytest.approx(0.17)
    assert row["mean_colour_n"] == 4


def test_a_ratio_is_of_means_and_its_interval_of_the_linearised_values():
    x, y = np.array([1.0, 2.0, 3.0, 6.0]), np.array([2.0, 2.0, 4.0, 8.0])
    found = ratio(pd.Series(x), pd.Series(y))
    linear = 0.75 + (x - 0.75 * y) / 4
    assert [found.value, found.low, found.high] == pytest.approx(student(linear))
    assert (found.value, found.n) == (pytest.approx(0.75), 4)
    proportional = ratio(pd.Series(3 * y), pd.Series(y))
    assert [proportional.value, proportional.low, proportional.high] == pytest.approx([3, 3, 3])
    nothing = ratio(pd.Series(x), pd.Series(0 * y))
    assert np.isnan(nothing.value) and nothing.n == 0


def test_the_same_attack_on_other_networks_is_the_reference():
    parts = [
        made_up.attacked("none", FOUR - 0.05),
        made_up.attacked("none", FOUR - 0.09, attack="inversion2-joint"),
        made_up.attacked("additional", FOUR - 0.02),
        made_up.attacked("rotation", FOUR),
        made_up.attacked("rotation", FOUR, attack="two-image"),
    ]
    table = table_of(*parts)
    row = row_of(table, policy="rotation", attack="inversion1")
    assert ends(row, "unprotected_difference") == pytest.approx([0.05] * 3)
    assert ends(row, "additional_difference") == pytest.approx([0.02] * 3)
    assert ends(row, "unprotected_rmse") == pytest.approx(student(FOUR - 0.05))
    assert row["unprotected_ratio_mean"] == pytest.approx(0.13 / 0.08)
    for other in ({"attack": "two-image"}, {"policy": "none", "attack": "inversion1"}):
        assert row_of(table, **other)["unprotected_n"] == 0
    assert np.isnan(row_of(table, attack="two-image")["unprotected_difference_mean"])


def test_the_reference_is_of_the_same_images_and_recipe():
    parts = [
        made_up.attacked("none", FOUR[:3] - 0.05, recipe="short"),
        made_up.attacked("rotation", FOUR, recipe="long"),
    ]
    row = row_of(table_of(*parts), policy="rotation")
    assert row["unprotected_n"] == 3
    two = made_up.attacked("none", FOUR - 0.01, recipe="long")
    row = row_of(table_of(*parts, two, by=["policy", "attack", "recipe"]), policy="rotation")
    assert row["unprotected_difference_mean"] == pytest.approx(0.01)
    other = made_up.attacked("none", FOUR, recipe="other")
    table = table_of(*parts, other, by=["policy", "attack", "recipe"])
    assert row_of(table, policy="rotation")["unprotected_n"] == 0


def test_seeds_are_averaged_within_images_and_told_as_a_spread():
    parts = [made_up.attacked(rmse=FOUR + 0.02 * seed, seed=seed, attacker_epochs=30 + 20 * seed)
             for seed in (0, 1)]  # fmt: skip
    row = row_of(table_of(*parts))
    assert ends(row, "rmse") == pytest.approx(student(FOUR + 0.01))
    assert row["rmse_seed_std"] == pytest.approx(0.02 / np.sqrt(2))
    assert row["mse_pm1_mean"] == pytest.approx(np.mean(2 * FOUR**2 + 2 * (FOUR + 0.02) ** 2))
    assert [row[f"attacker_epochs_{end}"] for end in ("mean", "min", "max")] == [40, 30, 50]
    (shown,), note = printed(table_of(*parts))
    assert shown["Attacker's epochs"] == "40 (30 to 50)"
    assert "2 seeds: the deviation over seeds is that of 2 trainings." in note


def test_failed_attacks_are_counted_and_enter_no_mean():
    images = made_up.attacked(rmse=FOUR)
    images.loc[3, ["status", "rmse", "rmse_either"]] = ["failed", 9.0, 9.0]
    row = row_of(table_of(images))
    assert (row["n_images"], row["n_failed"]) == (3, 1)
    assert ends(row, "rmse") == pytest.approx(student(FOUR[:3]))
    assert row["rmse_either_mean"] == pytest.approx(0.12)
    assert "Failed and left out: 1." in printed(table_of(images))[1]


def test_angles_are_told_where_an_attack_guesses_one():
    row = row_of(table_of(made_up.angled(errors=(0.05, np.pi / 2, 0.5, 0.0))))
    assert row["angle_error_mean_rad"] == pytest.approx((0.55 + np.pi / 2) / 4)
    assert row["angle_error_quarter_mean_rad"] == pytest.approx(0.55 / 4)
    expected = share_interval(0.5, 4)
    assert row["angle_found_mean_pct"] == pytest.approx(50)
    assert row["angle_found_low_pct"] == pytest.approx(100 * expected.low)
    plain = table_of(made_up.attacked())
    assert np.isnan(plain["angle_found_mean_pct"]).all()
    assert "Angle error, rad [95 %]" not in printed(plain)[0][0]


def test_errors_are_those_of_the_attacked_networks():
    models = pd.concat(
        [made_up.trained(seed=0, error=10), made_up.trained(seed=1, error=14),
         made_up.trained(seed=2, error=50), made_up.trained(error=90, recipe="other")]
    )  # fmt: skip
    parts = [made_up.attacked(seed=seed) for seed in (0, 1)]
    row = row_of(table_of(*parts, models=models))
    wilson = share_interval(0.12, 10_000)
    expected = [100 * value for value in (wilson.value, wilson.low, wilson.high)]
    assert ends(row, "error_right", "_pct") == pytest.approx(expected)
    assert row["error_right_seed_std_pct"] == pytest.approx(np.sqrt(8))
    assert row["error_random_mean_pct"] == pytest.approx(79)
    assert (row["n_models"], row["n_test"]) == (2, 10_000)


def test_rows_follow_our_order_of_policies_and_attacks():
    table = table_of(made_up.study(("rotation-swap", "rotation", "none"))[::-1])
    assert table["policy"].tolist() == [*["none"] * 2, *["rotation"] * 2, *["rotation-swap"] * 2]
    assert table["attack"].tolist() == ["inversion1", "inversion2-joint"] * 3


def test_published_errors_stand_in_both_units():
    (shown,), note = printed(table_of(made_up.attacked()))
    assert shown["Xiang et al. 2020"] == "0.2569 (RMSE, [0, 1]): RMSE 0.2569, MSE 0.2640"
    assert shown["Knijff et al. 2021"] == "0.0277 (MSE, [-1, 1]): RMSE 0.0832, MSE 0.0277"
    (other,), _ = printed(table_of(made_up.attacked("rotation-swap")))
    assert other["Knijff et al. 2021"] == "not available"
    assert note.endswith("One seed: the variance of training is not in any number here.")


def test_intervals_of_many_images_are_the_bootstrap_of_the_pairs():
    draw = np.random.default_rng(3).uniform
    parts = made_up.attacked("none", draw(0.05, 0.1, 20)), made_up.attacked(rmse=draw(0.1, 0.2, 20))
    expected = paired_difference(*reversed(parts), ("rmse", "rmse"))
    row = row_of(table_of(*parts), policy="rotation")
    assert row["interval"] == "bca-bootstrap"
    assert ends(row, "unprotected_difference") == pytest.approx(
        [expected.value, expected.low, expected.high]
    )


def test_a_row_must_not_mix_settings():
    with pytest.raises(ReveilError, match="'attack' is missing.*inversion1, inversion2-joint"):
        table_of(made_up.study(), by=["policy"])
    with pytest.raises(ReveilError, match="by: 'policies'.*did you mean 'policy'"):
        table_of(made_up.study(), by=["policies"])
    with pytest.raises(ReveilError, match="images: the tidy table has no rows"):
        table_of(made_up.study()[:0])


def test_a_table_reads_the_same_from_its_file(tmp_path):
    table = table_of(made_up.study(), made_up.angled("rotation-k4"))
    names = ("csv", "markdown", "html")
    output = SimpleNamespace(**{name: tmp_path / f"table.{name}" for name in names})
    tables.write(table, output, "Said besides.")
    text = output.markdown.read_text()
    assert text == tables.to_markdown(rows.read(output.csv), "Said besides.")
    assert text.strip().endswith("Said besides.")
    html = output.html.read_text()
    assert '<td class="text">Rotation</td>' in html and html.isascii()
    assert len(re.findall("<tr>", html)) == len(table) + 1


def test_made_up_data_and_known_protocols_are_told(tmp_path):
    table = table_of(made_up.attacked(dataset="cifar10-synthetic", protocol="knijff2021"))
    output = SimpleNamespace(**{n: tmp_path / n for n in ("csv", "markdown", "html")})
    tables.write(table, output)
    for text in (output.markdown.read_text(), output.html.read_text()):
        assert "Synthetic: CIFAR-10 layout (synthetic)" in text
        assert "Protocols. knijff2021: that of Knijff et al. 2021, by their code." in text
    assert "Protocols." not in tables.to_markdown(table_of(made_up.attacked()))


def test_a_table_of_another_study_has_no_form_here():
    with pytest.raises(ReveilError, match="a table of psnr is none of the study cvnn"):
        tables.to_markdown(pd.DataFrame({"psnr": [1.0]}))
