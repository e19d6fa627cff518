"""Two runs side by side, where seeds have not the same images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reveil.compare import compare
from reveil.crossed import CROSSED
from reveil.statistics import BOOTSTRAP, NO_INTERVAL, STUDENT
from tests.attacked import attack_rows
from tests.compared import only, seeded, two
from tests.markdown import markdown_tables


def hundred_and(count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two tables that differ by 5 dB of 100 images, and by 0 dB of some under seed 1."""
    base, away = np.linspace(15, 25, 100), np.random.default_rng(0).normal(5, 1, 100)
    few = base[:count]
    return seeded("none", base, few), seeded("none", base + away, few)


@pytest.mark.parametrize("count", [1, 2, 49])
def test_a_seed_hardly_begun_does_not_take_the_place_of_many_images(
    tmp_path: Path, count: int
) -> None:
    runs = two(tmp_path, *hundred_and(count))
    found = only(*runs)
    away = np.random.default_rng(0).normal(5, 1, 100)
    assert found["difference"] == pytest.approx(away.mean(), abs=1e-6)
    assert (found["n_images"], found["n_seeds"], found["interval"]) == (100, 1, BOOTSTRAP)
    assert (found["n_incomplete"], found["seeds_left_out"]) == (0, {1: count})
    text = compare(*runs)
    head, row, _ = list(markdown_tables(text))[-1]
    assert (head[-1], row[-1]) == ("Left out", f"seed 1, {count} row{'s' * (count > 1)}")
    assert "interval over images alone (bca-bootstrap)" in text
    assert "trainings" not in text
    assert "One seed: the variance of training is not in any number here." in text


def test_images_without_a_row_under_every_seed_are_counted(tmp_path: Path) -> None:
    runs = two(tmp_path, *hundred_and(60))
    found = only(*runs)
    assert (found["n_images"], found["n_seeds"], found["interval"]) == (60, 2, CROSSED)
    assert (found["n_incomplete"], found["seeds_left_out"]) == (40, {})
    text = compare(*runs)
    head, row, _ = list(markdown_tables(text))[-1]
    assert (head[-1], row[-1]) == ("Left out", "40 images")
    assert "interval over images and trainings (crossed-t)" in text
    assert "Left out, images: those without a row under each of the seeds." in text


def test_of_seeds_with_other_images_the_larger_counts(tmp_path: Path) -> None:
    far = attack_rows("none", [30] * 10, seed=1)
    first = pd.concat([attack_rows("none", [20] * 12), far.assign(image=far["image"] + 10)])
    found = only(*two(tmp_path, first, first.assign(psnr_db=first["psnr_db"] + first["seed"])))
    assert (found["n_images"], found["difference"]) == (12, 0)
    assert found["seeds_left_out"] == {1: 10}


def test_of_one_image_no_interval_is_told(tmp_path: Path) -> None:
    runs = two(tmp_path, seeded("none", [20], [21]), seeded("none", [21], [23]))
    found = only(*runs)
    assert (found["n_images"], found["n_seeds"], found["interval"]) == (1, 2, NO_INTERVAL)
    text = compare(*runs)
    assert "interval" not in text
    assert "trainings" not in text


def test_how_intervals_were_made_is_told_where_rows_differ(tmp_path: Path) -> None:
    first = pd.concat([hundred_and(60)[0], attack_rows("3-1-7", [8, 9, 10])])
    second = pd.concat([hundred_and(60)[1], attack_rows("3-1-7", [8, 9, 12])])
    text = compare(*two(tmp_path, first, second))
    head, *found = list(markdown_tables(text))[-1]
    place = head.index("Interval")
    assert [row[place] for row in found[::2]] == [CROSSED, STUDENT]
    assert [row[-1] for row in found[::2]] == ["40 images", ""]
    assert "over images, and over trainings, too, where it is crossed-t" in text
    assert "Rows of one seed: the variance of training is not in their numbers." in text
