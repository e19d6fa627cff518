"""The figures of scores, costs and regressions draw the numbers they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from reveil import leaks as regressions
from reveil import rows, tables
from reveil.errors import ReveilError
from reveil.figures import correlation, cost, defences, groups, leaks, plane
from reveil.figures.style import whiskers
from reveil.statistics import correlation as pearson
from tests.figure_tables import (
    SUBJECT,
    correlated,
    costs,
    defended,
    experiment_images,
    heading,
    lines_labelled,
    search_scores,
    single_scores,
    texts,
)
from tests.workflow import ROOT

PUBLISHED = pd.DataFrame(
    [["ats-exp10", "original", "CIFAR-100", "ResNet20-4", "random policies", "none", None,
      "pearson_r", 0.697, None, None]],
    columns=["experiment", "source", "dataset", "model", "policy", "defence", "attack", "metric",
             "value", "std", "n_images"],
)  # fmt: skip


def test_whiskers_have_no_negative_length_and_none_without_interval():
    lengths = whiskers([1.0, 2.0, 3.0], [0.5, 2.5, np.nan], [1.25, 4.0, np.nan])
    assert lengths.tolist() == [[0.5, 0, 0], [0.25, 2, 0]]


# Correlation


def test_regression_agrees_with_hand_computed_values():
    middle, half = correlation.regression(
        np.array([0.0, 1, 2]), np.array([0.0, 2, 1]), np.array([1.0, 2.0])
    )
    # y = 0.5 + 0.5 x, residual variance 1.5 on 1 degree of freedom; t(0.975, 1) = 12.7062.
    assert middle == pytest.approx([1.0, 1.5])
    assert half == pytest.approx([12.7062 * np.sqrt(1.5 / 3), 12.7062 * np.sqrt(1.5 * 5 / 6)])
    assert np.isnan(correlation.regression(np.ones(5), np.arange(5.0), np.ones(1))[0]).all()


def test_correlation_figure_has_points_whiskers_line_and_coefficients():
    scores = correlated()
    estimates = tables.correlation_table(scores, PUBLISHED, experiments="ats-exp10")
    figure = correlation.draw(scores, estimates, **SUBJECT)
    plain_psnr, plain_gain, trained_psnr, _, bar = figure.axes
    plain = scores[scores["victim"] == "plain"].sort_values("policy")
    clouds = [c for c in plain_psnr.collections if len(c.get_offsets()) == 12]
    assert len(clouds) == 1
    assert clouds[0].get_offsets().data == pytest.approx(plain[["s_pri", "psnr_db"]].to_numpy())
    (container,) = plain_psnr.containers
    across, along = container[2]
    assert across.get_segments()[0][:, 0] == pytest.approx([0.24, 0.27])
    low = plain["psnr_db"].iloc[0]
    assert along.get_segments()[0][:, 1] == pytest.approx([low - 0.4, low + 0.6])
    r = pearson(plain["s_pri"], plain["psnr_db"])
    title = plain_psnr.get_title(loc="left")
    assert f"r = {r.value:.2f} [{r.low:.2f}, {r.high:.2f}]" in title
    assert "r given the floor = " in title and "published: 0.697 Gao et al." in title
    assert "published" not in trained_psnr.get_title(loc="left")
    (line,) = (line for line in plain_gain.lines if len(line.get_xdata()) == 50)
    slope = np.polyfit(plain["s_pri"], plain["gain_db"], 1)[0]
    drawn = np.diff(line.get_ydata()[[0, -1]]) / np.diff(line.get_xdata()[[0, -1]])
    assert drawn == pytest.approx([slope])
    assert any(isinstance(c, FillBetweenPolyCollection) for c in plain_gain.collections)
    assert bar.get_ylim() == pytest.approx([9.2, 9.4])
    assert "12 policies, 20 images, 1 seed" in heading(figure)


def test_correlation_of_few_policies_has_no_line_and_none_is_refused():
    scores = correlated(policies=2, victims=("plain",))
    estimates = tables.correlation_table(scores, PUBLISHED, experiments="ats-exp10")
    figure = correlation.draw(scores, estimates, **SUBJECT)
    assert not [line for line in figure.axes[0].lines if len(line.get_xdata()) == 50]
    with pytest.raises(ReveilError, match="no policies"):
        correlation.draw(scores.iloc[:0], estimates, **SUBJECT)
    with pytest.raises(ReveilError, match="attack: 2 of them"):
        correlation.data(pd.concat([scores, scores.assign(attack="zhu")]))


# The plane of the two scores


def test_plane_has_each_policy_in_the_corner_of_none_it_lies_in():
    grouped = tables.grouped_scores(search_scores())
    found = plane.data(grouped)
    corners = found.points.set_index("policy")["corner"]
    assert corners.to_dict() == {
        "5-5-5": "worse on both", "6-6-6": "less private, more accurate",
        "3-15-5": "more private, less accurate", "8-8-8": "better on both",
    }  # fmt: skip
    assert set(found.shares.values()) == {0.25}
    figure = plane.draw(grouped, **SUBJECT)
    (axes,) = figure.axes
    (worse,) = lines_labelled(figure, "worse on both: 25 %")
    assert (worse.get_xdata().tolist(), worse.get_ydata().tolist()) == ([-70], [0.4])
    assert sum(set(line.get_xdata()) == {-65.0} for line in axes.lines) == 2
    assert "4 policies, 1 seed" in heading(figure)


def test_plane_draws_broken_policies_at_its_edge():
    scores = search_scores()
    scores.loc[0, "s_acc"] = -1e6
    found = plane.data(tables.grouped_scores(scores))
    broken = found.points.set_index("policy").loc["5-5-5"]
    # Eight times the 5 from None, -65, to the best, -60, left of None.
    assert broken["clipped"] and broken["x"] == -105
    assert "1 beyond the left edge" in heading(plane.draw(tables.grouped_scores(scores), **SUBJECT))


@pytest.mark.parametrize(("kept", "what"), [("none", "random policy"), ("5-5-5", "policy none")])
def test_plane_needs_random_policies_and_none(kept, what):
    scores = search_scores()
    grouped = tables.grouped_scores(scores[scores["policy"] == kept])
    with pytest.raises(ReveilError, match=f"no {what}"):
        plane.data(grouped)


# Groups of policies


def listed():
    names = ["3-15-1", "3-15-26", "12-43-25", "7-8-9", "3-15-7"]
    rows = [
        SUBJECT | {"seed": 0, "policy": name, "s_pri": 0.2 + 0.02 * place, "s_acc": -66.0,
                   "status": "ok", "group": "list" if place < 3 else None}
        for place, name in enumerate(names)
    ]  # fmt: skip
    return tables.grouped_scores(pd.DataFrame(rows), singles=single_scores())


def test_groups_are_drawn_over_the_single_transformations():
    table = groups.data(listed()).set_index("group")
    assert table["n"].to_dict() == {
        "random": 1, "two-of-top10": 1, "top10-triples": 1, "triples-of-top5": 2,
    }  # fmt: skip
    assert table.loc["triples-of-top5", "mean"] == pytest.approx(0.21)
    published = rows.read(ROOT / "config/published.csv")
    figure = groups.draw(single_scores(), listed(), published, **SUBJECT)
    top, bottom = figure.axes
    assert len(top.containers[0]) == 50
    (theirs,) = (line for line in top.lines if "Warmerdam" in str(line.get_label()))
    scores = tables.single_ranking(single_scores(), published)["warmerdam2022_s_pri"]
    assert np.asarray(theirs.get_ydata()) == pytest.approx(scores.to_numpy(), nan_ok=True)
    (means,) = bottom.containers
    assert means[0].get_xdata() == pytest.approx([0.26, 0.28, 0.24, 0.21])
    with pytest.raises(ReveilError, match="no policy of the groups random"):
        groups.data(listed().assign(group="none"))


# Defences


def test_defences_lie_at_their_accuracy_and_gain_with_the_front():
    points = defences.data(defended())
    assert points["name"].tolist() == ["None", "Searched 1 (3-1-7)", "prune-95"]
    assert points["kind"].tolist() == ["none", "policy", "defence"]
    figure = defences.draw(defended(), **SUBJECT)
    (dot,) = lines_labelled(figure, "defence of the gradient")
    assert (dot.get_xdata().tolist(), dot.get_ydata().tolist()) == ([69], [0.5])
    (front,) = lines_labelled(figure, "no row is more accurate and leaks less")
    assert front.get_xdata().tolist() == [70, 76]
    across, along = figure.axes[0].containers[0][2]
    assert across.get_segments()[0][:, 0] == pytest.approx([69, 72])
    assert along.get_segments()[0][:, 1] == pytest.approx([-1.5, -0.75])
    assert {"None", "Searched 1 (3-1-7)", "prune-95"} <= set(texts(figure).splitlines())
    with pytest.raises(ReveilError, match="nothing to draw"):
        defences.draw(defended().assign(gain_mean_db=np.nan), **SUBJECT)


# Cost


def test_cost_lines_go_through_the_seconds_of_a_unit():
    figure = cost.draw(costs(), **SUBJECT)
    training, search, attack = figure.axes
    hours = {
        axes: {str(line.get_label()): line.get_ydata()[-1] for line in axes.lines}
        for axes in figure.axes
    }
    assert hours[training]["full (n = 4)"] == pytest.approx(6 * 1000 / 3600)
    assert hours[training]["Drabent et al. 2022"] == pytest.approx(48 * 1000 / 3600)
    assert hours[search]["fixed (n = 4)"] == pytest.approx(9 * 10_000 / 3600)
    assert not any("drabent2022" in label for label in hours[search])
    assert hours[attack]["inversed (n = 4)"] == pytest.approx(0.005 * 4800 * 1000 / 3600)
    with pytest.raises(ReveilError, match="nothing was measured of mnist"):
        cost.data(costs(), protocol="fixed", dataset="mnist", model="resnet20-4")


def test_cost_panel_without_measurements_says_so():
    assert "not measured" in texts(cost.draw(costs().query("stage == 'attack'"), **SUBJECT))


# Leaks


def test_leaks_figure_has_the_coefficients_and_every_image():
    images = experiment_images(images=40)
    figure = leaks.draw(images, **SUBJECT)
    coefficients, contrast, *_ = figure.axes
    fitted = regressions.leaks(images).set_index(["policy", "term"])
    drawn = coefficients.containers[1]
    expected = fitted.loc["3-1-7"].loc[list(leaks.PROPERTIES)]
    assert drawn[0].get_xdata() == pytest.approx(expected["estimate"].to_numpy())
    ends = np.array([segment[:, 0] for segment in drawn[2][0].get_segments()])
    assert ends == pytest.approx(expected[["low", "high"]].to_numpy())
    cloud = contrast.lines[0]
    means = images[images["policy"] == "crop-flip"].groupby("image")[["contrast", "gain_db"]].mean()
    assert cloud.get_xdata() == pytest.approx(means["contrast"].to_numpy())
    assert cloud.get_ydata() == pytest.approx(means["gain_db"].to_numpy())
    assert len(figure.axes) == 6


def test_leaks_of_few_images_have_no_coefficients():
    assert "too few images" in texts(leaks.draw(experiment_images(images=4), **SUBJECT))
    with pytest.raises(ReveilError, match="columns missing.*contrast"):
        leaks.draw(experiment_images().drop(columns="contrast"), **SUBJECT)
