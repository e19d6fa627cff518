"""The gallery: its values are those of the tables, its pictures those of the archives."""

import hashlib
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reveil import gallery
from reveil.errors import ReveilError
from reveil.files import read_npz, write_npz
from reveil.gallery.archives import by_place
from reveil.gallery.cells import ranking
from reveil.gallery.page import SCRIPTS
from reveil.gallery.sprites import TILES, Tiles
from reveil.statistics import PSNR_CEILING_DB, by_image, mean_interval
from tests import pages
from tests.galleries import IMAGES, ITERATIONS, Run, every_study, pictures


def write(made, folder, name="gallery.html", **changes):
    path = folder / name
    gallery.write(str(path), made.studies(), **{"run": "made-up", "images": 200, **changes})
    return path


@pytest.fixture
def made(tmp_path):
    return every_study(tmp_path / "results")


@pytest.fixture
def found(made, tmp_path):
    return pages.content(write(made, tmp_path))


def test_every_study_is_there_in_its_order(found):
    assert [one["id"] for one in found["studies"]] == ["ats", "cvnn", "unir"]
    assert [len(one["cells"]) for one in found["studies"]] == [6, 2, 3]
    assert [len(one["images"]["cell"]) for one in found["studies"]] == [48, 16, 24]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("ats", {"psnr_db": "psnr_db", "floor_db": "floor_db", "gain": "gain_db", "ssim": "ssim"}),
        ("cvnn", {"rmse": "rmse", "rmse_blend": "rmse_blend", "psnr_db": "psnr_db"}),
        ("unir", {"psnr_db": "psnr_db", "mse_pm1": "mse_pm1", "ssim": "ssim"}),
    ],
)
def test_measures_are_those_of_the_table(made, found, name, columns):
    table = made.table(name)
    shown = sorted(pages.images(pages.study(found, name)), key=lambda row: repr(row))
    for key, column in columns.items():
        told = sorted(row[key] for row in shown if row[key] is not None)
        assert told == pytest.approx(sorted(table[column].dropna()), rel=1e-9)


def test_gains_are_over_what_needs_no_attack(found):
    cvnn = pages.images(pages.study(found, "cvnn"))
    mixed = [row for row in cvnn if row["policy"] == "Rotation"]
    assert all(row["gain"] == pytest.approx(0.18 - row["rmse"]) for row in mixed)
    alone = [row for row in cvnn if row["policy"] == "Unprotected"]
    assert all(row["gain"] == pytest.approx(0.3 - row["rmse"]) for row in alone)
    unir = pages.images(pages.study(found, "unir"))
    kept = dict(zip(IMAGES, (10.0, 10.5, 9.5, 9.0), strict=True))
    assert all(row["gain"] == pytest.approx(row["psnr_db"] - kept[row["image"]]) for row in unir)


def test_without_the_method_that_keeps_it_a_measurement_is_measured(tmp_path):
    run = Run(tmp_path / "results")
    arrays = run.unir()
    one = pages.study(pages.content(write(run, tmp_path)), "unir")
    error = (arrays["measured"] / 127.5 - arrays["clean"] / 127.5).reshape(4, -1)
    expected = 10 * np.log10(4 / np.square(error).mean(axis=1))
    assert one["images"]["values"]["measured_db"] == pytest.approx(expected)


def test_pictures_are_those_of_the_archive_pixel_by_pixel(tmp_path):
    run = Run(tmp_path / "results")
    arrays = run.ats(), run.cvnn()
    found = pages.content(write(run, tmp_path))
    names = [{"clean": "originals", "seen": "victims", "guess": "reconstructions"},
             {"clean": "original", "seen": "partner", "guess": "guess"}]  # fmt: skip
    for one, stored, name in zip(found["studies"], arrays, names, strict=True):
        for key, array in name.items():
            drawn = [pages.tile(found, number) for number in one["images"]["tiles"][key]]
            np.testing.assert_array_equal(drawn, stored[array])


def test_equal_pictures_are_one_tile_and_sizes_are_kept_apart():
    tiles = Tiles()
    grey, colour = pictures(TILES + 5, 0), pictures(3, 1, channels=3, size=5)
    names = [tiles.add(picture) for picture in [*grey, *colour, *grey]]
    sprites, numbers = tiles.sprites()
    assert [(s["width"], s["count"]) for s in sprites] == [(8, TILES), (8, 5), (5, 3)]
    assert len(numbers) == TILES + 8
    found = {"sprites": sprites}
    for name, picture in zip(names, [*grey, *colour, *grey], strict=True):
        np.testing.assert_array_equal(pages.tile(found, numbers[name]), picture)


