"""The figures of cvnn show what their tables say."""

import numpy as np
import pandas as pd
import pytest

from reveil.cvnn.figures import angles, core, curves, errors, ksweep, share, training
from reveil.cvnn.figures.beside import spread
from reveil.cvnn.tables.cost import share_table
from reveil.cvnn.tables.sweeps import k_table
from reveil.errors import ReveilError
from reveil.statistics import by_image, mean_interval
from tests.cvnn_tables import (
    BLEND,
    MEAN_COLOUR,
    QUARTER,
    angled,
    attacked,
    attacker,
    core_name,
    epochs,
    inferred,
    networks,
    study,
    trained,
)
from tests.cvnn_tables import core as cells
from tests.figure_layout import assert_all_is_seen
from tests.figure_tables import heading, texts

SUBJECT = {"protocol": "recommended", "dataset": "cifar10", "model": "resnet32-alpha"}
TITLE = "CIFAR-10, ResNet-32-alpha, protocol recommended"
SWEEP = {"rotation": 2, "rotation-k4": 4, "rotation-k16": 16}
EIGHT = tuple(core_name(*levels) for levels in (
    (end, adversary, swap)
    for end in ("relu", "linear") for adversary in ("off", "wgan") for swap in ("keep", "swap")
))  # fmt: skip


def swept():
    parts = [
        attacked(name, 0.1 + 0.01 * np.log2(k) + 0.001 * np.arange(9), attack=attack)
        for name, k in SWEEP.items()
        for attack in ("inversion1", "inversion2-joint")
    ]
    return pd.concat(parts, ignore_index=True)


def shares():
    cost = {"device": 20, "generator": 50, "cloud": 20, "processing": 10, "decoder": 10}
    wide = cost | {"generator": 950}
    subject = {"dataset": "cifar10", "model": "resnet20-alpha-authors"}
    return share_table(
        [subject | {"policy": "rotation"} | cost, subject | {"policy": "released"} | wide]
    )


def trainings():
    clipped = [epochs("rotation-clip", seed=seed, clipped=0.5) for seed in (0, 1)]
    dead = epochs("released").assign(adversarial_gradient_norm=0.0)
    return pd.concat([*clipped, dead, epochs("rotation")], ignore_index=True)


def learned():
    losses = np.linspace(0.1, 0.02, 130)
    runs = [
        attacker(policy, losses, seed=seed) for policy in ("none", "released") for seed in (0, 1)
    ]
    return pd.concat([*runs, attacker("none", (0.3, 0.2), part="critic")], ignore_index=True)


def guessed():
    return pd.concat(
        [angled(), angled("rotation-swap", np.linspace(0, 3, 30), attack="two-image-matched")],
        ignore_index=True,
    )


DRAW = {
    "angles": lambda: angles.draw(guessed(), **SUBJECT),
    "core": lambda: core.draw(cells(), **SUBJECT),
    "curves": lambda: curves.draw(learned(), **SUBJECT),
    "errors": lambda: errors.draw(
        study(attacks=("inversion1", "two-image-quadrant", "inversion2-separate-plain")), **SUBJECT
    ),
    "ksweep": lambda: ksweep.draw(swept(), networks(tuple(SWEEP)), **SUBJECT),
    "share": lambda: share.draw(shares(), dataset="cifar10"),
    "training": lambda: training.draw(trainings(), **SUBJECT),
}


@pytest.mark.parametrize("name", sorted(DRAW))
def test_nothing_is_covered_cut_off_or_empty(name):
    figure = DRAW[name]()
    assert_all_is_seen(figure)
    assert "CIFAR-10" in heading(figure)


# Names beside lines


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0, 5, 20], [-2.5, 7.5, 20]),
        ([0, 0], [-5, 5]),
        ([30, 0], [30, 0]),
        ([3, 2, 1], [12, 2, -8]),
    ],
)
def test_names_move_least_and_keep_their_order(places, expected):
    moved = spread(places, 10)
    assert np.diff(np.sort(moved)).min() >= 10 - 1e-9
    assert moved == pytest.approx(expected)


# Errors


def test_errors_are_means_over_images_and_either_is_the_image_where_nothing_is_mixed():
    images = study(("none", "rotation"), ("inversion1",), images=9)
    table = errors.data(images)
    none = table[table["policy"] == "none"].set_index("measure")
    expected = mean_interval(by_image(images[images["policy"] == "none"], "rmse"))
    ends = [expected.value, expected.low, expected.high]
    assert none.loc["rmse", ["mean", "low", "high"]].tolist() == pytest.approx(ends)
    # REACHED 0.05, images 0..8 add 0.002 each, seed 1 adds 0.004.
    assert expected.value == pytest.approx(0.05 + 0.008 + 0.002)
    assert none.loc["rmse_either", "mean"] == none.loc["rmse", "mean"]
    assert (table["n"] == 9).all()


