"""What a long job depends on, and which state of it is gone on with."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from reveil import datasets
from reveil.datasets import folders
from reveil.job import State
from reveil.stages.work import Work


@pytest.fixture(autouse=True)
def no_folders_afterwards():
    yield
    datasets.register([])


def register(path: Path, *sizes: int) -> None:
    """Make a dataset of a folder with one image of each size in pixels."""
    path.mkdir(exist_ok=True)
    for number, size in enumerate(sizes):
        Image.new("RGB", (size, size)).save(path / f"{number}.bmp")
    how = {"path": str(path), "size": 8, "fit": "stretch", "test": 0.5}
    datasets.register([folders.measure("own", how, path)])


def work(scratch: Path, dataset: str) -> Work:
    job = SimpleNamespace(state=lambda output, identity, interval: State(scratch, identity))
    named = {"dataset": dataset, "model": "convnet", "seed": "3"}
    return Work(job, named, {"recipe": {"epochs": 2}}, "weights.safetensors")


def state(scratch: Path) -> State:
    job = work(scratch, "folder-own")
    return job.state(job.identity(policy_file={"name": "none"}))


def test_a_state_of_other_images_is_refused_with_a_word(tmp_path: Path, caplog) -> None:
    register(tmp_path / "own", 8, 8)
    state(tmp_path / "scratch").save({"x": torch.ones(1)}, {"epoch": 1})
    register(tmp_path / "own", 8, 8)
    assert state(tmp_path / "scratch").load() is not None
    register(tmp_path / "own", 8, 9)
    with caplog.at_level(logging.WARNING):
        assert state(tmp_path / "scratch").load() is None
    assert "belongs to another job: images is " in caplog.text


def test_images_of_a_known_dataset_go_by_its_name(tmp_path: Path) -> None:
    assert work(tmp_path, "cifar10").identity(policy_file={"name": "none"}) == {
        **{"dataset": "cifar10", "model": "convnet", "seed": "3"},
        **{"recipe": {"epochs": 2}, "policy_file": {"name": "none"}},
    }
