"""The tables of cvnn of angles, inference, the fair comparison, k, stopping and two images."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reveil import rows
from reveil.cvnn import tables
from reveil.cvnn.tables.core import CELLS
from reveil.cvnn.tables.sweeps import k_of, sweep_of
from reveil.errors import ReveilError
from reveil.statistics import share_interval
from tests import cvnn_tables as made_up
from tests.workflow import ROOT

PUBLISHED = rows.read(ROOT / "config/published.csv")
FOUR = np.array([0.1, 0.12, 0.14, 0.16])


def row_of(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


def ends(row, name, unit=""):
    return [row[f"{name}_{end}{unit}"] for end in ("mean", "low", "high")]


def wilson(share, n):
    estimate = share_interval(share, n)
    return [100 * estimate.value, 100 * estimate.low, 100 * estimate.high]


def student(values):
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return [np.mean(values), np.mean(values) - half, np.mean(values) + half]


def angles(*parts):
    return tables.angle_table(pd.concat(parts), PUBLISHED, experiment="cvnn-ext03")


def test_an_angle_error_is_told_in_three_foldings():
    errors = np.array([0.05, math.pi / 2 + 0.05, math.pi - 0.2, 0.5])
    row = row_of(angles(made_up.angled(errors=errors)))
    assert ends(row, "angle_error", "_rad") == pytest.approx(student(errors))
    halves = np.array([0.05, math.pi / 2 - 0.05, 0.2, 0.5])
    assert ends(row, "angle_error_half", "_rad") == pytest.approx(student(halves))
    quarters = np.array([0.05, 0.05, 0.2, 0.5])
    assert ends(row, "angle_error_quarter", "_rad") == pytest.approx(student(quarters))
    chances = [row[f"{name}_chance_rad"] for name in
               ("angle_error", "angle_error_half", "angle_error_quarter")]  # fmt: skip
    assert chances == pytest.approx([math.pi / 2, math.pi / 4, math.pi / 8])
    assert row["chance_share_pct"] == pytest.approx(20 / (2 * math.pi))


def test_guesses_near_a_quarter_turn_are_counted_apart():
    images = made_up.angled(errors=(0.05, math.pi / 2, math.pi / 2, math.pi))
    images.loc[2, "quarter_turns"] = 3
    row = row_of(angles(images))
    for name in ("at_key", "quarter_ahead", "opposite", "quarter_behind"):
        assert ends(row, name, "_pct") == pytest.approx(wilson(0.25, 4))
    # Under a second seed the first image is missed.
    second = images.assign(seed=1, quarter_turns=[np.nan, 1, 3, 2])
    row = row_of(angles(images, second))
    assert row["at_key_mean_pct"] == pytest.approx(12.5)
    assert (row["n_images"], row["n_seeds"]) == (4, 2)


def test_only_attacks_that_guess_an_angle_are_in_the_table_of_angles():
    table = angles(made_up.angled(), made_up.attacked("none"), made_up.attacked(attack="two-image"))
    assert table["attack"].tolist() == ["inversion1"]
    assert row_of(table)["original"] == 0.7820
    with pytest.raises(ReveilError, match="no attack of the tidy table guesses an angle"):
        angles(made_up.attacked())


def test_inferred_classes_are_shares_beside_chance_and_unprotected_features():
    images = pd.concat([made_up.inferred("none", (1, 1, 0, 1)), made_up.inferred(),
                        made_up.attacked()])  # fmt: skip
    table = tables.inference_table(images, made_up.networks())
    assert table["policy"].tolist() == ["none", "rotation"]
    row = row_of(table, policy="rotation")
    assert ends(row, "error", "_pct") == pytest.approx(wilson(0.5, 4))
    assert ends(row, "unprotected_error", "_pct") == pytest.approx(wilson(0.25, 4))
    # Right of (1, 0, 0, 1) where the other is (1, 1, 0, 1).
    difference = student([0.0, 100.0, 0.0, 0.0])
    assert ends(row, "unprotected_difference", "_pct") == pytest.approx(difference)
    assert row["chance_error_pct"] == pytest.approx(90)
    assert row["task_error_mean_pct"] == pytest.approx(12)
    assert np.isnan(row["majority_error_mean_pct"])
    assert (row["error_interval"], row["n_images"]) == ("wilson", 4)


def test_a_network_trained_for_what_is_inferred_stands_beside_the_task():
    models = pd.concat([made_up.trained(), made_up.trained(dataset="cifar100", error=40)])
    tasks_of = {"cifar10": "cifar100"}
    row = row_of(tables.inference_table(made_up.inferred(), models, tasks_of=tasks_of))
    assert row["task_error_mean_pct"] == pytest.approx(10)
    assert ends(row, "hidden_task_error", "_pct") == pytest.approx(wilson(0.4, 10_000))
    assert "| 10.0 [9.4, 10.6] | 40.0 [39.0, 41.0] |" in tables.to_markdown(
        tables.inference_table(made_up.inferred(), models, tasks_of=tasks_of)
    )


def test_who_knows_the_superclass_stands_beside_an_inference_attack():
    images = made_up.inferred(label_correct_task=[1, 0, 0, 0])
    row = row_of(tables.inference_table(images, made_up.networks()))
    assert ends(row, "given_task_error", "_pct") == pytest.approx(wilson(0.75, 4))
    assert row["given_task_n"] == 4
    unknown = row_of(tables.inference_table(made_up.inferred(), made_up.networks()))
    assert np.isnan(unknown["given_task_error_mean_pct"])
    assert unknown["given_task_n"] == 0


def test_datasets_are_paired_whose_tasks_are_hidden_and_told():
    named = ["cifar100-coarse", "fashion-mnist-coarse", "celeba-30", "fashion-mnist", "cifar100"]
    assert tables.tasks_of(named) == {
        "cifar100-coarse": "cifar100",
        "fashion-mnist-coarse": "fashion-mnist",
    }
    assert tables.tasks_of(["cifar100-coarse", "fashion-mnist"]) == {}


def test_inferred_attributes_are_means_beside_the_commoner_value():
    errors = np.array([0.1, 0.3, 0.2, 0.4])
    images = made_up.inferred(
        label_correct=np.nan, label_guess=np.nan, attributes=10, attribute_error=errors,
        attribute_error_majority=0.25,
    )  # fmt: skip
    row = row_of(tables.inference_table(images, made_up.networks()))
    assert ends(row, "error", "_pct") == pytest.approx(student(100 * errors))
    assert row["majority_error_mean_pct"] == pytest.approx(25)
    assert row["error_interval"] == "student-t"


def test_an_attack_that_infers_nothing_has_no_row():
    with pytest.raises(ReveilError, match="no attack of the tidy table infers anything"):
        tables.inference_table(made_up.attacked(), made_up.networks())


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_main_effects_of_the_core_are_what_was_added(seeds):
    table = tables.core_table(made_up.core((0.04, 0.01, 0.03), seeds=seeds), made_up.networks())
    assert table["part"].tolist() == [*8 * ["cell"], *3 * ["effect"]]
    for factor, expected in (("end", 0.04), ("adversary", 0.01), ("swap", 0.03)):
        row = row_of(table, factor=factor)
        assert ends(row, "rmse") == pytest.approx([expected] * 3)
        assert (row["n_images"], row["n_seeds"]) == (12, len(seeds))
    assert table["policy"].iloc[0] == "core-relu-off-keep"
    cell = row_of(table, policy="rotation")
    assert cell["rmse_mean"] == pytest.approx(0.1 + 0.05 + 0.001 * (len(seeds) - 1))


def test_a_main_effect_is_averaged_over_the_other_factors():
    images = made_up.core((0.0, 0.0, 0.0))
    # An interaction: the swap adds 0.04 in one of four combinations of the others.
    there = images["policy"] == "rotation-swap"
    images.loc[there, "rmse"] += 0.04
    table = tables.core_table(images, made_up.networks())
    for factor in ("end", "adversary", "swap"):
        assert row_of(table, factor=factor)["rmse_mean"] == pytest.approx(0.01)


def test_an_effect_is_over_the_images_of_all_eight_cells():
    images = made_up.core((0.04, 0.01, 0.03))
    gone = (images["policy"] == "core-relu-off-keep") & (images["image"] < 3)
    table = tables.core_table(images[~gone], made_up.networks())
    assert table.loc[table["part"] == "effect", "n_images"].tolist() == [9, 9, 9]
    without = images[images["policy"] != "core-relu-off-keep"]
    assert set(tables.core_table(without, made_up.networks())["part"]) == {"cell"}


def test_effects_have_a_sign_and_cells_have_none():
    text = tables.to_markdown(tables.core_table(made_up.core(), made_up.networks()))
    assert "| Linear end, WGAN, swap | 0.180 [0.173," in text
    assert "| Effect of the swap | +0.030 [+0.030, +0.030] |" in text


def test_the_seeds_of_an_effect_lie_apart():
    images = made_up.core((0.04, 0.0, 0.0), seeds=(0, 1))
    linear = images["policy"].map(lambda p: CELLS[p][0] == "linear") & (images["seed"] == 1)
    images.loc[linear, "rmse"] += 0.02
    row = row_of(tables.core_table(images, made_up.networks()), factor="end")
    assert row["rmse_mean"] == pytest.approx(0.05)
    assert row["rmse_seed_std"] == pytest.approx(0.02 / math.sqrt(2))


def test_without_a_cell_there_is_no_core():
    with pytest.raises(ReveilError, match="no row of a cell of the comparison: core-relu-off-keep"):
        tables.core_table(made_up.attacked("additional"), made_up.networks())


def test_k_is_read_from_the_name_and_compared_with_two():
    assert [k_of(name) for name in ("rotation", "rotation-k16", "rotation-swap", "none")] == [
        2, 16, None, None]  # fmt: skip
    images = pd.concat([made_up.attacked("rotation-k16", FOUR + 0.05), made_up.attacked(rmse=FOUR),
                        made_up.attacked("rotation-k4", FOUR[:3] + 0.01),
                        made_up.attacked("rotation-swap", FOUR)])  # fmt: skip
    table = tables.k_table(images, made_up.networks())
    assert table["k"].tolist() == [2, 4, 16]
    assert set(table["sweep"]) == {"k"} and table["weight"].isna().all()
    row = row_of(table, k=16)
    assert ends(row, "recommended_difference") == pytest.approx([0.05] * 3)
    assert row_of(table, k=4)["recommended_n"] == 3
    assert np.isnan(row_of(table, k=2)["recommended_difference_mean"])
    assert row_of(table, k=2)["error_right_mean_pct"] == pytest.approx(12.1, abs=0.5)
    with pytest.raises(ReveilError, match="no row of the protections rotation"):
        tables.k_table(made_up.attacked("none"), made_up.networks())


def weighted():
    """Return images of k = 2 and 4 at the recipe's weight, of two others, and of none."""
    return pd.concat(
        [
            made_up.attacked(rmse=FOUR),
            made_up.attacked("rotation-k4", FOUR + 0.01),
            made_up.attacked(rmse=FOUR + 0.04, recipe="private-weight-1"),
            made_up.attacked(rmse=FOUR - 0.02, recipe="private-weight-1e-3"),
            made_up.attacked("core-linear-off-keep", FOUR - 0.03),
        ]
    )


