"""Rectangles and runs: where they lie, and how much they remove."""

import math

import pytest
import torch

from tests.measuring import images, operator, source


def offsets(made, n=4000):
    """Return the set of rows and that of columns of n corners."""
    theta = made.sample_theta(n, source())
    return [sorted(set(theta[:, axis].tolist())) for axis in (0, 1)]


def test_a_band_takes_full_rows_at_every_offset():
    made = operator("patch-band", (1, 10, 6))
    assert offsets(made) == [list(range(8)), [0]]
    mask = made.mask(torch.tensor([[2, 0], [7, 0]]))
    assert (mask[:, 0].sum(2) == 0).nonzero().tolist() == [
        *([0, row] for row in (2, 3, 4)),
        *([1, row] for row in (7, 8, 9)),
    ]


def test_offsets_are_uniform():
    rows = operator("patch-band", (1, 10, 6)).sample_theta(8000, source())[:, 0]
    counts = rows.bincount().double()
    # Chi-squared with 7 degrees of freedom is above 40 once in a million.
    assert ((counts - 1000).square() / 1000).sum() < 40


def test_the_last_offset_is_left_out_where_ambientgan_leaves_it_out():
    assert offsets(operator("patch-half", (1, 8, 8))) == [list(range(5))] * 2
    assert offsets(operator("block-patch", (1, 8, 8))) == [list(range(4))] * 2
    assert offsets(operator("block-patch", (1, 8, 8), side=8), 5) == [[0], [0]]


def test_a_patch_is_removed_or_kept():
    corner = torch.tensor([[1, 3]])
    removed = operator("block-patch", (1, 8, 8)).mask(corner)
    expected = torch.ones(1, 1, 8, 8)
    expected[..., 1:5, 3:7] = 0
    assert torch.equal(removed, expected)
    assert torch.equal(operator("keep-patch", (1, 8, 8)).mask(corner), 1 - expected)


def test_an_extracted_patch_is_moved_to_the_centre():
    made, x = operator("extract-patch", (2, 7, 8), height=0.5, width=0.25), images(1, (2, 7, 8))
    y = made.apply(x, torch.tensor([[3, 6]]))
    expected = torch.zeros(1, 2, 7, 8)
    # 3 x 2 pixels of 7 x 8: two rows above and two below, three columns on either side.
    expected[..., 2:5, 3:5] = x[..., 3:6, 6:8]
    assert torch.equal(y, expected)


def test_equal_patches_of_other_places_are_measured_alike():
    made = operator("extract-patch", (1, 8, 8))
    x = torch.full((2, 1, 8, 8), 0.5)
    y = made.apply(x, torch.tensor([[0, 0], [3, 2]]))
    assert torch.equal(y[0], y[1])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_runs_remove_less_than_their_lengths_add_up_to(share):
    made = operator("row-runs-50", (1, 32, 32), share=share)
    rates = made.missing_rate(made.sample_theta(300, source()))
    # The last run passes the goal by less than a row.
    assert rates.max() < share + 1 / 32
    # Pixels drawn with replacement would leave exp(-share) of them; runs, which meet in the middle
    # of the rows more often than at their ends, leave more.
    assert rates.mean() < 1 - math.exp(-share) + 0.01
    assert rates.mean() > 0.5 * share


def test_the_realised_rate_of_half_is_known():
    made = operator("row-runs-50", (1, 64, 64))
    rate = made.missing_rate(made.sample_theta(300, source())).mean().item()
    assert rate == pytest.approx(by_hand(0.5, 64, 64, 100), abs=0.006)


def by_hand(share, height, width, images_):
    """Return the mean rate of the loop of section 2.2, written as it is told there."""
    draws, total = source(1), 0.0
    for _ in range(images_):
        kept = torch.ones(height, width)
        left = height * width
        while left > (1 - share) * height * width:
            row = int(torch.randint(height, (), generator=draws))
            a, b = sorted(torch.randint(width, (2,), generator=draws).tolist())
            kept[row, a:b] = 0
            left -= b - a
        total += (kept == 0).float().mean().item()
    return total / images_


def test_runs_never_reach_the_last_column_and_differ_between_channels():
    theta = operator("row-runs-50", (3, 16, 16)).sample_theta(20, source())
    assert theta[..., -1].all() and not theta[..., 0].all()
    assert not torch.equal(theta[:, 0], theta[:, 1])
    together = operator("row-runs-50", (3, 16, 16), per_channel=False)
    assert together.sample_theta(2, source()).shape == (2, 1, 16, 16)


def test_no_runs_remove_nothing():
    assert operator("row-runs-50", (1, 8, 8), share=0.0).sample_theta(2, source()).all()


def test_a_run_of_a_row_is_unbroken():
    # One run alone: the first one reaches a goal of less than a pixel unless its ends are equal.
    made = operator("row-runs-50", (1, 16, 16), share=0.001)
    for mask in made.sample_theta(50, source())[:, 0]:
        missing = (~mask).nonzero()
        assert len(missing) and missing[:, 0].unique().numel() == 1
        assert (missing[:, 1].diff() == 1).all()
