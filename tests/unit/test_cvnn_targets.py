"""What networks learn and what inference attacks infer, out of the arrays of a dataset."""

import os
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from reveil.cvnn import targets, tasks
from reveil.errors import ReveilError


@dataclass(frozen=True)
class Facts:
    """The facts of a dataset that tasks are made of."""

    name: str
    family: str
    classes: int
    extras: dict = field(default_factory=dict)
    hidden: tuple = ()


HIDDEN = (2, 3, 6, 15, 19, 23, 25, 36, 37, 38)
COARSE = Facts("cifar100-coarse", "cifar100", 20, {"fine.npy": ("int64", 0)})
FACES = Facts("celeba-30", "celeba", 2, {"attributes.npy": ("bool", 40)}, HIDDEN)


def test_a_plain_dataset_has_its_labels_as_task_and_hides_nothing():
    plain = Facts("cifar10", "cifar10", 10)
    assert tasks.task(plain) == tasks.Target("labels.npy", 10, "classes")
    assert tasks.hidden(plain) is None
    assert tasks.task_classes(plain) == 10
    with pytest.raises(ReveilError, match="'cifar10' is not allowed for inference attacks"):
        targets.hidden_labels(plain, {"labels.npy": np.zeros(3, np.int64)})


def test_superclasses_are_the_task_and_the_family_has_the_classes():
    # Images of classes 4 and 30 (aquatic mammals, 0), 1 (fish, 1), 99 and 0 (others).
    arrays = {"labels.npy": np.array([0, 0, 1, 13, 4]), "fine.npy": np.array([4, 30, 1, 99, 0])}
    assert tasks.task(COARSE) == tasks.Target("labels.npy", 20, "superclasses")
    assert tasks.hidden(COARSE) == tasks.Target("fine.npy", 100, "classes")
    assert targets.task_labels(COARSE, arrays).tolist() == [0, 0, 1, 13, 4]
    assert targets.hidden_labels(COARSE, arrays).tolist() == [4, 30, 1, 99, 0]


def test_celeba_is_cut_into_thirty_attributes_and_ten():
    assert sorted(tasks.task(FACES).columns + tasks.hidden(FACES).columns) == list(range(40))
    attributes = np.zeros((2, 40), bool)
    attributes[0, [2, 38]] = True  # Attractive and Wearing_Necktie: the first and last hidden ones
    attributes[1, [0, 39]] = True  # 5_o_Clock_Shadow and Young: the first and last of the task
    task = targets.task_labels(FACES, {"attributes.npy": attributes})
    hidden = targets.hidden_labels(FACES, {"attributes.npy": attributes})
    assert task.shape == (2, 30) and np.argwhere(task).tolist() == [[1, 0], [1, 29]]
    assert hidden.shape == (2, 10) and np.argwhere(hidden).tolist() == [[0, 0], [0, 9]]
    assert tasks.task_classes(FACES) == 30
    assert tasks.task(FACES).multilabel and not tasks.task(COARSE).multilabel


def test_faces_of_which_nothing_is_hidden_have_every_attribute_as_task():
    faces = Facts("celeba", "celeba", 2, FACES.extras)
    assert tasks.task_classes(faces) == 40
    assert tasks.hidden(faces) is None


@pytest.mark.parametrize(
    ("name", "outputs", "inferred"),
    [
        ("cifar100", 100, None),
        ("cifar100-coarse", 20, tasks.Target("fine.npy", 100, "classes")),
        ("cifar100-coarse-synthetic", 20, tasks.Target("fine.npy", 100, "classes")),
        ("fashion-mnist-coarse", 3, tasks.Target("fine.npy", 10, "classes")),
        ("fashion-mnist-coarse-demo", 3, tasks.Target("fine.npy", 10, "classes")),
        ("celeba", 40, None),
        ("celeba-30", 30, tasks.Target("attributes.npy", 10, "attributes", HIDDEN)),
        ("celeba-30-synthetic", 30, tasks.Target("attributes.npy", 10, "attributes", HIDDEN)),
    ],
)
def test_datasets_have_the_tasks_of_the_papers(name, outputs, inferred):
    assert tasks.task_classes(name) == outputs
    assert tasks.hidden(name) == inferred


@pytest.mark.parametrize(
    ("array", "target", "message"),
    [
        (np.zeros(3, np.int32), tasks.task(COARSE), r"holds int32 \(3,\), not one int64 class"),
        (np.zeros((3, 1), np.int64), tasks.task(COARSE), r"holds int64 \(3, 1\)"),
        (np.array([0, 20]), tasks.task(COARSE), "holds classes 0 to 20; allowed: 0 to 19"),
        (np.array([-1, 2]), tasks.task(COARSE), "holds classes -1 to 2; allowed: 0 to 19"),
        (np.zeros((3, 38), bool), tasks.hidden(FACES), r"\(3, 38\).* at least 39 attributes"),
        (np.zeros((3, 40), np.int64), tasks.hidden(FACES), "holds int64"),
    ],
    ids=["type", "shape", "high", "low", "few", "numbers"],
)
def test_arrays_that_do_not_hold_the_target_are_refused(array, target, message):
    with pytest.raises(ReveilError, match=message):
        targets.choose(array, target)


def test_targets_are_read_from_the_folder_of_a_split(tmp_path):
    np.save(tmp_path / "fine.npy", np.array([99, 0]))
    target = tasks.hidden(COARSE)
    assert targets.load(tmp_path, target).tolist() == [99, 0]
    (tmp_path / "fine.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(ReveilError, match="fine.npy: cannot be read as an array"):
        targets.load(tmp_path, target)
    with pytest.raises(ReveilError, match="labels.npy: cannot be read"):
        targets.load(tmp_path, tasks.task(COARSE))
    with pytest.raises(ReveilError, match=r"dataset cifar100-coarse: fine\.npy is missing"):
        targets.hidden_labels(COARSE, {})


def test_the_guess_of_an_attacker_who_saw_nothing():
    assert targets.commonest(torch.tensor([7, 3, 3, 7, 5])).item() == 3
    attributes = torch.tensor([[True, True, False], [True, False, False]])
    assert targets.commonest(attributes).tolist() == [True, False, False]
    with pytest.raises(ReveilError, match="targets: none are given"):
        targets.commonest(torch.zeros(0, dtype=torch.int64))


def test_the_guess_of_an_attacker_who_saw_the_prediction():
    superclass = torch.tensor([0, 0, 0, 2, 2])
    assert targets.commonest_given(superclass, torch.tensor([4, 1, 1, 9, 8])).tolist() == [1, -1, 8]
    with pytest.raises(ReveilError, match="targets: none are given"):
        targets.commonest_given(superclass[:0], superclass[:0])


def test_tasks_are_known_without_torch():
    code = "import sys, reveil.cvnn.tasks; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
