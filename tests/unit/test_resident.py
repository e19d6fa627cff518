"""Training images on the device, or where they were read from."""

import numpy as np
import pytest
import torch

from reveil import resident
from reveil.resident import Resident

CPU = torch.device("cpu")


@pytest.fixture
def images(tmp_path):
    values = np.arange(7 * 2 * 3 * 3, dtype=np.uint8).reshape(7, 2, 3, 3)
    np.save(tmp_path / "images.npy", values)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize("limit", [None, 5 * 18, 5 * 18 - 1, 0])
def test_images_are_the_same_wherever_they_lie(images, limit):
    rows = np.array([6, 0, 3, 2, 5])
    found = Resident(images, rows, CPU, limit)
    taken = found.take(torch.tensor([4, 0, 0]))
    assert taken.dtype == torch.uint8
    assert np.array_equal(taken.numpy(), np.asarray(images)[[5, 6, 6]])


def test_more_than_there_is_room_for_stays_in_its_file(images):
    assert Resident(images, np.arange(5), CPU, 5 * 18).held is not None
    beyond = Resident(images, np.arange(5), CPU, 5 * 18 - 1)
    assert beyond.held is None
    assert beyond.images is images


def test_room_on_a_gpu_is_a_share_of_what_is_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
    assert resident.room(torch.device("cuda")) == 500
    assert resident.room(CPU) == 4 * 2**30
