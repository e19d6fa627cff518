"""The grid of images, of those mixed with them, and of what attackers made of them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import AxesImage

from reveil.cvnn.figures import grid
from reveil.errors import ReveilError
from reveil.figures.style import GREY, VERMILLION
from tests.cvnn_tables import BLEND, MEAN_COLOUR, attacked
from tests.figure_layout import assert_all_is_seen
from tests.figure_tables import heading, texts

SUBJECT = {"protocol": "recommended", "dataset": "cifar10", "model": "resnet32-alpha"}
NONE, SPLIT = "none inversion1", "rotation two-image"


def write(path, images=(4, 7), mixed=True, second=True, guess=True, channels=3):
    """Write an archive whose originals are of value 10, partners 20, guesses 30, seconds 40."""
    shape = (len(images), channels, 8, 8)
    named = {"original": 10, "partner": 20, "guess": 30, "second": 40}
    arrays = {name: np.full(shape, value, np.uint8) for name, value in named.items()}
    absent = ["partner"] * (not mixed) + ["second"] * (not second) + ["guess"] * (not guess)
    kept = {name: array for name, array in arrays.items() if name not in absent}
    np.savez(path, index=np.array(images), **kept)
    return path


def rows_of(policy, attack, errors=(0.05, 0.2), **columns):
    table = attacked(policy, errors, attack=attack, **columns)
    return table.assign(image=[4, 7][: len(errors)])


@pytest.fixture
def shown(tmp_path):
    """An unprotected network and a two-image attacker, images, pictures and labels."""
    images = pd.concat([rows_of("rotation", "two-image", rmse_second=0.1),
                        rows_of("none", "inversion1", (0.02, 0.3))])  # fmt: skip
    return grid.read_rows(
        images,
        [
            {"policy": "rotation", "attack": "two-image", "arrays": [write(tmp_path / "a.npz")]},
            {
                "policy": "none",
                "attack": "inversion1",
                "arrays": [write(tmp_path / "b.npz", mixed=False, second=False)],
            },
        ],
    )


def values(figure):
    """Return the value of the picture of every panel, None where there is none."""
    found = [axes.findobj(AxesImage) for axes in figure.axes]
    return [int(np.asarray(images[0].get_array()).max()) if images else None for images in found]


def test_rows_are_in_the_order_of_the_study_and_labelled(shown):
    images, pictures, labels = shown
    assert list(labels) == [NONE, SPLIT]
    assert labels[SPLIT] == "Rotation\nTwo images"
    assert set(images["row"]) == {NONE, SPLIT}
    assert pictures[SPLIT]["seconds"].shape == (2, 3, 8, 8)


def test_blocks_of_an_attack_are_one_set(tmp_path):
    paths = [write(tmp_path / "a.npz"), write(tmp_path / "b.npz", images=(9,))]
    pictures = grid.read_pictures(paths)
    assert pictures["images"].tolist() == [4, 7, 9]
    assert {name: array.shape[0] for name, array in pictures.items()} == dict.fromkeys(
        ["images", "originals", "partners", "guesses", "seconds"], 3
    )


def test_attacks_that_guess_no_image_have_no_row(tmp_path):
    entries = [
        {"policy": "rotation", "attack": attack, "arrays": [write(tmp_path / attack, guess=guess)]}
        for attack, guess in (("knn-1.npz", False), ("inversion1.npz", True))
    ]
    _, pictures, labels = grid.read_rows(rows_of("rotation", "inversion1"), entries)
    assert list(pictures) == list(labels) == ["rotation inversion1.npz"]


def test_an_archive_that_lacks_an_array_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.arange(2))
    with pytest.raises(ReveilError, match=r"a\.npz: not an archive of attack pictures"):
        grid.read_pictures([tmp_path / "a.npz"])


def test_the_grid_shows_images_partners_and_both_guesses(shown):
    images, pictures, labels = shown
    figure = grid.draw(images, pictures, [7, 4], labels, **SUBJECT)
    assert values(figure) == [10, 10, 20, 20, 30, 30, 30, 30, 40, 40]
    assert_all_is_seen(figure)
    written = texts(figure)
    assert "Two images,\nsecond guess" in written.replace("Rotation\n", "")
    assert f"one colour: {MEAN_COLOUR:.3f}" in written
    assert f"mean of both: {BLEND:.3f}" in written
    assert heading(figure).endswith("2 images, seed 0, RMSE")


def test_errors_are_bold_where_they_beat_both_trivial_predictors(shown):
    images, pictures, labels = shown
    figure = grid.draw(images, pictures, [4, 7], labels, **SUBJECT)
    found = {
        text.get_text(): (text.get_fontweight(), text.get_color())
        for axes in figure.axes
        for text in axes.texts
    }
    assert found["0.020"] == ("bold", VERMILLION)
    # Above one colour, and between the blend and one colour.
    assert found["0.300"][0] == found["0.200"][0] == "normal"
    assert found["0.100"] == ("bold", VERMILLION)


def test_failed_and_missing_attacks_say_so(shown):
    images, pictures, labels = shown
    images = images[~((images["row"] == NONE) & (images["image"] == 4))].copy()
    images.loc[(images["row"] == SPLIT) & (images["image"] == 7), "status"] = "failed"
    figure = grid.draw(images, pictures, [4, 7], labels, **SUBJECT)
    noted = [
        text.get_text() for axes in figure.axes for text in axes.texts if text.get_color() == GREY
    ]
    assert noted == ["not attacked", "failed", "failed"]


def test_without_mixed_images_there_is_no_row_of_partners(tmp_path):
    path = write(tmp_path / "a.npz", mixed=False, second=False, channels=1)
    entry = {"policy": "none", "attack": "inversion1", "arrays": [path]}
    parts = grid.read_rows(rows_of("none", "inversion1"), [entry])
    figure = grid.draw(parts[0], parts[1], [4], parts[2], **SUBJECT)
    assert values(figure) == [10, 30]
    assert "Mixed with it" not in texts(figure) and "mean of both" not in texts(figure)


def test_an_image_without_pictures_and_an_empty_choice_are_refused(shown):
    images, pictures, labels = shown
    with pytest.raises(ReveilError, match="image: 5 is in no archive"):
        grid.draw(images, pictures, [5], labels, **SUBJECT)
    with pytest.raises(ReveilError, match="none was chosen"):
        grid.draw(images, pictures, [], labels, **SUBJECT)