WEIGHTS = [
    made_up.SUBJECT | {"recipe": recipe, "weight": weight}
    for recipe, weight in (("private", 0.01), ("private-weight-1", 1.0),
                           ("private-weight-1e-3", 0.001))
]  # fmt: skip


def test_weights_follow_k_and_are_compared_with_the_same_network():
    assert sweep_of("rotation", "private") == sweep_of("rotation-k8", "private") == "k"
    assert sweep_of("rotation", "private-weight-1") == "weight"
    assert sweep_of("core-linear-off-keep", "private") == "weight"
    assert sweep_of("rotation-swap", "private") is sweep_of("rotation-k8", "a-weight-1") is None
    models = pd.concat(
        [made_up.trained(error=12), made_up.trained(recipe="private-weight-1", error=80)]
    )
    table = tables.k_table(weighted(), models, WEIGHTS)
    assert table["sweep"].tolist() == ["k", "k", "weight", "weight", "weight"]
    assert table["weight"].tolist() == [0.01, 0.01, 0.0, 0.001, 1.0]
    assert table["k"].tolist()[:2] == [2, 4]
    added = table["recommended_difference_mean"].tolist()
    assert added[1:] == pytest.approx([0.01, -0.03, -0.02, 0.04])
    assert np.isnan(added[0])
    # Networks of the same protection and another recipe are not mixed.
    assert row_of(table, weight=1.0)["error_right_mean_pct"] == pytest.approx(80)
    assert row_of(table, k=2, sweep="k")["error_right_mean_pct"] == pytest.approx(12)
    with pytest.raises(ReveilError, match="weights: recipe 'private-weight-1e-3' is missing"):
        tables.k_table(weighted(), models, WEIGHTS[:2])


