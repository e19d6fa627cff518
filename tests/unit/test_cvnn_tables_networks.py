"""The tables of the networks of cvnn: errors, minutes, multiply-adds, checks and critics."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reveil import rows
from reveil.cvnn import tables
from reveil.cvnn.tables.accuracy import chance_error_pct, hidden_chance_error_pct
from reveil.errors import ReveilError
from reveil.statistics import share_difference, share_interval
from tests import cvnn_tables as made_up
from tests.workflow import ROOT

PUBLISHED = rows.read(ROOT / "config/published.csv")
COSTS = {
    "dataset": "cifar10", "model": "resnet20-alpha", "policy": "rotation", "device": 14e6,
    "generator": 10e6, "cloud": 28e6, "decoder": 12e6, "processing": 14e6,
}  # fmt: skip


def row_of(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


def ends(row, name, unit=""):
    return [row[f"{name}_{end}{unit}"] for end in ("mean", "low", "high")]


def errors(*networks, **named):
    models = pd.concat(networks, ignore_index=True)
    return tables.classification_table(
        models, PUBLISHED, experiment=["cvnn-exp04", "cvnn-ext01"], **named
    )


def test_errors_have_wilsons_interval_over_test_images():
    table = errors(made_up.trained(error=10), made_up.trained(seed=1, error=12))
    row = row_of(table)
    wilson = share_interval(0.11, 10_000)
    assert ends(row, "error_right", "_pct") == pytest.approx(
        [100 * wilson.value, 100 * wilson.low, 100 * wilson.high]
    )
    assert row["error_right_seed_std_pct"] == pytest.approx(np.sqrt(2))
    assert (row["error_random_mean_pct"], row["chance_error_pct"]) == pytest.approx((79, 90))
    assert row["error_wrong_mean_pct"] == pytest.approx(89.5)
    assert (row["n_models"], row["n_test"], row["label"]) == (2, 10_000, "Rotation")


def test_differences_to_the_baselines_are_newcombes():
    table = errors(
        made_up.trained("rotation", error=12),
        made_up.trained("none", error=10),
        made_up.trained("additional", error=9),
    )
    assert table["policy"].tolist() == ["none", "additional", "rotation"]
    row = row_of(table, policy="rotation")
    pair = share_interval(0.12, 10_000), share_interval(0.09, 10_000)
    expected = share_difference(*pair)
    assert ends(row, "additional_difference", "_pct") == pytest.approx(
        [100 * expected.value, 100 * expected.low, 100 * expected.high]
    )
    assert row["unprotected_difference_mean_pct"] == pytest.approx(2)
    assert np.isnan(row_of(table, policy="none")["unprotected_difference_mean_pct"])
    assert row_of(table, policy="additional")["unprotected_difference_mean_pct"] == pytest.approx(
        -1
    )


def test_a_baseline_of_another_network_is_none():
    table = errors(
        made_up.trained("rotation"),
        made_up.trained("none", model="resnet56-alpha"),
        made_up.trained("additional", recipe="long"),
        made_up.trained("additional", recipe="longer"),
    )
    row = row_of(table, policy="rotation")
    for name in ("unprotected", "additional"):
        assert np.isnan(row[f"{name}_difference_mean_pct"])


def test_a_network_without_a_key_has_no_error_with_a_random_one():
    text = tables.to_markdown(errors(made_up.trained("none"), made_up.trained("rotation")))
    first, second = text.splitlines()[2:4]
    assert "| 10.0 [9.4, 10.6] | - | - | 90.0 |" in first
    assert "| 10.0 [9.4, 10.6] | 79.0 [78.2, 79.8] | 89.5 [88.9, 90.1] | 90.0 |" in second
    # Xiang et al. 2020 for the network as it is, and both papers for the rotating one.
    assert first.endswith("| 11.13 | not available |") and second.endswith("| 10.48 | 19.53 |")


def test_chance_may_be_told_where_classes_are_not_as_likely():
    assert chance_error_pct("cifar100") == pytest.approx(99)
    assert chance_error_pct("cifar100", {"cifar10": 50.0}) == pytest.approx(99)
    assert hidden_chance_error_pct("cifar10") == pytest.approx(90)
    # Twenty groups of five classes, and three of five, three and two.
    assert chance_error_pct("cifar100-coarse") == pytest.approx(95)
    assert hidden_chance_error_pct("cifar100-coarse") == pytest.approx(99)
    for name in ("fashion-mnist-coarse", "fashion-mnist-coarse-demo"):
        assert chance_error_pct(name) == pytest.approx(50)
        assert hidden_chance_error_pct(name) == pytest.approx(90)
    assert chance_error_pct("fashion-mnist") == pytest.approx(90)
    assert chance_error_pct("celeba-30") == pytest.approx(50)
    row = row_of(errors(made_up.trained(), chances={"cifar10": 55.5}))
    assert row["chance_error_pct"] == 55.5


def test_there_must_be_networks():
    with pytest.raises(ReveilError, match="models: the table of networks has no rows"):
        errors(made_up.trained()[:0])


def test_minutes_are_means_over_trainings():
    seconds = [1740.0, 1800.0, 1920.0]
    models = [made_up.trained(seed=s, train_seconds=value) for s, value in enumerate(seconds)]
    models.append(made_up.trained("none"))
    table = tables.runtime_table(pd.concat(models), PUBLISHED, hardware="two cores")
    row = row_of(table, policy="rotation")
    half = stats.t.ppf(0.975, 2) * np.std([29, 30, 32], ddof=1) / np.sqrt(3)
    assert ends(row, "minutes") == pytest.approx([91 / 3, 91 / 3 - half, 91 / 3 + half])
    assert row["epoch_seconds_mean"] == pytest.approx(18.2)
    assert (row["n_models"], row["epochs"], row["hardware"]) == (3, 100, "two cores")
    assert (row["knijff2021"], row["original"]) == (149, "not available")
    assert row_of(table, policy="none")["knijff2021"] == "not available"
    text = tables.to_markdown(table)
    assert "| two cores | 100 | 30.3 [26.5, 34.1] | 18.20 [15.92, 20.48] | 3 |" in text


def test_shares_of_the_parts_add_up():
    table = tables.share_table([COSTS, COSTS | {"policy": "none", "generator": 0, "cloud": 14e6}])
    assert table["policy"].tolist() == ["none", "rotation"]
    rotated, plain = row_of(table, policy="rotation"), row_of(table, policy="none")
    assert rotated["total_multiply_adds"] == 64e6
    assert rotated["cloud_share_pct"] == pytest.approx(43.75)
    parts = ("device", "generator", "cloud", "decoder")
    assert sum(rotated[f"{part}_share_pct"] for part in parts) == pytest.approx(100)
    # Neither the generator nor the second real map is in the share that the report tells.
    for row in (rotated, plain):
        assert row["real_cloud_share_pct"] == pytest.approx(35)
    assert plain["cloud_share_pct"] == pytest.approx(35)
    assert "| 14.0 | 10.0 | 28.0 | 12.0 | 64.0 |" in tables.to_markdown(table)


def test_costs_are_complete_and_not_negative():
    with pytest.raises(ReveilError, match="costs: generator, processing missing"):
        tables.share_table(
            [{k: v for k, v in COSTS.items() if k not in ("generator", "processing")}]
        )
    with pytest.raises(ReveilError, match="cloud: -1 is not allowed"):
        tables.share_table([COSTS | {"cloud": -1}])


def test_the_checks_take_the_worst_seed():
    models = pd.concat(
        [
            made_up.trained(seed=0, equivariance_error=2e-6, adversarial_gradient_norm=0.5),
            made_up.trained(seed=1, equivariance_error=8e-6, adversarial_gradient_norm=0.25),
            made_up.trained("none"),
        ]
    )
    row = row_of(tables.equivariance_table(models))
    assert (row["equivariance_error_max"], row["equivariant"]) == (8e-6, "yes")
    assert (row["gradient_norm_min"], row["gradient_reaches"]) == (0.25, "yes")
    assert row["wrong_key_fails"] == "yes"


@pytest.mark.parametrize(
    ("column", "value", "verdict", "expected"),
    [
        ("equivariance_error", 1e-5, "equivariant", "no"),
        ("equivariance_error", 1.04, "equivariant", "no"),
        ("adversarial_gradient_norm", 0.0, "gradient_reaches", "no"),
        ("adversarial_gradient_norm", np.nan, "gradient_reaches", ""),
        ("accuracy_wrong_pct", 12.0, "wrong_key_fails", "no"),
        ("accuracy_random_pct", 90.0, "wrong_key_fails", "yes"),
        ("accuracy_wrong_pct", np.nan, "wrong_key_fails", ""),
        # A network that learned nothing keeps no secret by telling nothing.
        ("accuracy_clean_pct", 10.2, "wrong_key_fails", ""),
    ],
)
def test_a_check_that_fails_says_so(column, value, verdict, expected):
    row = row_of(tables.equivariance_table(made_up.trained(**{column: value})))
    assert row[verdict] == expected


def test_without_a_rotating_network_there_is_no_check():
    with pytest.raises(ReveilError, match="no network of the table has a measured equivariance"):
        tables.equivariance_table(made_up.trained("none"))


def test_critics_are_told_by_their_last_epoch():
    histories = pd.concat(
        [made_up.epochs(seed=0, real=1.0, fake=0.2), made_up.epochs(seed=1, real=2.0, fake=0.4)]
    )
    row = row_of(tables.adversary_table(made_up.networks(("rotation",)), histories))
    half = stats.t.ppf(0.975, 1) * np.std([0.8, 1.6], ddof=1) / np.sqrt(2)
    assert ends(row, "critic_distance") == pytest.approx([1.2, 1.2 - half, 1.2 + half])
    assert (row["critic_real_mean"], row["critic_fake_mean"]) == pytest.approx((1.5, 0.3))
    assert row["gradient_norm_mean"] == pytest.approx(0.55)
    assert np.isnan(row["clipped_share_mean_pct"]) and np.isnan(row["clipped_after"])
    assert (row["epochs"], row["n_critics"], row["n_models"]) == (6, 2, 2)


def test_clipped_critics_are_told_by_when_half_of_them_was_at_the_bound():
    clipped = made_up.epochs("rotation-clip", clipped=1.0)
    free = made_up.epochs("rotation")
    histories = pd.concat([clipped, made_up.epochs("rotation-clip", seed=1, clipped=0.6), free])
    table = tables.adversary_table(made_up.networks(), histories)
    assert table["policy"].tolist() == ["rotation", "rotation-clip"]
    row = row_of(table, policy="rotation-clip")
    assert row["clipped_share_mean_pct"] == pytest.approx(80)
    # Shares of 1/6, 2/6, 3/6 and so on of the one, 0.6 times these of the other.
    assert row["clipped_after"] == 5
    never = pd.concat([clipped, made_up.epochs("rotation-clip", seed=1, clipped=0.4)])
    assert np.isnan(tables.adversary_table(made_up.networks(), never)["clipped_after"]).all()


def test_without_a_critic_there_is_no_table_of_them():
    with pytest.raises(ReveilError, match="was trained against a critic"):
        tables.adversary_table(made_up.networks(), made_up.epochs(real=np.nan))