def test_curves_begin_and_end_with_the_attack(found):
    shown = pages.study(found, "ats")["images"]
    axis, *costs = shown["curves"][0]
    assert shown["axes"][axis][0] == 0 and shown["axes"][axis][-1] == ITERATIONS[-1]
    assert len(costs) == len(shown["axes"][axis]) <= 48
    assert costs[0] == pytest.approx(1.0, rel=1e-3)
    assert "curves" not in pages.study(found, "unir")["images"]


def test_means_are_over_images_each_averaged_over_its_seeds(made, found):
    one = pages.study(found, "ats")
    cell = next(c for c in one["cells"] if c["names"]["policy"].startswith("3-1-7")
                or "(3-1-7)" in c["names"]["policy"])  # fmt: skip
    assert cell["seeds"] == 2 and cell["failed"] == 1
    table = made.table("ats")
    rows = table[(table["policy"] == "3-1-7") & (table["model"] == "lenetzhu")]
    for key, column in {"psnr_db": "psnr_db", "gain": "gain_db"}.items():
        expected = mean_interval(by_image(rows[rows["status"] == "ok"], column))
        told = cell["means"][key]
        assert told[:3] == pytest.approx([expected.value, expected.low, expected.high])
        assert told[3] == expected.n == 4


def test_what_seeds_found_is_one_cell_and_labelled_as_in_the_tables(found):
    labels = [cell["names"]["policy"] for cell in pages.study(found, "ats")["cells"]]
    assert labels.count("Found 1") == 2
    assert labels[0] == "None"
    unir = [cell["names"]["attack"] for cell in pages.study(found, "unir")["cells"]]
    assert unir == ["UNIR", "Measurement as it is", "Mean of observed values"]


def test_exact_guesses_are_infinite_and_count_as_a_hundred(tmp_path):
    run = Run(tmp_path / "results")
    run.ats(gains=(np.inf, 1.0, 1.0, 1.0))
    one = pages.study(pages.content(write(run, tmp_path)), "ats")
    assert one["images"]["values"]["psnr_db"][0] == "inf"
    floors = 10 + np.arange(4) / 8
    expected = np.mean([PSNR_CEILING_DB, *(floors[1:] + 1)])
    assert one["cells"][0]["means"]["psnr_db"][0] == pytest.approx(expected)


def test_failed_guesses_have_no_picture_no_measure_and_a_reason(found):
    shown = pages.study(found, "ats")["images"]
    ((row, reason),) = shown["failed"].items()
    assert reason == "not finite </script><b>"
    assert shown["tiles"]["guess"][int(row)] == -1 and shown["tiles"]["clean"][int(row)] >= 0
    assert shown["values"]["psnr_db"][int(row)] is None


def test_attacks_that_guess_no_image_are_left_out(tmp_path):
    run = Run(tmp_path / "results")
    run.cvnn()
    run.cvnn(errors=(np.nan,) * 4, attack="infer-features")
    one = pages.study(pages.content(write(run, tmp_path)), "cvnn")
    assert [cell["names"]["attack"] for cell in one["cells"]] == ["Inversion 1"]


def test_a_study_whose_attacks_guess_no_image_is_left_out(tmp_path):
    run = Run(tmp_path / "results")
    run.cvnn(errors=(np.nan,) * 4, attack="infer-features")
    assert pages.content(write(run, tmp_path))["studies"] == []
    run.unir()
    assert [one["id"] for one in pages.content(write(run, tmp_path))["studies"]] == ["unir"]


def test_an_image_that_is_mixed_with_nothing_has_no_second_picture(found):
    one = pages.study(found, "cvnn")
    seen = one["images"]["tiles"]["seen"]
    mixed = [one["cells"][cell]["names"]["policy"] == "Rotation" for cell in one["images"]["cell"]]
    assert [tile >= 0 for tile in seen] == mixed


def test_ranking_begins_with_best_median_worst_and_the_figures():
    rows = pd.DataFrame({"gain": [3.0, 1.0, np.nan, 2.0, 5.0, 4.0], "status": "ok", "seed": 0},
                        index=list("abcdef"))  # fmt: skip
    rows.loc["c", "status"] = "failed"
    assert ranking(rows, [0, 2]) == ["e", "a", "b", "c", "d", "f"]


def test_a_full_page_shows_the_first_of_every_cell_and_says_so(made, tmp_path):
    few = pages.content(write(made, tmp_path, images=1))
    for one in few["studies"]:
        assert [cell["shown"] for cell in one["cells"]] == [1] * len(one["cells"])
        assert all(cell["rows"] == 8 for cell in one["cells"])
        best = {tuple(c["names"].values()): -np.inf for c in one["cells"]}
        assert len(best) == len(one["images"]["cell"])
    whole = write(made, tmp_path, "whole.html").stat().st_size
    # Everything but pictures and rows has 400 kB for itself.
    smaller = write(made, tmp_path, "less.html", largest=400_000 + 20_000)
    counts = [cell["shown"] for one in pages.content(smaller)["studies"] for cell in one["cells"]]
    assert smaller.stat().st_size < whole
    assert 0 < sum(counts) < 88 and max(counts) - min(counts) <= 1


