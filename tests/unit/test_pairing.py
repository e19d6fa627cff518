"""Differences of the same image and seed."""

import numpy as np
import pandas as pd
import pytest

from reveil.pairing import paired, paired_difference
from reveil.statistics import NO_INTERVAL

MEASURE = ("psnr_db", "psnr_db")


def rows(values, seed=0, column="psnr_db"):
    """Return images 0, 1, ... with a value each."""
    values = list(values)
    return pd.DataFrame({"image": range(len(values)), "seed": seed, column: values})


def test_the_difference_uses_common_images_and_removes_their_spread():
    spread = np.linspace(0, 50, 20)
    noise = np.random.default_rng(0).normal(size=20)
    baseline = rows(np.append(spread, 1e6)).sample(frac=1, random_state=0)
    estimate = paired_difference(rows(spread + 1 + 0.1 * noise), baseline, MEASURE)
    assert estimate.n == 20
    assert estimate.value == pytest.approx(1 + 0.1 * noise.mean())
    assert 0.9 < estimate.low < estimate.value < estimate.high < 1.1


def test_without_common_images_there_is_none():
    found = paired_difference(rows([1.0]), rows([1.0]).assign(image=1), MEASURE)
    assert (found.n, found.method) == (0, NO_INTERVAL)


@pytest.mark.parametrize("values", [([], []), ([np.nan], [1.0]), ([1.0], [])], ids=str)
def test_sides_without_values_have_no_pairs(values):
    both = paired(*(rows(side) for side in values), MEASURE)
    assert both.empty and list(both) == ["image", "seed", "own", "other"]
    assert both.groupby("image")["own"].mean().empty


def test_seeds_that_one_side_lacks_for_an_image_count_on_neither():
    own = pd.concat([rows([1.0, 2.0]), rows([11.0, 12.0], seed=1)])
    other = pd.concat([rows([0.0, 0.0]), rows([10.0, np.nan], seed=1)])
    assert paired(own, other, MEASURE)[["image", "seed"]].values.tolist() == [
        [0, 0],
        [0, 1],
        [1, 0],
    ]
    # Of the means over the seeds that each side has the second image would be 7 apart.
    assert paired_difference(own, other, MEASURE).value == pytest.approx((1 + 2) / 2)


def test_a_reference_of_no_common_seed_is_paired_by_image():
    own = pd.concat([rows([1.0, 2.0], seed=1), rows([3.0, 4.0], seed=2)])
    found = paired(own, rows([1.0, 1.0], seed=0), MEASURE)
    assert (found["own"] - found["other"]).tolist() == [0.0, 2.0, 1.0, 3.0]


def test_sides_may_have_measures_of_their_own():
    found = paired_difference(rows([3.0]), rows([1.0], column="floor_db"), ("psnr_db", "floor_db"))
    assert found.value == 2.0
