"""The grids of unir: reconstructions beside what they are of, and samples that are of nothing."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import AxesImage

from reveil.errors import ReveilError
from reveil.figures.style import GREY
from reveil.unir.figures import grid, samples
from tests.figure_layout import assert_all_is_seen
from tests.figure_tables import heading, texts
from tests.unir_figures import faces, measured, rows, write_pictures

SUBJECT = {"protocol": "fixed-unir", "dataset": "fashion-mnist", "model": "unet"}
DRAWN = {"protocol": "guo2020", "dataset": "fashion-mnist", "model": "dcgan"}
NUMBERS = (3, 5, 8)


def numbered(**columns):
    return rows(**columns).assign(image=NUMBERS)


@pytest.fixture
def shown(tmp_path):
    """Total variation, a network, regression, and the measurement kept, in this order."""
    methods = {"tv": ("none", "tv"), "unir": ("unir", "network"), "regress": ("regress", "network"),
               "keep": ("none", "keep")}  # fmt: skip
    psnr = {"tv": (20, 18, 16), "unir": (19, 19, 19), "regress": (22, 17, 15), "keep": (9, 9, 9)}
    images = pd.concat(
        [
            numbered(recipe=recipe, attack=attack, psnr=psnr[name])
            for name, (recipe, attack) in methods.items()
        ]
    )
    entries = []
    for recipe, attack in methods.values():
        path = tmp_path / f"{recipe}-{attack}.npz"
        write_pictures(path, again=recipe != "none", blur=40 if attack == "tv" else 0)
        entries.append({"recipe": recipe, "attack": attack, "arrays": [path]})
    return grid.read_rows(images, entries)


def pictures_of(figure):
    """Return the picture of every panel, None where there is none."""
    found = [axes.findobj(AxesImage) for axes in figure.axes]
    return [np.asarray(images[0].get_array()) if images else None for images in found]


def notes_of(figure):
    found = [text for axes in figure.axes for text in axes.texts if text.get_va() == "top"]
    return [(text.get_text(), text.get_fontweight(), text.get_color()) for text in found]


def test_rows_are_in_the_order_of_the_study_without_the_measurement_itself(shown):
    images, pictures = shown
    assert list(pictures) == ["unir", "regress", "tv"]
    assert set(images["row"]) == {"unir", "regress", "tv", "keep"}


def test_the_grid_shows_clean_measured_reconstructed_and_measured_again(shown):
    images, pictures = shown
    figure = grid.draw(images, pictures, [5, 3], **SUBJECT)
    assert_all_is_seen(figure)
    found = pictures_of(figure)
    assert len(found) == 2 * 6
    clean = faces(3)[:, 0]
    assert (found[0] == clean[1]).all() and (found[1] == clean[0]).all()
    # Missing sites are as grey as they are, and half of all.
    assert (found[2] == 128).mean() == pytest.approx(0.5, abs=0.15)
    assert (found[2][found[2] != 128] == clean[1][found[2] != 128]).all()
    assert (found[4] == clean[1]).all()
    again = pictures["unir"]["remeasured"][1, 0]
    assert (found[10] == np.rint((again + 1) * 127.5)).all()
    assert "UNIR,\nmeasured again" in texts(figure)
    title = heading(figure)
    assert title.startswith("What each method makes of measurements by Remove-Pixel-Dark, 50 %")
    assert title.endswith("2 images, seed 0; PSNR, higher: better")


def test_each_picture_has_its_psnr_and_the_best_of_a_column_is_bold(shown):
    images, pictures = shown
    found = notes_of(grid.draw(images, pictures, [3, 8], **SUBJECT))
    kept = grid.psnr(pictures["unir"]["measured"][0], pictures["unir"]["originals"][0])
    assert found[0][0] == f"{kept:.1f} dB"
    assert [text for text, _, _ in found[2:]] == [
        "19.0 dB", "19.0 dB", "22.0 dB", "15.0 dB", "20.0 dB", "16.0 dB",
    ]  # fmt: skip
    assert [text for text, weight, _ in found if weight == "bold"] == ["19.0 dB", "22.0 dB"]


def test_what_is_worse_than_the_measurement_is_not_bold(shown):
    images, pictures = shown
    images = images.assign(psnr_db=np.where(images["image"] == 3, 1.0, images["psnr_db"]))
    found = notes_of(grid.draw(images, pictures, [3, 8], **SUBJECT))
    assert [text for text, weight, _ in found if weight == "bold"] == ["19.0 dB"]


def test_psnr_is_that_of_the_scale_from_minus_1_to_1():
    black, white = np.zeros((1, 2, 2), np.uint8), np.full((1, 2, 2), 255, np.uint8)
    assert grid.psnr(black, white) == pytest.approx(0)
    assert grid.psnr(np.zeros((1, 2, 2), np.float32), white) == pytest.approx(10 * np.log10(4))
    assert grid.psnr(white, white) == np.inf


def test_noise_beyond_the_scale_is_clipped_where_it_is_shown():
    values = np.array([-1.5, -1.0, 0.0, 1.0, 2.0])
    assert grid.as_bytes(values).tolist() == [0, 0, 128, 255, 255]
    assert grid.as_bytes(np.array([7], np.uint8)).tolist() == [7]


def test_failed_and_missing_reconstructions_say_so(shown):
    images, pictures = shown
    images = images[~((images["row"] == "tv") & (images["image"] == 3))].copy()
    images.loc[(images["row"] == "unir") & (images["image"] == 3), "status"] = "failed"
    found = notes_of(grid.draw(images, pictures, [3], **SUBJECT))
    assert [text for text, _, colour in found if colour == GREY] == ["failed", "not made"]


def test_several_operators_and_an_empty_choice_are_refused(shown):
    images, pictures = shown
    with pytest.raises(ReveilError, match="none was chosen"):
        grid.draw(images, pictures, [], **SUBJECT)
    with pytest.raises(ReveilError, match="image: 4 is in no archive"):
        grid.draw(images, pictures, [4], **SUBJECT)
    two = pd.concat([images, images.assign(policy="patch-band")])
    with pytest.raises(ReveilError, match="patch-band are not allowed; allowed: one a grid"):
        grid.draw(two, pictures, [3], **SUBJECT)


def test_blocks_of_a_method_are_one_set_and_a_lack_is_named(tmp_path):
    paths = [write_pictures(tmp_path / "a.npz"), write_pictures(tmp_path / "b.npz", numbers=(9,))]
    assert grid.read_pictures(paths)["images"].tolist() == [3, 5, 8, 9]
    np.savez(tmp_path / "c.npz", index=np.arange(2))
    with pytest.raises(ReveilError, match=r"c\.npz: not an archive of attack pictures"):
        grid.read_pictures([tmp_path / "c.npz"])


# Samples


def test_a_sheet_holds_its_pictures_row_by_row_on_white():
    pictures = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1).repeat(4, 2).repeat(4, 3)
    sheet = samples.sheet(pictures, side=2)
    assert sheet.shape == (10, 10, 3)
    assert [sheet[y, x, 0] for y, x in ((0, 0), (0, 6), (6, 0), (6, 6))] == [0, 1, 2, 3]
    assert (sheet[4:6] == 255).all() and (sheet[:, 4:6] == 255).all()
    few = samples.sheet(pictures[:1], side=2)
    assert (few[6:] == 255).all() and (few[:4, :4] == 0).all()


def test_samples_are_called_samples():
    figure = samples.draw(
        faces(64), faces(80, seed=1), operator="identity", recipe="guo2020-code", seed=999, **DRAWN
    )
    assert_all_is_seen(figure)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Real images (64)", "Samples from noise (64)"]
    told = heading(figure)
    assert told.startswith("Report's code: samples, which reconstruct no image")
    assert told.endswith("dcgan, protocol guo2020; 64 samples of fixed noise, seed 999")


def test_measurements_stand_beside_samples_unless_they_are_vectors():
    real = faces(9)
    subject = {"operator": "block-patch", "recipe": "ambientgan", "seed": 0, **DRAWN}
    figure = samples.draw(real, faces(9, seed=1), measured(real), **subject)
    assert_all_is_seen(figure)
    assert "Measurements, which it learns from (9)" in texts(figure)
    assert heading(figure).startswith("AmbientGAN, Block-patch: samples")
    flat = samples.draw(real, faces(9, seed=1), np.zeros((9, 20)), **subject)
    assert len(flat.axes) == 2
    with pytest.raises(ReveilError, match=r"pictures: shape \(9, 20\) is not allowed"):
        samples.sheet(np.zeros((9, 20)))


def test_recipes_of_a_report_have_their_pictures_and_their_numbers(tmp_path):
    """Over them stands the protocol, under whose settings they go by the names of ours."""
    write_pictures(tmp_path / "pictures.npz")
    images = numbered(recipe="unir-pajot2019", attack="network", psnr=(19, 18, 17))
    paths = [tmp_path / "pictures.npz"]
    entry = {"recipe": "unir-pajot2019", "attack": "network", "arrays": paths}
    rows, pictures = grid.read_rows(images, [entry])
    assert list(pictures) == ["unir"]
    told = grid.data(rows, [3, 5, 8], list(pictures))
    assert told["psnr_db"].tolist() == [19, 18, 17]
