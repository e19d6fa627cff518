"""Random policies against none, and policies of the best single transformations."""

import numpy as np
import pandas as pd
import pytest

from reveil import tables
from reveil.errors import ReveilError
from reveil.lists import TOP_TEN, fixed_list
from reveil.statistics import mean_difference, mean_interval, share_interval
from reveil.tables.insights import PAIRS, RANDOM, TRIPLES
from tests.attacked import published_rows

NAMED = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4"}
PLACE = ("CIFAR-100", "ResNet20-4")
PUBLISHED = published_rows(
    ("ats-w-insight2", "warmerdam2022", *PLACE, "None", "s_pri", 0.32),
    ("ats-w-insight2", "warmerdam2022", *PLACE, "random policies (mean)", "s_pri", 0.38),
    (
        "ats-w-insight2", "warmerdam2022", *PLACE,
        "random policies with >=2 of the top-10 transformations (mean)", "s_pri", 0.31,
    ),
    (
        "ats-w-insight3", "warmerdam2022", *PLACE,
        "three of the top-5 transformations (mean)", "pct_of_policies_beaten", 97.3,
    ),
    ("ats-w-insight3", "warmerdam2022", *PLACE, "3", "s_pri", 0.2622),
    ("ats-w-insight3", "warmerdam2022", *PLACE, "15", "s_pri", 0.2845),
    ("ats-w-insight3", "warmerdam2022", *PLACE, "0", "s_pri", 0.3554),
).assign(std=0.1, attack=None)  # fmt: skip


def scores(*rows, seed=0, **more):
    """Return scores, one row a (policy, S_pri, S_acc)."""
    table = pd.DataFrame(rows, columns=["policy", "s_pri", "s_acc"])
    return table.assign(
        **NAMED, seed=seed, candidate=range(len(rows)), status="ok", **more
    )  # fmt: skip


def groups_of(*policies, **how):
    named = how.pop("group", None)
    table = scores(*((policy, 0.3, -70.0) for policy in policies), group=named)
    return tables.grouped_scores(table, **how)["group"].tolist()


def test_random_policies_with_two_of_the_ten_best_are_told_apart():
    assert groups_of("3-1-7", "3-3-7", "3-7", "19-1-18", "3-15-1", "none") == [
        "two-of-top10", "random", "random", "random", "two-of-top10", "none",
    ]  # fmt: skip


def test_an_operation_counts_as_one_that_does_the_same():
    # 24 does what 43 does, 28 what 39 does; both pairs are one function.
    assert groups_of("24-28-7", "24-43-7") == ["two-of-top10", "random"]
    assert groups_of("24-28-7", "24-43-7", alike=False) == ["random", "random"]


def test_lists_fall_into_triples_of_five_and_of_ten():
    found = groups_of("3-15-1", "3-15-43", "3-15-18", "3-15", "26-12-1", group="top10-triples")
    assert found == ["triples-of-top5", "top10-triples", "other", "other", "triples-of-top5"]


def test_of_the_120_triples_ten_are_of_the_five_best():
    triples = fixed_list("top10-triples")
    found = groups_of(*triples, *fixed_list("triples-of-top5"), group="top10-triples")
    assert len(triples) == len(found) == 120
    assert found.count(TRIPLES) == 10


