"""S_pri against what attackers reconstruct: the scores of policies and their correlations."""

import numpy as np
import pandas as pd
import pytest

from reveil import power, tables
from reveil.correlations import attenuated, partial_correlation, reliability
from reveil.errors import ReveilError
from reveil.statistics import BOOTSTRAP, FISHER, correlation, mean_interval
from tests.attacked import attack_rows, published_rows

NAMED = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4"}
PUBLISHED = published_rows(
    ("ats-exp10", "original", "CIFAR-100", "ResNet20-4", "random policies", "pearson_r", 0.697),
    ("ats-exp10", "drabent2022", "CIFAR-100", "ResNet20-4", "100 random", "pearson_r", 0.123),
    ("ats-w-claim1", "warmerdam2022", "CIFAR-100", "ResNet20-4", "100 r", "spearman_r", -0.163),
)


def repeated(scores, repeats=3, noise=0.02, **named):
    """Return ``repeats`` noisy scores of each policy, policy -> score, with a common shift each."""
    draw = np.random.default_rng(11).normal(scale=noise, size=(len(scores), repeats))
    return pd.DataFrame(
        [
            NAMED | {"seed": 0, "policy": policy, "repeat": k, "s_pri": s + draw[i, k] + 0.1 * k}
            for i, (policy, s) in enumerate(scores.items())
            for k in range(repeats)
        ]
    ).assign(**named)


def test_scores_and_reconstructions_meet_by_policy():
    images = [
        attack_rows("3-1-7", [8.0, 10.0], floor=7.0),
        attack_rows("43-18-18", [9.0, 11.0, 13.0], floor=8.0),
        attack_rows("1", [9.0]),
    ]
    scores = repeated({"3-1-7": 0.2, "43-18-18": 0.3, "2": 0.4}, 2, noise=0.0)
    table = tables.policy_scores(pd.concat(images, ignore_index=True), scores)
    assert table["policy"].tolist() == ["3-1-7", "43-18-18"]
    assert table["s_pri"].tolist() == pytest.approx([0.25, 0.35])
    assert table["psnr_db"].tolist() == [9.0, 11.0]
    assert table["gain_db"].tolist() == [2.0, 3.0]
    assert table["floor_db"].tolist() == [7.0, 8.0]
    assert table[["n_images", "repeats"]].to_numpy().tolist() == [[2, 2], [3, 2]]
    interval = mean_interval([9.0, 11.0, 13.0])
    assert table["psnr_low_db"].iloc[1] == pytest.approx(interval.low)
    assert (table["victim"] == "trained").all() and (table["seed"] == 0).all()


def test_plain_policies_are_victims_of_a_model_without_policy():
    images = pd.concat([attack_rows(name, [9.0, 9.5]) for name in ("plain-3-1-7", "3-1-7")])
    table = tables.policy_scores(images, repeated({"3-1-7": 0.2}))
    assert table["victim"].tolist() == ["plain", "trained"]
    assert table["policy"].tolist() == ["3-1-7", "3-1-7"]


def test_scores_may_be_of_another_protocol():
    images = attack_rows("3-1-7", [9.0]).assign(protocol="drabent2022-exp10")
    scores = repeated({"3-1-7": 0.2}).assign(protocol="drabent2022")
    table = tables.policy_scores(
        images, scores, scored_by={"drabent2022-exp10": "drabent2022"}
    )  # fmt: skip
    assert table["protocol"].tolist() == ["drabent2022-exp10"]
    with pytest.raises(ReveilError, match="no policy of the images"):
        tables.policy_scores(images, scores)


def test_failed_scores_and_repetitions_of_a_policy_do_not_count():
    scores = repeated({"3-1-7": 0.2}, 2, noise=0.0).assign(status="ok")
    scores = pd.concat([scores, scores, scores.assign(s_pri=9.0, repeat=5, status="failed")])
    table = tables.policy_scores(attack_rows("3-1-7", [9.0]), scores)
    assert table["s_pri"].tolist() == pytest.approx([0.25])
    assert table["repeats"].tolist() == [2]


def test_policies_under_several_recipes_are_refused():
    images = pd.concat([attack_rows("3-1-7", [9.0]).assign(recipe=name) for name in "ab"])
    with pytest.raises(ReveilError, match="'recipe' is missing.*mix a, b"):
        tables.policy_scores(images, repeated({"3-1-7": 0.2}))
    with pytest.raises(ReveilError, match="no rows"):
        tables.policy_scores(images.iloc[:0], repeated({"3-1-7": 0.2}))


def cloud(n=40, victim="plain"):
    """Return n policies whose PSNR follows S_pri and, more so, the floor."""
    s_pri, floor, other = np.random.default_rng(8).normal(size=(3, n))
    return pd.DataFrame(
        {
            **NAMED, "victim": victim, "attack": "inversed", "seed": 0,
            "policy": [str(i) for i in range(n)], "s_pri": 0.3 + 0.05 * s_pri,
            "psnr_db": 10 + floor + 0.4 * s_pri + other, "floor_db": 8 + floor,
        }
    ).assign(gain_db=lambda t: t["psnr_db"] - t["floor_db"])  # fmt: skip


