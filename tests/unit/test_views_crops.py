"""Views of datasets whose prepared images are larger than what a network sees, or never padded."""

import dataclasses

import pytest
import torch

from reveil.datasets import DATASETS, Dataset
from reveil.policies import parse
from reveil.views import View, view_for

RECIPE = {"fmnist_pipeline": "orig", "policy_channels": 3, "normalisation": "dataset"}
NONE = parse("none")
# Stored at 12, seen at 8: offsets 0 to 4, the centre at 2.
BIRDS = dataclasses.replace(DATASETS["cub-200"], size=12, crop=8)
FACES = dataclasses.replace(DATASETS["celeba"], size=8)


def view(dataset: Dataset) -> View:
    return view_for(dataset, RECIPE)


def grid(count: int, size: int) -> torch.Tensor:
    """Images whose first channel tells the row, and whose second tells the column."""
    steps = torch.arange(size, dtype=torch.uint8)
    images = torch.zeros(count, 3, size, size, dtype=torch.uint8)
    images[:, 0], images[:, 1] = steps[:, None], steps
    return images


def test_the_published_sizes() -> None:
    assert view(DATASETS["cub-200"]).shape == (3, 224, 224)
    assert view(DATASETS["celeba"]).shape == (3, 224, 224)
    assert view(DATASETS["cub-200"]).crop_shift == 16
    assert view(DATASETS["celeba"]).crop_shift == 0
    assert view(DATASETS["cifar10"]).crop_shift == 4


def test_evaluation_sees_the_centre() -> None:
    seen = view(BIRDS).evaluate(grid(2, 12))
    assert seen.shape == (2, 3, 8, 8)
    assert seen[0, 0, :, 0].tolist() == list(range(2, 10))
    assert seen[1, 1, 0].tolist() == list(range(2, 10))


def test_training_cuts_anywhere_inside_and_never_shows_padding() -> None:
    count = 400
    draws = view(BIRDS).draw(NONE, range(count), 0, augment="crop_flip")
    seen = view(BIRDS).victim(grid(count, 12), draws, NONE).long()
    tops = seen[:, 0, 0, 0]
    left = torch.where(draws.flip, seen[:, 1, 0, -1], seen[:, 1, 0, 0])
    for corner in (tops, left):
        assert set(corner.tolist()) == set(range(5))
    assert torch.equal(draws.crop, torch.stack([tops, left], 1))
    step = torch.where(draws.flip, -1, 1)
    assert torch.equal(seen[:, 1, 0, 1] - seen[:, 1, 0, 0], step)
    assert torch.equal(seen[:, 0, 7, 0] - tops, torch.full_like(tops, 7))
    assert view(BIRDS).content_mask(draws, NONE).all()


def test_without_a_crop_a_policy_acts_on_the_centre() -> None:
    policy = parse("3-1-7")
    draws = view(BIRDS).draw(policy, range(3), 0, augment="policy")
    images = torch.randint(0, 256, (3, 3, 12, 12), dtype=torch.uint8)
    whole = view(dataclasses.replace(BIRDS, size=8, crop=0))
    centre = images[..., 2:10, 2:10].contiguous()
    expected = whole.victim(centre, draws, policy)
    assert torch.equal(view(BIRDS).victim(images, draws, policy), expected)
    assert view(BIRDS).content_mask(draws, policy).shape == (3, 1, 8, 8)


def test_faces_are_mirrored_and_never_moved() -> None:
    images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8)
    draws = view(FACES).draw(NONE, range(50), 0, augment="crop_flip")
    assert 0 < int(draws.flip.sum()) < 50
    expected = torch.where(draws.flip[:, None, None, None], images.flip(3), images)
    assert torch.equal(view(FACES).victim(images, draws, NONE), expected)
    assert torch.equal(view(FACES).evaluate(images), images)


@pytest.mark.parametrize("name", ["celeba", "celeba-synthetic"])
def test_faces_are_brought_to_minus_one_and_one(name: str) -> None:
    ends = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert view(DATASETS[name]).normalise(ends)[:, 0, 0, 0].tolist() == [-1.0, 1.0]