def test_epochs_behind_a_linear_end_are_told_beside_those_behind_relu():
    attackers = pd.concat(
        [
            made_up.attacker("rotation-relu", (0.04, 0.02), attack="inversion2-joint"),
            made_up.attacker("rotation", (0.04,) * 3, attack="inversion2-joint"),
            made_up.attacker("rotation", (0.04,) * 8, attack="inversion2-joint-long"),
            made_up.attacker("none", (0.04,) * 8, attack="inversion2-joint"),
        ]
    )
    ends_of = tables.stop_table(attackers, budgets=(1,)).set_index(["policy", "attack", "budget"])
    told = ends_of["relu_epochs_ratio"].xs(0, level="budget")
    assert told["rotation", "inversion2-joint"] == pytest.approx(1.5)
    assert told["rotation", "inversion2-joint-long"] == pytest.approx(4)
    assert told[[("none", "inversion2-joint"), ("rotation-relu", "inversion2-joint")]].isna().all()


def test_an_early_stop_is_told_beside_the_end_of_patience():
    attackers = pd.concat(
        [
            made_up.attacker(losses=(0.09, 0.04, 0.0625, 0.01, 0.02)),
            made_up.attacker(losses=(0.25, 0.16), seed=1),
            made_up.attacker(losses=(0.7, 0.6), part="critic"),
        ]
    )
    table = tables.stop_table(attackers, budgets=(1, 3, 100))
    assert table["budget"].tolist() == [1, 3, 100, 0]
    assert ends(row_of(table, budget=1), "rmse") == pytest.approx(student([0.3, 0.5]))
    third = row_of(table, budget=3)
    assert ends(third, "rmse") == pytest.approx(student([0.2, 0.4]))
    assert ends(third, "ratio") == pytest.approx(student([2.0, 1.0]))
    assert (third["n_seeds"], third["n_trained_on"]) == (2, 1)
    last = row_of(table, budget=0)
    assert (last["rmse_mean"], last["ratio_mean"]) == pytest.approx((0.25, 1))
    assert last["rmse_seed_std"] == pytest.approx(0.3 / math.sqrt(2))
    assert (last["epochs_min"], last["epochs_max"], last["stopped_by"]) == (2, 5, "patience")
    assert "| until patience ends | 0.2500 [" in tables.to_markdown(table)


