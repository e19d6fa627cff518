"""The figures of unir show what its tables say."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest

from reveil.errors import ReveilError
from reveil.statistics import PSNR_CEILING_DB
from reveil.unir.figures import curves, methods, scores, seeds, shown, sweep, values
from tests.figure_layout import assert_all_is_seen
from tests.figure_tables import heading, texts
from tests.unir_figures import CLASSICAL, TRAINED, history, reached, rows, scored, study
from tests.workflow import ROOT

SUBJECT = {"protocol": "fixed-unir", "dataset": "fashion-mnist", "model": "unet"}
TITLE = "Fashion-MNIST, unet, protocol fixed-unir"
AMBIENT = {"protocol": "bora2018", "dataset": "fashion-mnist", "model": "ambient-mnist"}
SHARES = {f"remove-pixel-dark-{round(100 * p)}": p for p in (0.1, 0.5, 0.9, 0.95)}
WEIGHTS = {"cond-ambient": 0.0, "unir-weight-05": 0.5, "unir": 2.0, "unir-weight-10": 10.0}
SIZES = {"unir-1k": 1_000.0, "unir-5k": 5_000.0, "unir-60k": 60_000.0}
ASSUMED = {"unir-assumed-30": 0.3, "unir-assumed-50": 0.5, "unir-assumed-noise": "noise"}
SCORED = {"block-pixels-0": 0.0, "block-pixels-50": 0.5, "block-pixels-90": 0.9}
SWEPT = {name: (TRAINED | CLASSICAL)[name] for name in ("unir", "regress", "keep", "tv")}
STABLE = ("unir", "unir-hinge", "unir-two-rates")


def published():
    return pd.read_csv(ROOT / "config/published.csv")


def rates():
    parts = [reached(SWEPT, policy=name, less=10 * (p - 0.5)) for name, p in SHARES.items()]
    return pd.concat(parts, ignore_index=True)


def varied(values, policies=("remove-pixel-dark-50", "convolve-noise")):
    """Return rows whose PSNR is 19, 19.3, 19.6 ... in the order of the recipes."""
    parts = [
        reached({name: 19 + 0.3 * place}, policy=policy)
        for place, name in enumerate(values)
        for policy in policies
    ]
    return pd.concat(parts, ignore_index=True)


def sampled():
    parts = [
        scored(recipe, 8.5 - fall * p, policy=name)
        for recipe, fall in (("ambientgan", 2), ("ignore", 7))
        for name, p in SCORED.items()
    ]
    return pd.concat(parts, ignore_index=True)


def trainings(recipes=STABLE, seeds=(0, 1, 2)):
    parts = [history(name, seed=seed) for name in recipes for seed in seeds]
    return pd.concat([*parts, history("regress", dead=True)], ignore_index=True)


def printed_run():
    runs = history("guo2020-code", policy="identity", count=79, every=100, level=0.7)
    subject = {"protocol": "guo2020", "dataset": "celeba-64-guo2020", "model": "dcgan"}
    return curves.draw(runs, curves.printed(published()), **subject)


DRAW = {
    "curves": lambda: curves.draw(trainings(), **SUBJECT),
    "curves-printed": printed_run,
    "methods": lambda: methods.draw(study(), **SUBJECT),
    "rate": lambda: sweep.draw(rates(), "rate", SHARES, **SUBJECT),
    "weight": lambda: sweep.draw(varied(WEIGHTS), "weight", WEIGHTS, **SUBJECT),
    "size": lambda: sweep.draw(varied(SIZES), "size", SIZES, **SUBJECT),
    "assumed": lambda: sweep.draw(varied(ASSUMED), "assumed", ASSUMED, true=0.5, **SUBJECT),
    "scores": lambda: scores.draw(sampled(), SCORED, scores.printed(published()), **AMBIENT),
    "seeds": lambda: seeds.draw(varied(STABLE), **SUBJECT),
}


@cache
def drawn(name):
    return DRAW[name]()


@pytest.mark.parametrize("name", sorted(DRAW))
def test_nothing_is_covered_cut_off_or_empty(name):
    figure = drawn(name)
    assert_all_is_seen(figure)
    title = figure._suptitle.get_window_extent()
    assert not any(axes.get_tightbbox().overlaps(title) for axes in figure.axes)
    told = heading(figure)
    assert "protocol" in told and ("image" in told or "step" in told or "sample" in told)


# What figures take from the table


def test_a_generator_that_samples_cannot_be_drawn_among_reconstructions():
    with pytest.raises(ReveilError, match="'dcgan' is not allowed among reconstructions"):
        methods.draw(rows(model="dcgan"), **SUBJECT)


def test_no_rows_and_tables_of_other_versions_are_refused():
    with pytest.raises(ReveilError, match="no rows"):
        methods.data(rows().head(0))
    with pytest.raises(ReveilError, match="columns missing: .*psnr_db_dc"):
        methods.data(rows().drop(columns="psnr_db_dc"))


def test_failures_have_no_measures_and_an_exact_reconstruction_a_finite_psnr():
    table = rows(psnr=(10, 20, np.inf))
    table.loc[0, "status"] = "failed"
    found = shown.measured(table, ["psnr_db"])["psnr_db"]
    assert math.isnan(found[0]) and found[1:].tolist() == [20, PSNR_CEILING_DB]


@pytest.mark.parametrize(
    ("recipe", "group"),
    [("none", "untrained"), ("unir", "unsupervised"), ("paired-pajot2019", "supervised"),
     ("regress", "supervised"), ("regression", "unsupervised")],
)  # fmt: skip
def test_who_learned_from_clean_images(recipe, group):
    assert shown.group_of(recipe) == group


def test_methods_go_by_their_plain_names_under_one_protocol():
    table = pd.concat([rows("regress-pajot2019"), rows("unir-pajot2019")])
    assert list(shown.measured(table, ["ssim"])["method"].unique()) == ["regress", "unir"]
    with pytest.raises(ReveilError, match="unir-pajot2019 and unir are not allowed together"):
        shown.measured(pd.concat([table, rows()]), ["ssim"])


# Methods


def test_methods_are_means_over_images_of_the_means_over_seeds():
    table = methods.data(reached({"unir": 19.5}, images=9))
    plain = table[table["measure"] == "psnr_db"].iloc[0]
    # Image i loses 0.15 i dB, seed 1 loses 0.4.
    assert plain["mean"] == pytest.approx(19.5 - 0.15 * 4 - 0.2)
    assert plain["low"] < plain["mean"] < plain["high"]
    assert plain["n"] == 9
    kept = table[table["measure"] == "psnr_db_dc"].iloc[0]
    assert kept["mean"] == pytest.approx(plain["mean"] + 1)


def test_methods_have_a_panel_an_operator_with_both_references():
    figure = drawn("methods")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Remove-Pixel-Dark, 50 %", "Patch-Band", "Convolve-Noise, 0.3"]
    written = texts(figure)
    # 10.3 and 22 dB for the first image, 0.15 less each further one; 0.4 less for seed 1.
    assert "as it is 9.9" in written and "regression 21.4" in written
    assert "hollow: observed values kept" in written
    assert heading(figure).endswith(f"{TITLE}; 6 images, 2 seeds, whiskers 95 %")


def test_methods_say_what_was_not_run_and_what_failed():
    blurred = reached({"unir": 19.0, "wiener": 15.4}, policy="convolve-noise")
    blurred.loc[blurred["attack"] == "wiener", "status"] = "failed"
    table = pd.concat([reached({"unir": 19.5, "median": 20.5}), blurred], ignore_index=True)
    figure = methods.draw(table, **SUBJECT)
    noted = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert noted == [["not run"], ["not run", "failed"]]
    assert "6 failed" in heading(figure)


# Sweeps


def test_a_sweep_over_operators_has_a_line_a_method_dashed_where_nothing_is_trained():
    table = sweep.data(rates(), "rate", SHARES)
    assert set(table["series"]) == set(SWEPT)
    unir = table[(table["series"] == "unir") & (table["measure"] == "psnr_db")]
    assert unir["value"].tolist() == [0.1, 0.5, 0.9, 0.95]
    assert np.diff(unir["mean"]).tolist() == pytest.approx([-4, -4, -0.5])
    figure = drawn("rate")
    (legend,) = figure.legends
    dashes = {t.get_text(): h.get_linestyle() for t, h in
              zip(legend.get_texts(), legend.legend_handles, strict=True)}  # fmt: skip
    assert dashes["UNIR"] == dashes["Regression on clean images"] == "-"
    assert dashes["Total variation"] == dashes["Measurement as it is"] == "--"


def test_lambda_0_is_called_conditional_ambientgan():
    figure = drawn("weight")
    first = figure.axes[0].get_xticklabels()
    assert [tick.get_text() for tick in first][:2] == ["0\nconditional\nAmbientGAN", "0.5"]
    assert [axes.get_ylabel()[:8] for axes in figure.axes] == ["MSE on [", "Residual"]


def test_two_recipes_of_one_value_are_refused():
    values = WEIGHTS | {"unir-weight-0": 0.0}
    with pytest.raises(ReveilError, match="cond-ambient and unir-weight-0 have the same value"):
        sweep.data(varied(values), "weight", values)


def test_sizes_stand_on_a_logarithmic_axis():
    figure = drawn("size")
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["1,000", "5,000", "60,000"]


def test_the_true_operator_is_marked_and_words_stand_after_numbers():
    figure = drawn("assumed")
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["0.3", "0.5", "noise"]
    named = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert named == [["the true one"]] * 2
    marked = [line for line in figure.axes[0].lines if list(line.get_xdata()) == [1, 1]]
    assert len(marked) == 1


def test_weights_of_a_network_are_lines_of_their_own():
    table = varied({"unir": 2.0}, policies=("patch-band",))
    both = pd.concat([table, table.assign(attack="network-averaged")], ignore_index=True)
    figure = sweep.draw(both, "weight", WEIGHTS, **SUBJECT)
    assert "Patch-Band, averaged weights" in texts(figure)
    with pytest.raises(ReveilError, match="recipe: no image has one of unir-1k"):
        sweep.data(both, "size", SIZES)
    with pytest.raises(ValueError, match="'wait' is not allowed"):
        sweep.data(both, "wait", WEIGHTS)


# Curves


def test_printed_lines_are_counted_in_steps_and_their_d_loss_doubled():
    table = curves.printed(published())
    assert len(table) == 40
    # Eight lines an epoch, every 200 of 1583 iterations; the first one is 1.0472, 2.0463, 0.2533.
    assert table["step"].tolist()[:2] == [1, 201] and table["step"].tolist()[8] == 1584
    first = table.iloc[0]
    assert first["loss_d"] == pytest.approx(2 * 1.0472)
    assert first[["loss_g", "d_real", "d_fake_before", "d_fake_at"]].tolist() == pytest.approx(
        [2.0463, 0.2533, 0.3110, 0.1664]
    )


def test_curves_are_means_over_seeds_and_end_with_the_first_of_them():
    runs = pd.concat([history(), history(seed=1, count=10).assign(loss_g=9.0)])
    table = curves.data(runs)
    assert table["step"].tolist() == list(range(50, 550, 50))
    assert table["n"].eq(2).all()
    assert table["loss_g"].iloc[0] == pytest.approx((history()["loss_g"].iloc[0] + 9) / 2)


def test_curves_show_where_d_cannot_tell_and_leave_out_networks_without_one():
    figure = drawn("curves")
    assert "2 ln 2 = 1.386" in texts(figure)
    levels = [line.get_ydata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert levels == pytest.approx([2 * math.log(2)])
    # Three means and nine seeds, and the level; G's loss has regression's line besides.
    assert [len(axes.lines) for axes in figure.axes[:2]] == [13, 13]
    assert heading(figure).endswith("2,000 steps, 3 seeds, each point a mean")


def test_curves_without_any_discriminator_say_so():
    figure = curves.draw(history("regress", dead=True), **SUBJECT)
    assert texts(figure).count("no discriminator") == 3
    with pytest.raises(ReveilError, match="histories: the tidy table has no rows"):
        curves.draw(history().head(0), **SUBJECT)


def test_printed_lines_are_markers():
    figure = drawn("curves-printed")
    for axes, count in zip(figure.axes, (1, 1, 1, 2), strict=True):
        marked = [line for line in axes.lines if line.get_marker() == "D"]
        assert len(marked) == count
        assert all(len(line.get_xdata()) == 40 for line in marked)
    assert "D loss doubled" in texts(figure)


# Scores of samples


def test_scores_have_their_own_interval_or_that_of_their_seeds():
    one = scores.data(scored(score=8.0, half=0.3), SCORED).iloc[0]
    assert one[["mean", "low", "high", "seeds"]].tolist() == pytest.approx([8, 7.7, 8.3, 1])
    three = pd.concat([scored(score=8 + s, seed=s) for s in (0, 1, 2)])
    # Student's t: 9 +- 4.303 / sqrt(3).
    row = scores.data(three, SCORED).iloc[0]
    assert row[["mean", "low", "high"]].tolist() == pytest.approx([9, 6.516, 11.484], abs=1e-3)
    with pytest.raises(ReveilError, match="there is no score of block-pixels-99"):
        scores.data(three, {"block-pixels-99": 0.99})


def test_published_scores_are_told_by_source():
    table = scores.printed(published())
    counts = table.groupby(["source", "recipe"]).size()
    assert counts["ambientgan"].to_dict() == {
        "ambientgan": 6, "ignore": 7, "unmeasure-blur": 5, "unmeasure-tv": 7,
    }  # fmt: skip
    assert counts["culley"].to_dict() == {
        "ambientgan": 7, "ignore": 7, "unmeasure-biharmonic": 7,
    }  # fmt: skip
    ours = table[(table["source"] == "ambientgan") & (table["recipe"] == "ignore")]
    assert ours.set_index("share")["value"][0.5] == 5.1


def test_scores_stand_beside_what_was_published_on_other_data():
    figure = drawn("scores")
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Here", "Published: MNIST, other classifiers",
    ]  # fmt: skip
    assert "1 and 10" in texts(figure)
    alone = scores.draw(sampled(), SCORED, **AMBIENT)
    assert len(alone.axes) == 1
    assert heading(alone).endswith("10,000 samples, 1 seed, whiskers 95 %; by ConvNet")


def test_a_score_that_is_not_available_is_no_dot():
    missing = scored(inception_score="not available", inception_score_low=np.nan)
    assert "no score is available" in texts(scores.draw(missing, SCORED, **AMBIENT))


# Seeds


def test_each_seed_is_a_dot_below_its_mean():
    figure = seeds.draw(varied(STABLE, policies=("patch-band",)), **SUBJECT)
    dots = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    (line,) = dots
    # 19, 19.3 and 19.6 dB less 0.375 on average, 0.4 apart by seed.
    expected = sorted(19 + 0.3 * k - 0.375 - 0.4 * s for k in range(3) for s in (0, 1))
    assert sorted(line.get_xdata()) == pytest.approx(expected)
    single = seeds.draw(reached({"unir": 19.0}, seeds=(0,)), **SUBJECT)
    assert "one seed" not in texts(single)


def test_figures_survive_the_smallest_runs():
    one = rows(psnr=(20.0,))
    assert "1 image, 1 seed" in heading(methods.draw(one, **SUBJECT))
    assert "1 image, 1 seed" in heading(seeds.draw(one, **SUBJECT))
    weight = sweep.draw(one, "weight", WEIGHTS, **SUBJECT)
    assert [tick.get_text() for tick in weight.axes[0].get_xticklabels()] == ["2"]
    failed = sweep.draw(one.assign(status="failed"), "weight", WEIGHTS, **SUBJECT)
    assert texts(failed).count("nothing was measured") == 2
    assert "50 steps, 1 seed" in heading(curves.draw(history(count=1), **SUBJECT))


# Where recipes and operators stand in a sweep


def recipe_of(**own):
    return {"reconstruction": {"variant": "unir", "weight": 2.0, "assumed": ""} | own}


def test_values_of_a_sweep_are_read_from_settings():
    half, blur = {"kind": "pixels", "share": 0.5}, {"kind": "blur", "share": 0.9}
    recipes = {
        "unir": recipe_of(),
        "cond-ambient": recipe_of(variant="cond-ambient"),
        "other": recipe_of(weight=5, assumed={"kind": "pixels", "share": 0.3}),
        "noise": recipe_of(assumed="b"),
    }
    assert values.shares({"a": half, "b": blur}) == {"a": 0.5}
    assert values.weights(recipes) == {"unir": 2, "cond-ambient": 0, "other": 5, "noise": 2}
    assert values.assumed(recipes, half, {"b": blur}) == {
        "unir": 0.5, "cond-ambient": 0.5, "other": 0.3, "noise": "blur",
    }  # fmt: skip
    models = pd.DataFrame({"recipe": ["unir", "unir", "unir-1k"], "n_train": [60, 60, 1]})
    assert values.sizes(models) == {"unir": 60, "unir-1k": 1}
