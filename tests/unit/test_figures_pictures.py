"""PSNR per policy, and pictures of reconstructions."""

import numpy as np
import pytest

from reveil.errors import ReveilError
from reveil.figures import grid, psnr
from reveil.statistics import mean_interval
from tests.figure_tables import SUBJECT, TITLE, TWELVE, attacked, heading, pictures, texts

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


# The grid of pictures


def test_grid_data_have_a_cell_per_policy_and_image():
    images = attacked(images=3)
    images.loc[1, "status"] = "failed"
    table = grid.data(images, [2, 1, 9], dataset="cifar100", model="resnet20-4")
    assert table["row"].tolist() == ["none"] * 3 + ["3-1-7"] * 3
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
