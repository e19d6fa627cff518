"""Which images leak: regressions against NumPy and by hand, and what cannot be fitted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reveil.errors import ReveilError
from reveil.leaks import SETTING, TERMS, Fit, class_share, leaks, least_squares

NAMES = {"protocol": "fixed", "dataset": "d", "model": "m", "policy": "3-1-7", "recipe": "full"}
NAMES |= {"attack": "inversed", "defence": "none", "status": "ok"}
SLOPES = np.array([1.5, -0.5, 0.25, 0.0, 2.0])


def measured(count: int = 60, classes: int = 6, noise: float = 0.3, seed: int = 0) -> pd.DataFrame:
    """Return rows whose gain is SLOPES per standard deviation, with an offset for each class."""
    rng = np.random.default_rng(seed)
    facts = rng.normal(3, 2, (count, len(TERMS)))
    standard = (facts - facts.mean(0)) / facts.std(0, ddof=1)
    label = np.arange(count) % classes
    gain = standard @ SLOPES + 3.0 * label + noise * rng.normal(size=count) * (1 + label)
    table = pd.DataFrame(facts, columns=list(TERMS)).assign(**NAMES)
    return table.assign(image=range(count), label=label, psnr_db=gain + 9, floor_db=9.0)


def test_coefficients_are_those_of_least_squares_with_a_column_per_class():
    table = measured()
    found = leaks(table)[:5]
    facts = table[list(TERMS)].to_numpy()
    standard = (facts - facts.mean(0)) / facts.std(0, ddof=1)
    design = np.hstack([standard, np.eye(6)[table["label"]]])
    gain = (table["psnr_db"] - 9).to_numpy()
    expected, *_ = np.linalg.lstsq(design, gain, rcond=None)
    assert found["term"].tolist() == list(TERMS)
    np.testing.assert_allclose(found["estimate"], expected[:5], rtol=1e-9)
    residuals = gain - design @ expected
    share = 1 - (residuals**2).sum() / ((gain - gain.mean()) ** 2).sum()
    assert found["r2"].tolist() == pytest.approx([share] * 5)
    assert set(found["n"]) == {60} and set(found["classes"]) == {6}
    assert set(found["method"]) == {"ols-hc3"} and set(found["note"]) == {""}
    assert [list(row) for row in found[list(SETTING)].to_numpy()] == [
        ["fixed", "d", "m", "3-1-7", "full", "inversed", "none"]
    ] * 5


def test_intervals_cover_the_slopes_that_made_the_gains():
    found = leaks(measured(600))[:5]
    assert ((found["low"] < SLOPES) & (found["high"] > SLOPES)).all()
    strong = found.set_index("term").loc[["contrast", "gradient_norm"]]
    assert (strong["low"] > 0).all()
    narrow = leaks(measured(600), level=0.5)[:5]
    assert (narrow["high"] - narrow["low"] < found["high"] - found["low"]).all()


def test_hc3_by_leaving_each_point_out():
    rng = np.random.default_rng(1)
    design = np.column_stack([rng.normal(size=12), np.ones(12)])
    response = design @ [2.0, 1.0] + rng.normal(size=12) * np.abs(design[:, 0])
    fit = least_squares(design, response)
    # e_i / (1 - h_i) is the error of the prediction for i by a fit without i.
    deleted = np.empty(12)
    for i in range(12):
        rest = np.arange(12) != i
        b, *_ = np.linalg.lstsq(design[rest], response[rest], rcond=None)
        deleted[i] = response[i] - design[i] @ b
    bread = np.linalg.inv(design.T @ design)
    meat = (design * deleted[:, None] ** 2).T @ design
    np.testing.assert_allclose(fit.errors, np.sqrt(np.diag(bread @ meat @ bread)))
    assert fit.df == 10


def test_a_line_by_hand():
    """Through (-1, 0), (0, 1), (1, 5): slope 2.5, mean 2, residuals 0.5, -1, 0.5."""
    design = np.array([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    fit = least_squares(design, np.array([0.0, 1.0, 5.0]))
    assert fit.estimates.tolist() == pytest.approx([2.5, 2.0])
    assert fit.r2 == pytest.approx(1 - 1.5 / 14)
    # h = 5/6, 1/3, 5/6, so e / (1 - h) = 3, -1.5, 3; slope: sqrt((9 + 9) / 4).
    assert fit.errors.tolist() == pytest.approx([np.sqrt(18 / 4), np.sqrt((9 + 2.25 + 9) / 9)])


def test_seeds_are_averaged_and_failures_left_out():
    table = measured()
    up, down = table.assign(psnr_db=table.psnr_db + 1), table.assign(psnr_db=table.psnr_db - 1)
    failed = table[:3].assign(status="failed", psnr_db=np.nan)
    both = leaks(pd.concat([up, down, failed], ignore_index=True))
    pd.testing.assert_frame_equal(both, leaks(table))


def test_an_exact_reconstruction_does_not_erase_the_others():
    table = measured()
    table.loc[3, "psnr_db"] = np.inf
    capped = table.assign(psnr_db=table["psnr_db"].clip(upper=100))
    pd.testing.assert_frame_equal(leaks(table), leaks(capped))


def test_policies_are_fitted_one_by_one_and_found_ones_by_their_rank():
    first = measured().assign(policy="found-fixed-s0-1")
    other = measured(seed=1).assign(policy="found-fixed-s1-1", image=range(100, 160))
    plain = measured(seed=2).assign(policy="none")
    found = leaks(pd.concat([first, other, plain], ignore_index=True))
    assert found.groupby("policy")["n"].first().to_dict() == {"found-1": 120, "none": 60}
    alone = leaks(plain).reset_index(drop=True)
    pd.testing.assert_frame_equal(found[6:].reset_index(drop=True), alone)


@pytest.mark.parametrize(
    ("table", "n", "classes", "method", "note"),
    [
        (measured(20, classes=20), 20, 0, "ols-hc3", "too few images per class: no class effects"),
        (measured(12), 12, 0, "none", "too few images: fewer than 10 residual degrees"),
        (measured(60, classes=1), 60, 0, "ols-hc3", "^$"),
        (measured().assign(contrast=0.5), 60, 6, "ols-hc3", "^the same for all images: contrast$"),
        (
            measured().assign(contrast=lambda t: 2 * t.edge_density + 1),
            *(60, 6, "none", "not linearly independent"),
        ),
        (
            measured().assign(label=[*[7], *[0, 1] * 29, *[8]]),
            *(58, 2, "ols-hc3", "^only one of their class, left out: 2$"),
        ),
        (measured().assign(victim_loss=np.nan), 0, 0, "none", "too few images: fewer than 10"),
    ],
    ids=["classes", "few", "one-class", "constant", "collinear", "singles", "no-facts"],
)
def test_what_cannot_be_fitted_is_said(table, n, classes, method, note):
    found = leaks(table)
    assert found["term"].tolist() == [*TERMS, "class"]
    assert set(found["n"]) == {n} and set(found["classes"]) == {classes}
    terms, ours = found[:5], found.iloc[5]
    assert set(terms["method"]) == {method}
    assert terms["note"].str.contains(note).all()
    empty = terms["estimate"].isna()
    if method == "none":
        assert empty.all() and found["r2"].isna().all()
    else:
        assert empty.tolist() == [name == "contrast" and "contrast" in note for name in TERMS]
    if classes and method != "none":
        assert ours["method"] == "noncentral-f" and 0 <= ours["low"] <= ours["estimate"]
    else:
        assert ours["method"] == "none" and ours[["estimate", "low", "high"]].isna().all()
        expected = note if note != "^$" else "^all images are of one class$"
        assert pd.Series([ours["note"]]).str.contains(expected).all()


def test_the_share_of_the_classes_by_hand():
    """Of the half that the properties leave, three classes explain half: F = (.5/2) / (.5/20)."""
    fit = Fit(np.zeros(0), np.zeros(0), r2=0.75, df=20)
    without = Fit(np.zeros(0), np.zeros(0), r2=0.5, df=22)
    estimate, low, high = class_share(fit, without)
    assert estimate == pytest.approx(1 - 0.5 * 22 / 20)
    for share, chance in ((low, 0.975), (high, 0.025)):
        noncentrality = 23 * share / (1 - share)
        assert stats.ncf.cdf(10, 2, 20, noncentrality) == pytest.approx(chance, abs=1e-6)
    # F = 2 / 3, which a share of 0 makes in most samples, and F = 0.
    weak = Fit(np.zeros(0), np.zeros(0), r2=0.5 + 0.5 / 16, df=20)
    estimate, low, high = class_share(weak, without)
    assert (estimate, low) == (0, 0) and 0 < high < 0.5
    assert class_share(Fit(np.zeros(0), np.zeros(0), 0.5, 20), without) == (0, 0, 0)
    nothing = Fit(np.zeros(0), np.zeros(0), 1.0, 22)
    assert np.isnan(class_share(nothing, nothing)).all()


def test_the_row_of_the_classes_compares_the_fits_with_and_without_them():
    table = measured(noise=2.0)
    ours = leaks(table).iloc[5]
    standard = table[list(TERMS)].to_numpy()
    gain = (table["psnr_db"] - 9).to_numpy()
    left = []
    for intercepts in (np.eye(6)[table["label"]], np.ones((60, 1))):
        design = np.hstack([standard, intercepts])
        left.append(((gain - design @ np.linalg.lstsq(design, gain, rcond=None)[0]) ** 2).sum())
    share = 1 - left[0] / left[1]
    assert ours["estimate"] == pytest.approx(1 - (1 - share) * 54 / 49)
    assert ours["low"] < ours["estimate"] < ours["high"] < 1
    assert ours["note"] == f"R2 beyond the properties before the correction: {share:.3g}"
    assert (ours["method"], ours["n"], ours["classes"]) == ("noncentral-f", 60, 6)


def test_the_interval_of_the_classes_covers_a_share_of_none():
    """Twenty classes of four images explain 20 % by chance, which no row may claim for them."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        table = measured(80, classes=20)
        gain = table[list(TERMS)].to_numpy() @ SLOPES + rng.normal(size=80)
        rows.append(leaks(table.assign(psnr_db=gain + 9)).iloc[5])
    found = pd.DataFrame(rows)
    # The lower tail alone can fail: 2.5 % of 200, at most 11 with all but 0.5 %.
    assert (found["low"] > 0).sum() <= 11
    raw = found["note"].str.extract(r"([\d.e-]+)$")[0].astype(float)
    assert raw.mean() == pytest.approx(19 / 74, abs=0.02)
    assert found["estimate"].median() < 0.05


def test_tables_without_the_columns_are_refused():
    with pytest.raises(ReveilError, match="columns missing: .*'contrast'"):
        leaks(measured().drop(columns="contrast"))
    with pytest.raises(ReveilError, match="no reconstruction"):
        leaks(measured().assign(status="failed"))
