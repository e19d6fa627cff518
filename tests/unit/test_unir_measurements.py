"""Measurements: what an image becomes is the same at every reading, whoever is read beside it."""

import numpy as np
import pytest
import torch

from reveil.errors import ReveilError
from reveil.rng import generator
from reveil.unir.operators import measurements
from reveil.unir.operators.measurements import Measurements
from tests.measuring import PRESETS, images, operator, pixels

COUNT = 12


def measured(preset="remove-pixel-dark-50", indices=range(COUNT), **changes) -> Measurements:
    """Measurements of noise, with some arguments changed."""
    made = {"seed": 3, "split": "train", "corruption": "fixed", **changes}
    return Measurements(operator(preset), pixels(COUNT), list(indices), **made)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("corruption", ["fixed", "fresh"])
def test_an_image_is_measured_alike_in_every_batch(preset, corruption):
    whole = measured(preset, corruption=corruption)
    y = whole.y(range(COUNT))
    again = measured(preset, corruption=corruption)
    for rows in ([4], [11, 4, 0], [4, 4], range(2, 9)):
        assert torch.equal(again.y(rows), y[list(rows)])
        assert torch.equal(whole.y(rows), y[list(rows)])


def test_what_is_kept_is_what_is_drawn(monkeypatch):
    kept = measured("convolve-noise")
    monkeypatch.setattr(measurements, "STORE_BYTES", 0)
    drawn = measured("convolve-noise")
    for _ in range(2):
        assert torch.equal(kept.y([1, 5]), drawn.y([1, 5]))


def test_fixed_thetas_are_drawn_once_each(monkeypatch):
    made = measured()
    counts = []
    sample = made.operator.sample_theta
    monkeypatch.setattr(
        made.operator, "sample_theta", lambda n, source: (counts.append(n), sample(n, source))[1]
    )
    made.y([1, 5, 1])
    made.y([5, 6])
    assert sum(counts) == 3


def test_the_stream_is_that_of_seed_split_and_index():
    made = measured(indices=[7, 2])
    source = generator(3, "corruption", "train", 2)
    assert torch.equal(made.theta([1]), made.operator.sample_theta(1, source))
    fresh = measured(indices=[7, 2], corruption="fresh")
    source = generator(3, "corruption", "train", 2, 4)
    assert torch.equal(fresh.theta([1], epoch=4), fresh.operator.sample_theta(1, source))


def test_a_subset_is_measured_as_the_whole_is():
    part, whole = measured(indices=[9, 3]), measured()
    assert len(part) == 2
    assert torch.equal(part.y([0, 1]), whole.y([9, 3]))
    assert torch.equal(part.clean([1]), images(COUNT)[3:4])


@pytest.mark.parametrize("changes", [{"seed": 4}, {"split": "test"}])
def test_another_seed_or_split_corrupts_otherwise(changes):
    assert not torch.equal(measured().theta([0]), measured(**changes).theta([0]))


def test_only_fresh_corruption_changes_with_the_epoch():
    fixed, fresh = measured(), measured(corruption="fresh")
    assert torch.equal(fixed.y([0], epoch=1), fixed.y([0], epoch=2))
    assert not torch.equal(fresh.y([0], epoch=1), fresh.y([0], epoch=2))
    assert torch.equal(fresh.y([0], epoch=1), fresh.y([0], epoch=1))


def test_y_is_the_operator_of_the_clean_image_and_theta():
    made = measured("convolve-noise")
    x, theta = made.clean([2, 8]), made.theta([2, 8])
    assert torch.equal(made.y([2, 8]), made.operator.apply(x, theta))
    assert torch.equal(x, torch.from_numpy(pixels(COUNT)[[2, 8]]) / 127.5 - 1)


def test_measuring_does_not_ask_for_clean_images(monkeypatch):
    def refuse(self, rows):
        raise AssertionError("a clean image was asked for")

    monkeypatch.setattr(Measurements, "clean", refuse)
    assert measured().y([0, 1]).shape == (2, 3, 8, 8)


def test_what_was_read_may_be_changed():
    made = measured()
    first = made.y([0]).clone()
    made.theta([0]).fill_(False)
    made.y([0]).zero_()
    assert torch.equal(made.y([0]), first)


def test_rows_come_as_lists_arrays_or_tensors_and_may_be_none():
    made = measured()
    expected = made.y([5, 0])
    assert torch.equal(made.y(np.array([5, 0])), expected)
    assert torch.equal(made.y(torch.tensor([5, 0])), expected)
    for corruption in ("fixed", "fresh"):
        assert measured(corruption=corruption).y([]).shape == (0, 3, 8, 8)


def test_memory_mapped_images_are_read(tmp_path):
    np.save(tmp_path / "images.npy", pixels(COUNT))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    made = Measurements(operator("remove-pixel-dark-50"), mapped, range(COUNT), 3, "train")
    assert torch.equal(made.y([5, 0]), measured().y([5, 0]))


def test_projections_are_measured_too():
    assert measured("pad-rotate-project-theta").y([0, 1]).shape == (2, 3 * 12 + 1)


def test_mistakes_are_named():
    with pytest.raises(ReveilError, match="corruption: 'fixd' .* did you mean 'fixed'"):
        measured(corruption="fixd")
    with pytest.raises(ReveilError, match=r"allowed: uint8 of \(3, 8, 8\)"):
        Measurements(operator(), pixels(2, (1, 8, 8)), [0], 0, "train")
    with pytest.raises(ReveilError, match="images: float32"):
        Measurements(operator(), pixels(2).astype(np.float32), [0], 0, "train")
    with pytest.raises(ReveilError, match="indices: allowed: 0 to 11"):
        measured(indices=[12])
