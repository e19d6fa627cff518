"""The figures: the data behind them, their artists, and the files they become."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reveil import figures
from reveil.errors import ReveilError
from reveil.figures import candidates, curves, gradsim, grid, psnr, singles
from reveil.statistics import mean_interval

SUBJECT = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4"}
TITLE = "CIFAR-100, ResNet20-4, protocol fixed"
TWELVE = ("none", "crop-flip", "19-1-18", "3-1-7", "43-18-18", "3-1-7+43-18-18", "28", "39",
          "found-fixed-s0-1", "found-fixed-s0-2", "only-3-1-7", "5")  # fmt: skip


def attacked(policies=("none", "3-1-7"), images=12, seeds=(0,)):
    rng = np.random.default_rng(0)
    rows = []
    for policy in policies:
        for seed in seeds:
            for image in range(images):
                floors = rng.normal([8, 10, 9], 1)
                rows.append([policy, seed, image, rng.normal(11, 2), *floors, floors.max(), "ok"])
    columns = ["policy", "seed", "image", "psnr_db", "floor_random_db", "floor_mean_db",
               "floor_black_db", "floor_db", "status"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def texts(figure: Figure) -> str:
    """Return every text of a figure, also those of axes and legends, one a line."""
    found = figure.findobj(mpl.text.Text)
    return "\n".join(text.get_text() for text in found)


def lines_labelled(figure: Figure, label: str) -> list[Line2D]:
    return [line for axes in figure.axes for line in axes.lines if line.get_label() == label]


def heading(figure: Figure) -> str:
    return figure.get_suptitle().replace("\n", " ")


# PSNR per policy


def test_psnr_data_are_image_means_with_their_gain():
    images = attacked(seeds=(0, 1))
    images.loc[0, ["psnr_db", "status"]] = [np.nan, "failed"]
    none, policy = psnr.data(images, "cifar100", "resnet20-4")
    rows = images[images["policy"] == "3-1-7"]
    expected = rows.groupby("image")["psnr_db"].mean()
    gain = (rows["psnr_db"] - rows["floor_db"]).groupby(rows["image"]).mean()
    assert (none.role, none.failed, none.psnr.n) == ("none", 1, 12)
    assert policy.points.to_numpy() == pytest.approx(expected.to_numpy())
    assert policy.psnr == mean_interval(expected)
    assert policy.gain.value == pytest.approx(gain.mean())
    assert policy.floors["floor_black_db"] == pytest.approx(rows["floor_black_db"].mean())


def test_psnr_figure_has_a_point_per_image_and_a_row_per_policy():
    figure = psnr.draw(attacked(TWELVE, images=10), **SUBJECT)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == [
        "None",
        "None, crop and flip",
    ]
    clouds = [line for line in axes.lines if line.get_marker() == "." and len(line.get_xdata())]
    assert [len(line.get_xdata()) for line in clouds] == [10] * 12
    assert len(axes.patches) == 12
    assert TITLE in heading(figure) and "10 images, 1 seed" in heading(figure)


def test_psnr_figure_survives_one_image_and_failures():
    images = attacked(images=1)
    images.loc[1, ["psnr_db", "status"]] = [np.nan, "failed"]
    figure = psnr.draw(images, **SUBJECT)
    assert "1 failed" in heading(figure)
    assert "failed" in texts(figure).splitlines()
    images["status"] = "failed"
    assert "no attack succeeded" in texts(psnr.draw(images, **SUBJECT))


# GradSim along the interpolation


def interpolation(policies=("none", "3-1-7"), images=10, seeds=(0, 1)):
    points = np.linspace(0, 1, 5)
    rows = [
        {"policy": policy, "seed": seed, "image": image, "point": point,
         "gradsim": point ** (1 + place) + 0.01 * image * (1 - point) + 0.1 * seed * (1 - point),
         "gradsim_global": point}
        for place, policy in enumerate(policies)
        for seed in seeds
        for image in range(images)
        for point in points
    ]  # fmt: skip
    return pd.DataFrame(rows)


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


# Single transformations


def single_scores(seeds=(0,)):
    rows = [
        {**SUBJECT, "seed": seed, "candidate": index, "s_pri": 0.3 + 0.001 * index, "s_pri_n": 100,
         "s_pri_low": 0.29, "s_pri_high": 0.36, "s_acc": -67.0, "status": "ok"}
        for seed in seeds
        for index in range(-1, 50)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_singles_data_have_a_family_each():
    table = singles.data(single_scores())
    families = table.set_index("index")["family"]
    assert table["index"].tolist() == list(range(50))
    assert families[[3, 9, 28, 39, 15]].tolist() == [
        "shift", "equalize", "identity", "identity", "brightness, contrast",
    ]  # fmt: skip
    assert families.notna().all()


@pytest.mark.parametrize(("order", "first"), [("score", "invert (0)"), ("index", "invert (0)")])
def test_singles_figure_has_fifty_bars_and_the_published_marks(order, first):
    figure = singles.draw(single_scores(seeds=(0, 1)), **SUBJECT, order=order)
    (axes,) = figure.axes
    bars = axes.containers[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert len(bars) == len(labels) == 50
    assert labels[0] == first
    for source, indices in (("Gao", (1, 3, 15, 18, 26)), ("Drabent", (1, 3, 15, 18, 21))):
        (marks,) = (line for line in axes.lines if f"{source} et al." in str(line.get_label()))
        assert sorted(marks.get_xdata()) == list(indices)
        assert min(marks.get_ydata()) > 0.36
    assert "None: 0.299" in texts(figure)
    assert "100 images, 2 seeds" in heading(figure)


def test_singles_are_ordered_by_score_or_index():
    rows = single_scores()
    rows.loc[rows["candidate"] == 9, "s_pri"] = 0.1
    first = [
        singles.draw(rows, **SUBJECT, order=order).axes[0].get_xticklabels()[0].get_text()
        for order in ("score", "index")
    ]
    assert first == ["equalize (9)", "invert (0)"]
    with pytest.raises(ValueError, match="'size'.*score, index"):
        singles.draw(rows, **SUBJECT, order="size")


def test_singles_figure_survives_failures_and_missing_intervals():
    rows = single_scores()
    rows.loc[rows["candidate"] == 7, "status"] = "failed"
    rows = rows[rows["candidate"] >= 0].assign(s_pri_low=np.nan, s_pri_high=np.nan)
    figure = singles.draw(rows, **SUBJECT)
    assert "failed: translateY 2 (7)" in texts(figure)
    assert "None:" not in texts(figure)


# Candidates


def scores():
    table = pd.DataFrame(
        {
            "policy": ["3-1-7", "9", "5", "3-3-3", "0", "1"],
            "s_pri": [0.23, 0.4, 0.3, 0.1, 0.35, np.nan],
            "s_acc": [-80.0, -66.0, -70.0, -1.1e6, -90.0, -70.0],
            "s_acc_rows": 50.0,
            "status": ["ok"] * 5 + ["failed"],
            "passes": [True, True, True, False, False, False],
            "rank": [1, 3, 2, np.nan, np.nan, np.nan],
        }
    )
    return table


SEARCH = {"final": 1, "threshold": -85.0}


def test_candidate_data_clip_the_extreme_and_drop_the_failed():
    plane = candidates.data(scores(), dataset="cifar100", model="resnet20-4", **SEARCH)
    points = plane.points.set_index("policy")
    assert plane.failed == 1 and len(points) == 5
    assert points.index[points["selected"]].tolist() == ["3-1-7"]
    assert points.index[points["clipped"]].tolist() == ["3-3-3"]
    assert -100 < points.loc["3-3-3", "x"] < -90
    assert points.loc["3-1-7", "role"] == "published-1"
    assert points.loc["9", "role"] == ""


def test_candidates_per_image_are_divided_by_their_rows():
    plane = candidates.data(scores(), dataset="cifar100", model="resnet20-4", final=1,
                            threshold=-1.34, per_image=True)  # fmt: skip
    assert plane.points.loc[0, "x"] == pytest.approx(-1.6)


def test_candidates_figure_marks_and_names_the_selected():
    figure = candidates.draw(scores(), **SUBJECT, **SEARCH, none=(-66.8, 0.316))
    counts = {label: sum(len(line.get_xdata()) for line in lines_labelled(figure, label))
              for label in ("selected", "passes", "rejected", "named in the papers", "None",
                            "beyond the left edge")}  # fmt: skip
    assert counts == {"selected": 1, "passes": 2, "rejected": 1, "named in the papers": 1,
                      "None": 1, "beyond the left edge": 1}  # fmt: skip
    (threshold,) = lines_labelled(figure, "threshold -85")
    assert set(threshold.get_xdata()) == {-85.0}
    assert "3-1-7" in texts(figure).splitlines()
    title = heading(figure)
    assert TITLE in title
    assert "6 candidates, 3 pass, 1 beyond the left edge, 1 failed" in title


def test_names_of_candidates_do_not_cover_each_other():
    table = pd.DataFrame(
        {"policy": [f"{i}-{i}-{i}" for i in range(6)], "s_pri": 0.3,
         "s_acc": -70.0, "s_acc_rows": 60.0, "status": "ok", "passes": True,
         "rank": np.arange(1.0, 7)}
    )  # fmt: skip
    figure = candidates.draw(table, **SUBJECT, final=6, threshold=-85.0)
    figure.draw_without_rendering()
    boxes = [text.get_bbox_patch().get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_candidates_figure_survives_a_search_that_failed():
    figure = candidates.draw(scores().assign(status="failed"), **SUBJECT, **SEARCH)
    assert "6 failed" in heading(figure)


# Training curves


def history(policies=("none", "3-1-7"), epochs=6, seeds=(0, 1)):
    rows = [
        {"policy": policy, "seed": seed, "epoch": epoch, "lr": 0.1 if epoch < 4 else 0.01,
         "train_loss": 2.0 - 0.1 * epoch, "train_accuracy_pct": 50.0 + epoch + 2 * seed,
         "test_loss": 2.0, "test_accuracy_pct": 40.0}
        for policy in policies
        for seed in seeds
        for epoch in range(epochs)
    ]  # fmt: skip
    return pd.DataFrame(rows)


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


# The grid of pictures


def pictures(images, channels=3):
    shape = (len(images), channels, 8, 8)
    return {
        "images": np.array(images),
        "originals": np.full(shape, 10, np.uint8),
        "victims": np.full(shape, 100, np.uint8),
        "reconstructions": np.full(shape, 200, np.uint8),
    }


def test_grid_data_have_a_cell_per_policy_and_image():
    images = attacked(images=3)
    images.loc[1, "status"] = "failed"
    table = grid.data(images, [2, 1, 9], dataset="cifar100", model="resnet20-4")
    assert table["policy"].tolist() == ["none"] * 3 + ["3-1-7"] * 3
    assert table["image"].tolist() == [2, 1, 9] * 2
    assert table["status"].tolist() == ["ok", "failed", "not attacked", "ok", "ok", "not attacked"]
    source = images.iloc[2]
    assert table["gain_db"].iloc[0] == pytest.approx(source["psnr_db"] - source["floor_db"])


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_figure_has_originals_and_a_pair_per_cell(channels):
    images = attacked(images=3)
    images["psnr_db"] = images["floor_db"] + np.where(images["policy"] == "none", 1, -1)
    shown = {policy: pictures([0, 1, 2], channels) for policy in ("none", "3-1-7")}
    figure = grid.draw(images, shown, [2, 0], **SUBJECT)
    counts = [len(axes.images) for axes in figure.axes]
    assert counts == [1, 1, 2, 2, 2, 2]
    pair = figure.axes[2].images
    assert [int(picture.get_array().max()) for picture in pair] == [100, 200]
    notes = {text.get_text(): text for axes in figure.axes for text in axes.texts}
    row = images[(images["policy"] == "none") & (images["image"] == 2)].iloc[0]
    above = notes[f"{row['psnr_db']:.1f} dB, floor {row['floor_db']:.1f}"]
    row = images[(images["policy"] == "3-1-7") & (images["image"] == 2)].iloc[0]
    below = notes[f"{row['psnr_db']:.1f} dB, floor {row['floor_db']:.1f}"]
    assert (above.get_fontweight(), below.get_fontweight()) == ("bold", "normal")
    assert "seed 0" in heading(figure)


def test_grid_figure_says_what_is_missing():
    images = attacked(images=2)
    images.loc[1, "status"] = "diverged"
    figure = grid.draw(images, {"none": pictures([0, 1])}, [0, 1], **SUBJECT)
    assert texts(figure).count("no picture") == 4
    assert "diverged" in texts(figure)
    with pytest.raises(ReveilError, match="7 is in no archive"):
        grid.draw(images, {"none": pictures([0, 1])}, [7], **SUBJECT)
    with pytest.raises(ReveilError, match="none was chosen"):
        grid.draw(images, {"none": pictures([0, 1])}, [], **SUBJECT)


def test_blocks_of_pictures_are_read_as_one_set(tmp_path):
    np.savez(tmp_path / "a.npz", **pictures([0, 1]), curve=np.zeros((2, 3)))
    np.savez(tmp_path / "b.npz", **pictures([5]), curve=np.zeros((1, 3)))
    arrays = grid.read_pictures([tmp_path / "a.npz", tmp_path / "b.npz"])
    assert arrays["images"].tolist() == [0, 1, 5]
    assert arrays["victims"].shape == (3, 3, 8, 8)


def test_positions_become_the_numbers_of_the_attacked_images():
    shown = {"none": pictures([40, 7, 12])}
    assert grid.numbers(shown, [2, 0, 3]) == [12, 40]


def test_damaged_pictures_are_named(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no archive")
    np.savez(tmp_path / "short.npz", images=np.arange(2))
    for name in ("bad.npz", "short.npz", "missing.npz"):
        with pytest.raises(ReveilError, match=name):
            grid.read_pictures([tmp_path / name])


# Files


def test_save_writes_both_files_the_same_every_time(tmp_path):
    contents = []
    for name in ("first", "second"):
        paths = [tmp_path / name / f"figure.{suffix}" for suffix in ("svg", "png")]
        figures.save(psnr.draw(attacked(), **SUBJECT), *paths)
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    svg, png = contents[0]
    assert svg.startswith(b"<?xml") and b"<dc:date>" not in svg
    assert png.startswith(b"\x89PNG")
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == [
        "figure.png",
        "figure.svg",
    ]


def test_a_users_own_style_changes_nothing(tmp_path):
    plain = gradsim.draw(interpolation(), **SUBJECT).axes[0].xaxis.label.get_fontsize()
    with mpl.rc_context({"axes.labelsize": 40}):
        assert gradsim.draw(interpolation(), **SUBJECT).axes[0].xaxis.label.get_fontsize() == plain
        assert mpl.rcParams["axes.labelsize"] == 40


@pytest.mark.parametrize("name", ["fashion-mnist-demo", "tiny-imagenet-200"])
def test_titles_are_no_wider_than_their_figure(name):
    subject = SUBJECT | {"dataset": name, "model": "convnet-9-w16"}
    drawn = [
        gradsim.draw(interpolation(), **subject),
        grid.draw(attacked(images=1), {"none": pictures([0])}, [0], **subject),
        candidates.draw(scores(), **subject, **SEARCH),
    ]
    for figure in drawn:
        figure.draw_without_rendering()
        (title,) = (text for text in figure.texts if text.get_text() == figure.get_suptitle())
        assert title.get_window_extent().x1 <= figure.bbox.x1


def test_legends_lie_outside_the_axes_and_inside_the_figure():
    drawn = [
        psnr.draw(attacked(TWELVE), **SUBJECT),
        gradsim.draw(interpolation(TWELVE), **SUBJECT),
        singles.draw(single_scores(), **SUBJECT),
        candidates.draw(scores(), **SUBJECT, **SEARCH, none=(-66.8, 0.3)),
        curves.draw(history(TWELVE), **SUBJECT),
    ]
    for figure in drawn:
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box = legend.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(axes.bbox) for axes in figure.axes)