def test_references_are_the_trivial_predictors_and_the_strongest_attack_without_protection():
    images = study(("none", "rotation"))
    marks = errors.references(images, errors.data(images), "rmse")
    assert [mark.value for mark in marks] == pytest.approx([MEAN_COLOUR, BLEND, 0.063])
    assert marks[2].text == "unprotected, strongest 0.063"
    assert len(errors.references(images, errors.data(images), "rmse_either")) == 2
    figure = errors.draw(images, **SUBJECT)
    assert heading(figure).endswith(f"{TITLE}; 12 images, 2 seeds, whiskers 95 %")


def test_errors_of_failures_and_inference_are_left_out():
    images = pd.concat([study(("rotation",), ("inversion1",)), inferred()], ignore_index=True)
    images.loc[0, "status"] = "failed"
    table = errors.data(images)
    assert set(table["attack"]) == {"inversion1"}
    assert table["failed"].tolist() == [1, 1]
    with pytest.raises(ReveilError, match="no attack has a value of rmse"):
        errors.data(inferred())
    with pytest.raises(ReveilError, match="no rows"):
        errors.data(images.head(0))


def test_errors_without_the_unprotected_network_have_no_line_of_it():
    figure = errors.draw(study(("rotation",)), **SUBJECT)
    assert "unprotected" not in texts(figure) and "mean of both images 0.175" in texts(figure)


# Angles


def test_errors_of_angles_fall_into_bins_around_the_quarter_turns():
    turns = [0.0, 0.09, -0.09, QUARTER, np.pi, -np.pi, 3 * QUARTER, 0.11]
    counted = angles.shares(np.array(turns))
    assert counted[[0, 8, 16, 24]].tolist() == pytest.approx([3 / 8, 1 / 8, 2 / 8, 1 / 8])
    assert counted[1] == pytest.approx(1 / 8) and counted.sum() == pytest.approx(1)


def test_angles_are_signed_and_their_mean_is_that_of_the_circle():
    rows = angled(errors=(0.1, 2 * np.pi - 0.3)).assign(angle_error_rad=[0.1, 0.3])
    assert angles.errors(rows)["turn"].tolist() == pytest.approx([0.1, -0.3])
    assert angles.data(rows)["mean"].tolist() == pytest.approx([0.2])


def test_angles_figure_tells_mean_and_shares_of_each_circle():
    figure = angles.draw(guessed(), **SUBJECT)
    written = texts(figure)
    assert len(figure.axes) == 2
    # Errors 0.05, pi/2, 0.5 and pi: a quarter each at 0, a quarter turn and half a turn.
    assert "at 0, π/2, π, -π/2: 25, 25, 25, 0 %" in written
    assert "mean 1.32" in written
    with pytest.raises(ReveilError, match="no attack has a value of theta_guess_rad"):
        angles.draw(attacked(), **SUBJECT)


# Attackers' curves


def test_curves_end_where_the_first_seed_does_and_stops_tell_of_each():
    rows = pd.concat([attacker(losses=(4, 2, 3)), attacker(losses=(8, 6, 4, 2), seed=1)])
    table = curves.data(rows)
    assert table["epoch"].tolist() == [1, 2, 3]
    assert table["loss"].tolist() == [6, 4, 3.5]
    ends = curves.stops(rows).set_index("seed")
    assert ends[["best", "last"]].to_numpy().tolist() == [[2, 3], [4, 4]]
    assert ends[["loss", "end"]].to_numpy().tolist() == [[2, 3], [2, 2]]
    assert not ends["bound"].any()


def test_curves_have_a_panel_a_part_and_a_logarithmic_axis_where_attackers_train_long():
    figure = curves.draw(learned(), **SUBJECT)
    assert sorted(axes.get_title(loc="left") for axes in figure.axes) == [
        "Inversion 1: critic",
        "Inversion 1: decoder",
    ]
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    short = curves.draw(attacker(), **SUBJECT)
    assert short.axes[0].get_xscale() == "linear"
    assert "bound on epochs" not in texts(short)


def test_a_run_that_patience_did_not_end_is_marked():
    rows = attacker(losses=(4, 3, 2))
    rows.loc[2, "stopped"] = "max_epochs"
    figure = curves.draw(rows, **SUBJECT)
    assert "bound on epochs reached" in texts(figure)
    ends = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in ends] == [[3]]


# The eight cells


def test_core_shows_each_effect_over_its_four_pairs():
    figure = core.draw(cells(effects=(0.04, 0.01, 0.03)), **SUBJECT)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title.split("\n")[1][:6] for title in titles] == ["+0.040", "+0.010", "+0.030"]
    assert titles[0].startswith("ReLU end to linear end")
    for axes, effect in zip(figure.axes, (0.04, 0.01, 0.03), strict=True):
        lines = [line.get_xdata() for line in axes.lines if list(line.get_ydata()) in
                 [[place, place] for place in range(4)] and len(line.get_xdata()) == 2]  # fmt: skip
        assert [float(x[1] - x[0]) for x in map(np.asarray, lines)] == pytest.approx([effect] * 4)
    assert "mean of both images 0.175" in texts(figure)


