"""What guesses without a gradient reach."""

import math

import numpy as np
import pytest
import torch

from reveil import datasets
from reveil.floors import FLOOR_DRAWS, best, floors, registered_floor
from reveil.rng import generator
from reveil.views import View, view_for

RECIPE = {"fmnist_pipeline": "pad32", "policy_channels": 3, "normalisation": "dataset"}


@pytest.fixture(scope="module")
def view() -> View:
    return view_for(datasets.get("cifar10"), RECIPE)


def test_floors_are_those_of_constant_images_and_of_noise(view):
    reference = torch.full((2, 3, 32, 32), 0.5, dtype=torch.float64)
    found = floors(reference, (3, 4), view, seed=0)
    mean = np.square(np.array(view.dataset.mean) - 0.5).mean()
    assert found["mean"][0].item() == pytest.approx(-10 * math.log10(mean), abs=1e-4)
    assert found["black"][0].item() == pytest.approx(-10 * math.log10(0.25))
    draws = [torch.randn(3, 32, 32, generator=generator(0, "floor", 3, i)) for i in range(8)]
    pixels = view.denormalise(torch.stack(draws)).clamp(0, 1)
    expected = (-10 * torch.log10((pixels - 0.5).square().mean((1, 2, 3)))).mean()
    assert found["random"][0].item() == pytest.approx(expected.item(), abs=1e-4)
    assert found["random"][0] != found["random"][1]
    alone = floors(reference[1:], (4,), view, seed=0)
    assert alone["random"].item() == pytest.approx(found["random"][1].item())
    assert floors(reference, (3, 4), view, seed=1)["random"][0] != found["random"][0]
    assert FLOOR_DRAWS == 8


def test_the_best_floor_is_chosen_image_by_image():
    found = {"random": torch.tensor([1.0, 5.0]), "mean": torch.tensor([2.0, 4.0])}
    assert best(found).tolist() == [2.0, 5.0]


def test_the_registered_floor_is_that_of_the_half_most_like_a_constant(view):
    """White above, and below it 0.2 on a quarter of the image and 0.1 on another."""
    reference = torch.ones(2, 3, 32, 32, dtype=torch.float64)
    reference[0, :, 16:] = 0.2
    reference[0, :, 24:] = 0.1
    reference[1, :, :, :16] = torch.tensor(view.dataset.mean).view(3, 1, 1) + 0.01
    found = registered_floor(reference, view)
    assert found[0].item() == pytest.approx(-10 * math.log10((0.04 + 0.01) / 2))
    assert found[1].item() == pytest.approx(40.0, abs=1e-4)
