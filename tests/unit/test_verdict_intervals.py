"""What verdicts rest on: pairs, intervals over images and trainings, and what would decide."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import special

from reveil import crossed
from reveil.statistics import STUDENT, WELCH, Estimate, mean_interval
from reveil.verdicts import frames
from reveil.verdicts.criteria import Claim, Cut, Scope, Test
from reveil.verdicts.decide import Needed, Verdict, units_needed
from reveil.verdicts.judge import judge
from reveil.verdicts.tables import prepared
from reveil.verdicts.words import asked, ours

LOWER = Test(
    name="lower",
    role="decides",
    table="images",
    statistic="paired_difference",
    column="gain_db",
    alternative="less",
    margin=0.0,
    confidence=0.95,
    require="all",
    select={"policy": ("3-1-7",), "attack": ("inversed",)},
    reference={"policy": "crop-flip"},
)
SCOPE = Scope(("cifar100",), ("resnet20-4",), 8, 0, 1)
CLAIM = Claim("mine", "ats", "ats-exp03", "It is so.", "Lower.", (), (LOWER,), SCOPE, "")
RECOVERED = {
    "statistic": "recovered",
    "select": {"policy": ("3-1-7",), "attack": ("aware",)},
    "reference": {"attack": "inversed"},
    "baseline": {"policy": "crop-flip"},
    "alternative": "greater",
    "margin": 0.5,
}
DRAW = np.random.default_rng(0).standard_normal


def of(**changed):
    """Return the claim with its test changed."""
    return replace(CLAIM, tests=(replace(LOWER, **changed),))


def attacked(away, base=None, **named):
    """Return images under crop and flip and under a policy, gains (images, seeds) apart."""
    away = np.asarray(away, dtype=float)
    base = np.zeros_like(away) if base is None else base
    image, seed = np.indices(away.shape)
    common = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4", "recipe": "full"}
    common |= {"attack": "inversed", "defence": "none", "iterations": 9, "status": "ok", **named}
    frame = pd.DataFrame({**common, "image": image.ravel(), "seed": seed.ravel()})
    sides = {"crop-flip": base, "3-1-7": base + away}
    rows = [frame.assign(policy=name, gain_db=gain.ravel()) for name, gain in sides.items()]
    return pd.concat(rows, ignore_index=True)


def judged(table, claim=CLAIM):
    return judge(claim, {"images": table}.get)


def layout(images=3.0, seeds=0.4, rest=1.0, shape=(200, 3), draw=DRAW):
    """Return values that vary with image, with training and with neither."""
    return images * draw((shape[0], 1)) + seeds * draw((1, shape[1])) + rest * draw(shape)


@pytest.mark.parametrize(
    "deviations", [(3, 0.4, 1), (3, 0, 1), (1, 2, 1), (0.5, 0.05, 0.5)], ids=str
)
def test_intervals_cover_other_images_and_other_trainings(deviations):
    draw = np.random.default_rng(1).standard_normal
    found = [
        crossed.crossed_interval(pd.DataFrame(layout(*deviations, shape=(60, 3), draw=draw)))
        for _ in range(400)
    ]
    # 95 % of 400 are 380, with a standard deviation of 4.4.
    assert 362 <= sum(entry.low < 0 < entry.high for entry in found) <= 396


def test_without_differences_between_trainings_images_are_all_there_is():
    values = np.array([1.0, 2.0, 4.0, 5.0])
    found = crossed.crossed_interval(pd.DataFrame({seed: values for seed in range(3)}))
    expected = mean_interval(values)
    assert expected.method == STUDENT
    assert (found.value, found.low, found.high, found.n) == pytest.approx(
        (expected.value, expected.low, expected.high, 4)
    )


def test_without_differences_between_images_trainings_are_all_there_is():
    found = crossed.crossed_interval(pd.DataFrame([[1.0, 2.0, 4.0]] * 50))
    expected = mean_interval([1.0, 2.0, 4.0])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.n == 50


def test_the_mean_squares_are_those_of_the_two_way_layout():
    found = crossed.crossed_interval(pd.DataFrame([[1.0, 2.0], [3.0, 8.0], [5.0, 5.0]])).layout
    # Image means 1.5, 5.5 and 5, seed means 3 and 5, the mean of all 4.
    assert found.by_image == pytest.approx(2 * (2.5**2 + 1.5**2 + 1) / 2)
    assert found.by_seed == pytest.approx(3 * 2)
    rest = [0.5, -0.5, -1.5, 1.5, 1, -1]
    assert found.rest == pytest.approx(np.square(rest).sum() / 2)


def test_images_that_a_seed_lacks_are_left_out():
    table = pd.DataFrame(layout(shape=(20, 3)))
    table.loc[3, 1] = np.nan
    assert crossed.crossed_interval(table) == crossed.crossed_interval(table.drop(3))


@pytest.mark.parametrize("shape", [(1, 3), (5, 1)])
def test_a_layout_needs_two_of_each(shape):
    with pytest.raises(ValueError, match="two images under two seeds"):
        crossed.crossed_interval(pd.DataFrame(np.ones(shape)))


def test_a_layout_must_be_finite():
    with pytest.raises(ValueError, match="finite"):
        crossed.crossed_interval(pd.DataFrame([[1.0, np.inf], [0.0, 1.0]]))


def test_verdicts_count_trainings_as_a_sample():
    """Thousands of images do not tell what another training would say."""
    away = -0.3 + 0.01 * DRAW((500, 3)) + np.array([-0.5, 0.0, 0.5])
    found = judged(attacked(away))
    number = found.deciding()
    assert (number.estimate.method, number.estimate.n) == ("crossed-t", 500)
    assert found.verdict == Verdict.UNDECIDED
    assert judged(attacked(away[:, :1] + 0.3)).verdict == Verdict.SUPPORTED


def test_failures_of_one_seed_do_not_turn_a_verdict():
    """The difference is that of the same image and seed, whatever failed."""
    base = np.where(np.arange(3) == 2, -20.0, 0.0) + np.zeros((40, 3))
    table = attacked(np.full((40, 3), 0.5), base)
    lost = (table["policy"] == "crop-flip") & (table["seed"] == 2) & (table["image"] < 10)
    table.loc[lost, ["status", "gain_db"]] = "failed", np.nan
    found = judged(table)
    assert found.verdict == Verdict.CONTRADICTED
    assert found.deciding().estimate.value == pytest.approx(0.5)
    assert found.deciding().estimate.n == 30


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ({2: 10}, "10 of 40 images under every seed"),
        ({1: 1, 2: 1}, "1 of 3 seeds, as 3 share fewer than two images"),
        ({2: 40}, ""),
    ],
)
def test_failures_that_leave_seeds_little_in_common_are_less_than_the_scope(left, said):
    """Rows of a seed of which most failed are no training that an interval is over."""
    claim = replace(CLAIM, scope=replace(SCOPE, min_images=40, min_seeds=3))
    table = attacked(-1 + 0.01 * DRAW((40, 3)))
    for seed, count in left.items():
        lost = (table["seed"] == seed) & (table["image"] >= count)
        table.loc[lost, ["status", "gain_db"]] = "failed", np.nan
    found = judged(table, claim)
    assert found.verdict == (Verdict.NOT_RUN if said else Verdict.SUPPORTED)
    assert [text for text in found.numbers[0].short if text == said] == ([said] if said else [])


def test_infinite_gains_are_capped():
    table = attacked(np.full((9, 3), -1.0)).assign(psnr_db=20.0, floor_db=18.0)
    table.loc[table["image"] == 0, "floor_db"] = np.inf
    table["gain_db"] = table["psnr_db"] - table["floor_db"]
    found = prepared("images", table, lambda name: None)
    assert found["gain_db"].tolist() == [-80.0 if image == 0 else 2.0 for image in table["image"]]
    assert judged(found).deciding().estimate.value == pytest.approx(0)


def test_columns_differ_within_the_rows_that_have_both():
    table = attacked(np.zeros((9, 1))).assign(rmse=1.0, rmse_blend=0.4)
    table.loc[table["image"] == 3, "rmse_blend"] = np.nan
    table.loc[table["image"] == 3, "rmse"] = 90.0
    claim = of(
        statistic="column_difference", column="rmse", reference={}, more={"with": "rmse_blend"}
    )
    number = judged(table, claim).deciding()
    assert (number.estimate.value, number.estimate.n) == (pytest.approx(0.6), 8)


def test_what_comes_back_of_no_loss_has_no_interval():
    claim = of(**RECOVERED)
    plain, aware = (
        attacked(np.full((40, 1), -4.0)),
        attacked(np.full((40, 1), -1.0), attack="aware"),
    )
    spread = 0.1 * DRAW(len(plain))
    both = pd.concat([plain.assign(gain_db=plain["gain_db"] + spread), aware])
    clear = judged(both, claim).deciding().estimate
    assert clear.low < 0.75 < clear.high and clear.high - clear.low < 0.05
    noisy = pd.concat([plain.assign(gain_db=plain["gain_db"] + 300 * spread), aware])
    assert math.isnan(judged(noisy, claim).deciding().estimate.low)


def test_what_comes_back_is_a_matter_of_trainings_too():
    """Of one seed all comes back, of the others nothing; each of the same image and seed."""
    claim = of(**RECOVERED)
    plain = attacked(np.full((40, 3), -4.0) + 0.1 * DRAW((40, 3)))
    back = np.array([0.0, -4.0, -4.0]) + 0.1 * DRAW((40, 3))
    found = judged(pd.concat([plain, attacked(back, attack="aware")]), claim).deciding().estimate
    assert found.method == "crossed-t"
    assert found.value == pytest.approx(1 / 3, abs=0.02)
    assert found.low < -0.5 and found.high > 1
    steady = attacked(-1.0 + 0.1 * DRAW((40, 3)), attack="aware")
    clear = judged(pd.concat([plain, steady]), claim).deciding().estimate
    assert clear.low < 0.75 < clear.high and clear.high - clear.low < 0.1


@pytest.mark.parametrize("method", [STUDENT, WELCH])
def test_few_units_that_would_decide_follow_from_the_quantile_of_their_number(method):
    lost = {STUDENT: 1, WELCH: 2}[method]
    half = special.stdtrit(4 - lost, 0.975) / 2
    test = replace(LOWER, table="models", statistic="seed_difference")
    needed = units_needed(Estimate(-1.0, -1 - half, -1 + half, 4, method), test)
    # A standard deviation of 1.
    widths = {n: special.stdtrit(n - lost, 0.975) / math.sqrt(n) for n in range(5, 30)}
    assert needed == Needed(min(n for n, width in widths.items() if width < 1), "seed")
    assert needed.count < 4 * half**2


def test_many_units_that_would_decide_follow_from_the_width():
    found = {
        value: units_needed(Estimate(value, value - 2, value + 2, 100, "x"), LOWER)
        for value in (-1, 1, 0, -3)
    }
    # An end on the margin itself decides nothing.
    assert found == {-1: Needed(401, "image"), 1: Needed(401, "image"), 0: None, -3: None}
    assert units_needed(Estimate(-2, math.nan, math.nan, 1, "x"), LOWER) is None
    within = replace(LOWER, alternative="equivalent", margin=1.0)
    assert units_needed(Estimate(0.5, -0.5, 1.5, 100, "x"), within).count == 401
    assert units_needed(Estimate(1.5, 0.5, 2.5, 100, "x"), within).count == 401
    policies = replace(LOWER, table="scores")
    assert units_needed(Estimate(-1, -3, 1, 100, "x"), policies) == Needed(401, "policy")


def test_where_no_number_of_images_would_decide_seeds_do():
    few = crossed.crossed_interval(pd.DataFrame(-0.3 + layout(3, 0, 0.1, (20, 3))))
    assert few.low < 0 < few.high
    needed = units_needed(few, LOWER)
    assert needed.unit == "image" and needed.count > 20
    more = few.layout.with_more(needed.count, 3).half_width(0.95)
    fewer = few.layout.with_more(needed.count - 1, 3).half_width(0.95)
    assert more < abs(few.value) <= fewer
    noisy = pd.DataFrame(-0.3 + 0.01 * DRAW((500, 3)) + np.array([-0.5, 0.0, 0.5]))
    found = units_needed(crossed.crossed_interval(noisy), LOWER)
    assert found.unit == "seed" and 10 < found.count < 30


def test_the_smallest_number_is_found():
    assert crossed.smallest(lambda n: n >= 1234, 5) == 1234
    assert crossed.smallest(lambda n: True, 5) == 5
    assert crossed.smallest(lambda n: n >= 10**12, 1) == 10**12
    assert crossed.smallest(lambda n: False, 1) is None


def test_each_undecided_test_says_what_would_decide_it():
    seeds = replace(LOWER, name="kept", table="models", statistic="seed_difference", select={})
    claim = replace(CLAIM, tests=(LOWER, replace(seeds, select={"policy": ("3-1-7",)})))
    images = attacked(-0.3 + DRAW((20, 1)))
    models = attacked(np.array([[-1.0, -2.0, 0.5]])).drop(columns=["image", "attack"])
    found = judge(claim, {"images": images, "models": models}.get)
    assert found.verdict == Verdict.UNDECIDED
    first, second = found.reason.split("; ")
    assert first.startswith("intervals too wide for lower, ") and "images would decide" in first
    assert second.startswith("intervals too wide for kept, ") and "seeds would decide" in second
    needed = {n.test.name: n.needed for n in found.numbers}
    assert f"{needed['lower'].count} images" in first
    assert f"{needed['kept'].count} seeds" in second


def premised(margin):
    """Return the claim with a premise on the gain under crop and flip."""
    premise = replace(
        LOWER,
        name="works",
        role="premise",
        statistic="mean",
        select={"policy": ("crop-flip",), "attack": ("inversed",)},
        reference={},
        alternative="greater",
        margin=margin,
    )
    scope = replace(SCOPE, datasets=("cifar100", "cifar10"))
    return replace(CLAIM, tests=(premise, LOWER), scope=scope)


def test_premises_leave_cells_out():
    table = attacked(np.full((9, 1), -1.0), np.full((9, 1), 2.0))
    fails, holds = (replace(premised(margin), scope=SCOPE) for margin in (3.0, 1.0))
    found = judged(table, fails)
    assert found.verdict == Verdict.UNDECIDED and "no cell whose premise holds" in found.reason
    assert "the premise works fails in 1 of 1 cells" in found.reason
    assert judged(table, holds).verdict == Verdict.SUPPORTED


def test_places_without_the_premise_are_told():
    strong, weak = (np.full((9, 1), gain) for gain in (3.0, 0.0))
    table = pd.concat(
        [
            attacked(np.full((9, 1), -1.0), strong),
            attacked(np.full((9, 1), +1.0), weak, dataset="cifar10"),
        ]
    )
    found = judged(table, premised(1.0))
    assert found.verdict == Verdict.SUPPORTED
    assert found.reason == "the premise works fails in 1 of 2 cells, which decide nothing"
    few = replace(premised(1.0), scope=replace(SCOPE, min_images=10))
    assert judged(table, few).demonstrated.endswith("the premise works fails in 1 of 2 cells")


def test_a_premise_that_is_undecided_does_not_fail():
    table = attacked(np.full((9, 1), -1.0), 1.0 + DRAW((9, 1)))
    claim = replace(premised(1.0), scope=SCOPE)
    found = judged(table, claim)
    assert found.verdict == Verdict.UNDECIDED
    assert "no cell whose premise holds for lower" in found.reason
    assert "the premise works is undecided in 1 of 1 cells" in found.reason


def test_the_unit_of_a_test_may_be_another_than_that_of_its_table():
    table = attacked(np.array([[-1.0, -2.0, -3.0]] * 9))
    number = judged(table, of(statistic="mean", reference={}, unit="seed")).deciding()
    expected = mean_interval([-1.0, -2.0, -3.0])
    assert (number.estimate.low, number.estimate.n) == (pytest.approx(expected.low), 3)


def test_what_is_cut_concerns_the_tables_that_are_made_with_it():
    table = attacked(np.full((9, 1), -1.0))
    cut = Cut({"protocol": "fixed"}, "protocol fixed with 2 of 20 search.s_pri.points", ("scores",))
    assert judge(CLAIM, {"images": table}.get, cuts=[cut]).verdict == Verdict.SUPPORTED
    cut = cut._replace(tables=("scores", "images"))
    assert judge(CLAIM, {"images": table}.get, cuts=[cut]).verdict == Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "gain over the floor (dB), less that of crop-flip < 0"),
        ({"statistic": "mean", "alternative": "greater"}, "mean gain over the floor (dB) > 0"),
        (
            {"alternative": "equivalent", "margin": 2.0, "column": "accuracy_clean_pct"},
            "clean accuracy (%), less that of crop-flip within ±2",
        ),
        (
            {"statistic": "partial", "column": "psnr_db", "more": {"with": "x", "control": "y"}},
            "correlation of PSNR (dB) with x, y held fixed < 0",
        ),
        (
            {
                "statistic": "share",
                "more": {"where": {"s_pri": "above_none", "s_acc": "below_none"}},
            },
            "share of policies with S_pri above and S_acc below that of none < 0",
        ),
        (
            {"statistic": "overlap", "column": "s_pri", "more": {"top": 5}, "margin": 3.5},
            "of the 5 lowest S_pri, those that are listed < 3.5",
        ),
        (
            {"reference": {"model": "none", "recipe": "none", "attack": "keep"}},
            "gain over the floor (dB), less that of keep < 0",
        ),
    ],
)
def test_what_was_asked_is_told_in_words(changed, words):
    assert asked(replace(LOWER, **changed)) == words


def test_a_row_of_verdicts_has_the_seeds_that_its_interval_speaks_of():
    table = frames.verdict_table([judged(attacked(-1.0 + 0.1 * DRAW((9, 3))))], "run", [])
    [row] = table.to_dict("records")
    assert (row["n"], row["n_seeds"], row["interval"]) == (9, 3, "crossed-t")
    assert ours(row).endswith("n = 9 images under 3 seeds")
    [row] = frames.verdict_table([judged(attacked(-1.0 + DRAW((9, 1))))], "r", []).to_dict(
        "records"
    )
    assert row["n_seeds"] == "" and ours(row).endswith("n = 9 images")


def test_rows_of_tables_without_seeds_are_told_as_they_are():
    row = {"value": "1.5", "low": "1", "high": "2", "n": "8", "unit": "image"}
    assert ours(row) == "1.5 [1, 2], n = 8 images"