def test_core_without_a_cell_says_so_and_draws_the_others():
    images = cells()
    images = images[images["policy"] != core_name("relu", "off", "keep")]
    figure = core.draw(images, **SUBJECT)
    assert texts(figure).count("cells are missing") == 3
    with pytest.raises(ReveilError, match="every attack on the cells of the comparison failed"):
        core.draw(images.assign(status="failed"), **SUBJECT)


def test_figures_survive_the_smallest_runs():
    pair = {"rotation": (0.1, 0.2), "none": (0.05, 0.06)}
    images = pd.concat([attacked(policy, rmse) for policy, rmse in pair.items()])
    assert "2 images, 1 seed" in heading(errors.draw(images, **SUBJECT))
    assert "1 image," in heading(errors.draw(attacked("rotation", (0.1,)), **SUBJECT))
    assert "RMSE to the image" in texts(errors.draw(images.assign(status="failed"), **SUBJECT))
    assert "2 images" in heading(core.draw(cells(images=2), **SUBJECT))
    assert "1 epoch, 1 seed" in heading(training.draw(epochs(count=1), **SUBJECT))
    assert "up to 1 epoch" in heading(curves.draw(attacker(losses=(0.1,)), **SUBJECT))
    assert "2 images" in heading(ksweep.draw(images, networks(("rotation",)), **SUBJECT))
    assert "1 image," in heading(angles.draw(angled(errors=(0.2,)), **SUBJECT))


# Training


def test_training_shows_clipping_or_losses_and_a_gradient_of_nothing():
    figure = training.draw(trainings(), **SUBJECT)
    assert heading(figure).endswith("6 epochs, 2 seeds")
    gradient, clipped = figure.axes[1], figure.axes[3]
    assert "Critic weights at the clip value" in clipped.get_title(loc="left")
    assert gradient.get_yscale() == "symlog"
    assert [0.0] * 6 in [list(line.get_ydata()) for line in gradient.lines]
    assert gradient.get_ylim()[0] < 0
    (clip,) = clipped.lines
    assert clip.get_ydata()[-1] == pytest.approx(0.5)
    assert "Training loss" in texts(training.draw(epochs(), **SUBJECT))
    assert "chance 10 %" in texts(figure)


def test_training_means_are_over_seeds():
    table = training.data(pd.concat([epochs(), epochs(seed=1)]))
    assert table["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["adversarial_gradient_norm"].tolist() == pytest.approx([0.55] * 6)


# k and shares


def test_accuracies_turn_errors_and_their_intervals_around():
    table = k_table(swept(), networks(tuple(SWEEP)))
    rows = ksweep.accuracies(table).set_index(["key", "k"])
    # networks(): 10 % error, half a point more for every policy, 0.2 more for seed 1.
    assert rows.loc[("right", 4), "mean"] == pytest.approx(89.5 - 0.0, abs=0.11)
    assert (rows["low"] < rows["mean"]).all() and (rows["mean"] < rows["high"]).all()
    assert rows.loc[("wrong", 16), "mean"] == pytest.approx(10.5)


def test_ksweep_names_lines_and_references():
    figure = ksweep.draw(swept(), networks(tuple(SWEEP)), **SUBJECT)
    written = texts(figure)
    for name in ("one colour", "mean\nof both images", "right key", "wrong key", "chance"):
        assert name in written
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["2", "4", "16"]
    assert "9 images (10,000 for the accuracy), 1 seed" in heading(figure)


def test_ksweep_draws_the_weights_in_panels_of_their_own():
    weights = {"private": 0.01, "private-weight-1": 1.0}
    told = [
        {"dataset": "cifar10", "model": "resnet32-alpha", "recipe": name, "weight": weight}
        for name, weight in weights.items()
    ]
    heavy = swept().query("policy == 'rotation'").assign(recipe="private-weight-1")
    off = attacked("core-linear-off-keep", np.full(9, 0.08))
    models = pd.concat(
        [networks(("rotation", "core-linear-off-keep")), trained(recipe="private-weight-1")]
    )
    figure = ksweep.draw(pd.concat([swept(), heavy, off]), models, told, **SUBJECT)
    labels = [[t.get_text() for t in axes.get_xticklabels()] for axes in figure.axes]
    assert labels == 2 * [["2", "4", "16"]] + 2 * [["0", "0.01", "1"]]
    assert figure.axes[2].get_xlabel() == "weight of the adversarial term"
    # The recommended network stands in both rows.
    first = [axes.lines[0].get_ydata() for axes in (figure.axes[0], figure.axes[2])]
    assert first[0][0] == pytest.approx(first[1][1])
    assert_all_is_seen(figure)


def test_shares_fill_each_bar_and_tell_the_total():
    table = share.data(shares())
    assert table[list(share.PARTS)].sum(axis=1).tolist() == pytest.approx([1, 1])
    assert table["total"].tolist() == [100, 1000]
    assert table.loc[0, "cloud"] == pytest.approx(0.2)
    written = texts(share.draw(shares(), dataset="cifar10"))
    assert "20 %" in written and "95 %" in written
    assert share._amount(1.26e9) == "1.26 G" and share._amount(41.2e6) == "41.2 M"
    with pytest.raises(ReveilError, match="no networks"):
        share.draw(shares().head(0), dataset="cifar10")