def field(seed=0):
    """Return eight random policies, two of them of the ten best, two triples and none."""
    drawn = [(f"{i}-{i}", 0.30 + 0.01 * i, -60.0 - i) for i in (5, 7, 8, 9, 10, 11)]
    pairs = [("3-1-7", 0.26, -80.0), ("15-26", 0.28, -66.0)]
    triples = [("3-15-1", 0.27, -85.0), ("1-26-12", 0.36, -85.0)]
    parts = [
        scores(*drawn, *pairs, ("none", 0.375, -67.0), seed=seed, group="random-8"),
        scores(*triples, seed=seed, group="triples-of-top5"),
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_share_of_random_policies_beaten_by_hand():
    # Random: 0.26 0.28 0.35 0.37 0.38 0.39 0.40 0.41. Beaten by 0.27: seven; by 0.36: five.
    grouped = tables.grouped_scores(field())
    beaten = grouped[grouped["group"] == TRIPLES]["policies_beaten_share"]
    assert beaten.tolist() == [7 / 8, 5 / 8]
    assert grouped[grouped["group"].isin((RANDOM, PAIRS))]["policies_beaten_share"].isna().all()


def test_the_field_is_that_of_the_same_seed():
    other = field(seed=1).assign(s_pri=lambda t: t["s_pri"] - 0.2 * (t["group"] == "random-8"))
    grouped = tables.grouped_scores(pd.concat([field(), other], ignore_index=True))
    beaten = grouped[grouped["group"] == TRIPLES].groupby("seed")["policies_beaten_share"].max()
    assert beaten.tolist() == [7 / 8, 0.0]


def test_failed_scores_are_left_out():
    table = field()
    table.loc[table["policy"] == "5-5", "status"] = "failed"
    grouped = tables.grouped_scores(table)
    assert "5-5" not in set(grouped["policy"])
    assert grouped["policies_beaten_share"].max() == 6 / 7


def test_none_may_come_from_the_single_transformations():
    table = field()
    without = table[table["policy"] != "none"]
    singles = table[table["policy"] == "none"].drop(columns="group")
    grouped = tables.grouped_scores(without, singles=singles)
    assert (grouped["group"] == "none").sum() == 1
    assert len(tables.random_table(grouped, PUBLISHED)) == 5


def rows_of(table):
    return {row["quantity"]: row for row in table.to_dict("records")}


def test_random_policies_against_none_by_hand():
    rows = rows_of(tables.random_table(tables.grouped_scores(field()), PUBLISHED))
    # None has 0.375 and -67: above lie 0.38 to 0.41; below -67 lie -68 (8) to -71, and -80.
    higher, lower, both = 4 / 8, 5 / 8, 4 / 8
    for name, share in (("higher_s_pri", higher), ("lower_s_acc", lower), ("worse_on_both", both)):
        row, expected = rows[f"{name}_share"], share_interval(share, 8)
        assert row["value"] == pytest.approx(share)
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
        assert row["n"] == 8
    assert (rows["s_pri_none"]["value"], rows["s_pri_none"]["warmerdam2022"]) == (0.375, 0.32)
    mean = mean_interval([0.35, 0.37, 0.38, 0.39, 0.40, 0.41, 0.26, 0.28])
    assert rows["s_pri_random"]["value"] == pytest.approx(mean.value)
    assert rows["s_pri_random"]["warmerdam2022"] == 0.38
    assert rows["s_pri_random"]["original"] == "not available"


def test_each_seed_has_its_own_none():
    lowered = field(seed=1)
    lowered.loc[lowered["policy"] == "none", "s_pri"] = 0.0
    grouped = tables.grouped_scores(pd.concat([field(), lowered], ignore_index=True))
    row = rows_of(tables.random_table(grouped, PUBLISHED))["higher_s_pri_share"]
    # The policies of both seeds are the same: half of them under one, all under the other.
    assert (row["value"], row["n"]) == (0.75, 8)


@pytest.mark.parametrize(("left", "message"), [("none", "random policy"), ("5-5", "policy none")])
def test_nothing_to_compare_is_said(left, message):
    table = field()
    with pytest.raises(ReveilError, match=f"cifar100, resnet20-4 has no {message}"):
        tables.random_table(tables.grouped_scores(table[table["policy"] == left]), PUBLISHED)


def test_policies_of_the_best_against_the_others():
    rows = rows_of(tables.best_table(tables.grouped_scores(field()), PUBLISHED))
    pairs, others = [0.26, 0.28], [0.35, 0.37, 0.38, 0.39, 0.40, 0.41]
    expected = mean_difference(pairs, others)
    row = rows["s_pri_difference"]
    assert (row["value"], row["low"]) == pytest.approx((expected.value, expected.low))
    assert row["n"] == 8
    assert rows["s_pri_pairs"]["value"] == pytest.approx(0.27)
    assert rows["s_pri_pairs"]["warmerdam2022"] == 0.31
    assert rows["s_pri_others"]["value"] == pytest.approx(np.mean(others))
    triples = rows["beaten_share_triples_of_top5"]
    assert (triples["value"], triples["n"]) == (0.75, 2)
    assert triples["warmerdam2022"] == pytest.approx(0.973)
    assert np.isnan(rows["beaten_share_top10_triples"]["value"])


def singles(values, seeds=(0,)):
    parts = [
        scores(*((str(i), s, -67.0) for i, s in values.items()), seed=seed).assign(
            candidate=list(values), s_pri_low=0.2, s_pri_high=0.4, s_pri_n=100
        )
        for seed in seeds
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_best_operations_are_one_a_function():
    values = {i: 0.4 for i in range(50)} | {3: 0.2, 43: 0.25, 24: 0.25, 42: 0.25, 48: 0.25, 1: 0.3}
    assert tables.top_operations(singles(values), 3) == (3, 24, 1)
    assert tables.top_operations(singles(values, seeds=(0, 1)), 2) == (3, 24)
    assert len(tables.top_operations(singles(values), 50)) == 28


def ranked():
    values = {i: 0.4 + 0.001 * i for i in range(50)} | {3: 0.25, 15: 0.26, 0: 0.27}
    none = singles({-1: 0.3}).assign(policy="none")
    return tables.single_ranking(pd.concat([singles(values), none], ignore_index=True), PUBLISHED)


def test_the_ranking_stands_beside_the_published_one():
    table = ranked().set_index("index")
    assert table.loc[[3, 15, 0], "warmerdam2022_s_pri"].tolist() == [0.2622, 0.2845, 0.3554]
    assert table.loc[[3, 15, 0], "warmerdam2022_rank"].tolist() == [1, 2, 3]
    assert table.loc[[3, 15, 0], "rank"].tolist() == [1, 2, 3]
    assert np.isnan(table.loc[7, "warmerdam2022_s_pri"])
    assert "S_pri of Warmerdam et al. 2022" in tables.to_markdown(ranked())


def test_the_agreement_with_the_published_ranking():
    rows = rows_of(tables.ranking_agreement(ranked()))
    assert rows["spearman_warmerdam2022"]["value"] == pytest.approx(1)
    assert rows["spearman_warmerdam2022"]["n"] == 3
    assert rows["top_ten_common"]["value"] == 3
    nothing = ranked().assign(warmerdam2022_s_pri=np.nan)
    assert tables.ranking_agreement(nothing).empty


def test_the_published_best_are_ten():
    assert len(set(TOP_TEN)) == 10
    assert set(groups_of("3-15-1")) == {PAIRS}