def test_an_attacker_who_reached_the_bound_is_told():
    attackers = made_up.attacker()
    attackers.loc[attackers.index[-1], "stopped"] = "max_epochs"
    assert set(tables.stop_table(attackers)["stopped_by"]) == {"bound"}


def test_budgets_and_parts_are_checked():
    with pytest.raises(ReveilError, match="budgets: 0 is not allowed; allowed: 1 and above"):
        tables.stop_table(made_up.attacker(), budgets=(1, 0))
    with pytest.raises(ReveilError, match="no row of the part 'decoder'"):
        tables.stop_table(made_up.attacker(part="critic"))


def test_the_nearer_of_two_guesses_is_compared_with_the_blend():
    second = np.array([0.3, 0.05, 0.3, 0.3])
    either = np.minimum(FOUR, second)
    images = made_up.attacked(
        rmse=FOUR, attack="two-image", rmse_second=second, rmse_either=either, rmse_blend=0.13
    )
    one_guess = made_up.attacked(rmse=FOUR + 0.1, rmse_either=FOUR + 0.08)
    table = tables.two_image_table(
        pd.concat([images, one_guess, made_up.attacked("none"), made_up.inferred()])
    )
    assert table["attack"].tolist() == ["inversion1", "two-image"]
    alone = row_of(table, attack="inversion1")
    # One guess may be near either image, and so may the mean colour, 0.23 at the nearer.
    assert alone["rmse_mean_colour_either_mean"] == pytest.approx(0.23)
    assert ends(alone, "mean_colour_either_difference") == pytest.approx(student(FOUR - 0.15))
    assert ends(alone, "rmse_either") == pytest.approx(student(FOUR + 0.08))
    assert np.isnan(alone["rmse_second_mean"])
    row = row_of(table, attack="two-image")
    assert ends(row, "rmse_either") == pytest.approx(student(either))
    assert ends(row, "blend_difference") == pytest.approx(student(either - 0.13))
    assert ends(row, "mean_colour_difference") == pytest.approx(student(either - 0.25))
    assert ends(row, "blend_beaten", "_pct") == pytest.approx(wilson(0.5, 4))
    assert ends(row, "mean_colour_beaten", "_pct") == pytest.approx(wilson(1.0, 4))
    assert row["rmse_second_mean"] == pytest.approx(second.mean())
    assert np.isnan(row["rmse_mean_colour_either_mean"])
    with pytest.raises(ReveilError, match="no attack of the tidy table makes two guesses"):
        tables.two_image_table(made_up.attacked())