def test_a_page_is_never_larger_than_it_may_be(made, tmp_path, monkeypatch):
    monkeypatch.setattr("reveil.gallery.page._ROOM", 0)
    whole = write(made, tmp_path, "whole.html").stat().st_size
    page = write(made, tmp_path, largest=whole - 9_000)
    assert page.stat().st_size <= whole - 9_000
    assert sum(len(one["images"]["cell"]) for one in pages.content(page)["studies"]) < 88


def test_a_page_without_room_for_its_cells_is_refused_and_not_tried_for_ever(made, tmp_path):
    with pytest.raises(ReveilError, match=r"bytes without one image; allowed: 1000; name fewer"):
        write(made, tmp_path, largest=1000)
    assert not (tmp_path / "gallery.html").exists()


def test_the_same_inputs_give_the_same_bytes_in_any_order(made, tmp_path):
    first = write(made, tmp_path, "a.html").read_bytes()
    assert write(made, tmp_path, "b.html").read_bytes() == first
    for arrays in made.arrays.values():
        arrays.reverse()
    assert write(made, tmp_path, "c.html").read_bytes() == first


def test_no_text_becomes_markup(made, tmp_path):
    evil = "</script><img src=x onerror=alert(1)>&\u2028"
    table = made.tables["ats"][0]
    made.tables["ats"][0] = table.assign(attack=evil)
    with pytest.raises(ReveilError, match="is in no archive"):
        write(made, tmp_path)
    made.tables["ats"][0] = table.assign(status="failed", reason=evil)
    page = write(made, tmp_path, run=evil, commit=evil)
    text = page.read_text(encoding="utf-8")
    assert "<img" not in text
    assert text.count("</script>") == 2
    reasons = pages.study(pages.content(page), "ats")["images"]["failed"].values()
    assert evil in reasons


def test_the_page_may_load_nothing_and_run_only_its_own_script(made, tmp_path):
    text = write(made, tmp_path).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        said = rules[kind].strip("'").removeprefix("sha256-")
        assert b64decode(said) == hashlib.sha256(body.encode()).digest()
    assert not re.search(r"(?:src|href)=\"(?!#|data:,\")", text)
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_the_last_line_says_what_made_the_page(made, tmp_path):
    text = write(made, tmp_path, commit="0123456789ab").read_text(encoding="utf-8")
    assert "Run made-up, commit 0123456789ab, reveil " in text
    assert (
        "commit" not in write(made, tmp_path).read_text(encoding="utf-8").split("<footer>")[1][:400]
    )


def test_each_part_of_the_script_is_in_the_page():
    folder = Path(gallery.__file__).parent
    assert sorted(SCRIPTS) == sorted(path.name for path in folder.glob("*.js"))


def test_places_are_read_off_the_folders():
    place = "fixed/cifar10/convnet/3-1-7/full/seed12/inversed/none"
    path = f"results/r/ats/attacks/{place}/00000-00003.npz"
    assert by_place([path]) == {
        path: ("fixed", "cifar10", "convnet", "3-1-7", "full", "12", "inversed", "none")
    }
    with pytest.raises(ReveilError, match="elsewhere/a.npz: is no archive of attacked images"):
        by_place(["elsewhere/a.npz"])


def test_mistakes_are_one_message(made, tmp_path):
    with pytest.raises(ReveilError, match="no study of this run asks for attacked images"):
        gallery.write(str(tmp_path / "a.html"), [], run="a", images=1)
    entry = made.studies()[0]
    with pytest.raises(ReveilError, match="study: 'cvn' is not allowed; .* mean 'cvnn'"):
        gallery.write(str(tmp_path / "a.html"), [entry | {"study": "cvn"}], run="a", images=1)
    missing = entry | {"arrays": entry["arrays"][1:]}
    with pytest.raises(ReveilError, match="image: 3 of fixed/.* is in no archive of pictures"):
        gallery.write(str(tmp_path / "a.html"), [missing], run="a", images=9)
    assert not (tmp_path / "a.html").exists()


def test_blocks_of_one_attack_belong_together(tmp_path):
    run = Run(tmp_path / "results")
    run.ats()
    later = run.tables["ats"][0].assign(image=[20, 21, 22, 23])
    path = run.arrays["ats"][0].replace("00000-00003", "00004-00007")
    write_npz(path, read_npz(run.arrays["ats"][0]) | {"images": np.arange(20, 24)})
    run.arrays["ats"].append(path)
    run.tables["ats"].append(later)
    one = pages.study(pages.content(write(run, tmp_path)), "ats")
    assert len(one["cells"]) == 1
    assert one["images"]["image"] == [*IMAGES, 20, 21, 22, 23]
