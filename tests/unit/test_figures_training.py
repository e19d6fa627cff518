"""The figures of models: GradSim along the interpolation, and training curves."""

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from reveil.figures import curves, gradsim
from tests.figure_tables import SUBJECT, TITLE, TWELVE, heading, history, interpolation, texts

# GradSim along the interpolation


def test_gradsim_data_are_means_over_images_with_their_area():
    curves_ = gradsim.data(interpolation())
    none = curves_[curves_["policy"] == "none"]
    # Mean over images 0..9 and seeds 0, 1: point + (0.045 + 0.05) (1 - point).
    expected = none["point"] + 0.095 * (1 - none["point"])
    assert none["mean"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (none["n"] == 10).all()
    assert none["s_pri"].iloc[0] == pytest.approx(0.5475)
    assert (none["low"].to_numpy()[:-1] < none["mean"].to_numpy()[:-1]).all()
    assert none[["low", "high"]].iloc[-1].tolist() == pytest.approx([1, 1])


def test_gradsim_leaves_out_incomplete_images():
    rows = interpolation()
    rows.loc[(rows["image"] == 3) & (rows["point"] == 0.5), "gradsim"] = np.nan
    rows.loc[rows["policy"] == "3-1-7", "gradsim"] = np.inf
    curves_ = gradsim.data(rows)
    assert set(curves_["policy"]) == {"none"}
    assert (curves_["n"] == 9).all()


def test_gradsim_figure_has_a_line_and_a_band_per_policy():
    figure = gradsim.draw(interpolation(TWELVE), **SUBJECT)
    (axes,) = figure.axes
    bands = [item for item in axes.collections if isinstance(item, FillBetweenPolyCollection)]
    styles = {(line.get_color(), str(line.get_linestyle())) for line in axes.lines}
    assert len(axes.lines) == len(bands) == len(styles) == 12
    assert "None: area 0.54" in texts(figure)
    assert TITLE in heading(figure) and "10 images" in heading(figure)


def test_gradsim_figure_survives_one_image_and_none():
    assert "1 image," in heading(gradsim.draw(interpolation(images=1), **SUBJECT))
    empty = interpolation().assign(gradsim=np.nan)
    assert "no complete curve" in texts(gradsim.draw(empty, **SUBJECT))


# Training curves


def test_curve_data_are_means_over_seeds_from_epoch_one():
    means = curves.data(history(("none", "found-fixed-s0-1")))
    assert set(means["policy"]) == {"none", "found-1"}
    none = means[means["policy"] == "none"]
    assert none["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert none["train_accuracy_pct"].tolist() == [51, 52, 53, 54, 55, 56]
    assert (none["n"] == 2).all()


def test_drops_of_the_learning_rate():
    assert curves.learning_rate_drops(history()) == [5]
    assert curves.learning_rate_drops(history(epochs=3)) == []


def test_curves_figure_has_seeds_means_and_drops_in_four_panels():
    figure = curves.draw(history(), **SUBJECT)
    assert len(figure.axes) == 4
    for axes in figure.axes:
        assert len(axes.lines) == 1 + 2 * (2 + 1)
    assert heading(figure).endswith("6 epochs, 2 seeds")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["None", "Searched 1 (3-1-7)"]


def test_curves_figure_survives_one_epoch_and_twelve_policies():
    figure = curves.draw(history(TWELVE, epochs=1, seeds=(0,)), **SUBJECT)
    assert heading(figure).endswith("1 epoch, 1 seed")
    assert {line.get_marker() for line in figure.axes[0].lines} == {"o"}