def rows_of(table, quantity):
    return table[table["quantity"] == quantity].to_dict("records")


def test_coefficients_have_both_intervals_beside_the_papers():
    policies = cloud()
    table = tables.correlation_table(policies, PUBLISHED)
    fisher, bootstrapped = rows_of(table, "pearson_psnr_db")
    expected = correlation(policies["s_pri"], policies["psnr_db"])
    assert (fisher["interval"], bootstrapped["interval"]) == (FISHER, BOOTSTRAP)
    assert (fisher["value"], fisher["low"]) == pytest.approx((expected.value, expected.low))
    assert bootstrapped["value"] == pytest.approx(expected.value)
    assert (fisher["original"], fisher["drabent2022"]) == (0.697, 0.123)
    assert fisher["warmerdam2022"] == "not available"
    spearman = rows_of(table, "spearman_psnr_db")[0]
    assert (spearman["original"], spearman["warmerdam2022"]) == ("not available", -0.163)
    gain = rows_of(table, "pearson_gain_db")[0]
    assert gain["value"] == pytest.approx(np.corrcoef(policies["s_pri"], policies["gain_db"])[0, 1])
    assert gain["original"] == "not available"
    partial = rows_of(table, "partial_psnr_db")[0]
    wanted = partial_correlation(policies["s_pri"], policies["psnr_db"], policies["floor_db"])
    assert (partial["value"], partial["high"]) == pytest.approx((wanted.value, wanted.high))


def test_published_coefficients_belong_to_plain_victims():
    table = tables.correlation_table(cloud(victim="trained"), PUBLISHED)
    assert rows_of(table, "pearson_psnr_db")[0]["original"] == "not available"
    assert not rows_of(table, "power_original")


def test_seeds_are_averaged_within_a_policy():
    one = cloud()
    two = one.assign(seed=1, psnr_db=one["psnr_db"] + 2 * np.arange(40))
    table = tables.correlation_table(pd.concat([one, two], ignore_index=True), PUBLISHED)
    row = rows_of(table, "pearson_psnr_db")[0]
    expected = np.corrcoef(one["s_pri"], one["psnr_db"] + np.arange(40))[0, 1]
    assert (row["n"], row["value"]) == (40, pytest.approx(expected))


def test_the_noise_of_s_pri_is_measured_and_taken_out():
    policies = cloud()
    repeats = repeated(policies.set_index("policy")["s_pri"].to_dict(), noise=0.05)
    table = tables.correlation_table(policies, PUBLISHED, repeats)
    # What a repeat adds to all policies is no noise.
    centred = repeats.assign(
        s_pri=repeats["s_pri"] - repeats.groupby("repeat")["s_pri"].transform("mean")
    )
    corrected, share = attenuated(centred, policies.set_index("policy")["psnr_db"])
    (row,) = rows_of(table, "attenuated_psnr_db")
    assert (row["value"], row["low"]) == pytest.approx((corrected.value, corrected.low))
    (row,) = rows_of(table, "reliability")
    assert row["value"] == pytest.approx(share.value)
    assert row["value"] == pytest.approx(reliability(centred).mean)
    (row,) = rows_of(table, "noise_std")
    assert row["value"] == pytest.approx(0.05, rel=0.2)


def test_without_repeats_there_is_no_correction():
    assert not rows_of(tables.correlation_table(cloud(), PUBLISHED), "attenuated_psnr_db")


def test_power_stands_beside_the_coefficients():
    table = tables.correlation_table(cloud(), PUBLISHED)
    (row,) = rows_of(table, "detectable_r")
    assert row["value"] == pytest.approx(power.detectable_correlation(40))
    (row,) = rows_of(table, "power_original")
    assert row["value"] == pytest.approx(power.correlation_power(0.697, 40))
    assert "of Gao et al. 2021" in row["title"]
    assert tables.correlation_notes(table) == power.correlation_statement(40, 0.697)


def test_settings_stand_apart_and_render(tmp_path):
    parts = [cloud(), cloud(30, "trained")]
    table = tables.correlation_table(pd.concat(parts, ignore_index=True), PUBLISHED)
    assert table.groupby("victim")["n"].max().to_dict() == {"plain": 40, "trained": 30}
    assert tables.correlation_notes(table).count("policies find a correlation") == 2
    table.to_csv(tmp_path / "table.csv", index=False)
    back = pd.read_csv(tmp_path / "table.csv", keep_default_na=False, na_values=[""])
    assert tables.to_markdown(back) == tables.to_markdown(table)
    lines = tables.to_markdown(table).splitlines()
    assert lines[0].startswith("| Protocol | Dataset | Model | Attack | Victims | Quantity |")
    assert "| 0.697 | 0.123 | not available |" in lines[2]


def test_no_policies_are_refused():
    with pytest.raises(ReveilError, match="no policies"):
        tables.correlation_table(cloud().iloc[:0], PUBLISHED)
