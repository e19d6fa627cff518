"""Folders of images of one's own: what becomes a dataset, how it is divided, and its arrays."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from reveil import config as settings
from reveil import datasets
from reveil.datasets import DATASETS, folders, load_split
from reveil.errors import ReveilError
from reveil.readers import prepare
from tests.workflow import ROOT

HOW = {"size": 8, "fit": "stretch", "test": 0.25}


@pytest.fixture(autouse=True)
def no_folders_afterwards():
    yield
    datasets.register([])


def write(folder, names, size=(8, 8)):
    """Images of one grey each: that of ``names[n]`` is 10 n."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (10 * number,) * 3).save(path)
    return folder


def measured(folder, **changes):
    return folders.measure("own", {"path": str(folder), **HOW, **changes}, ROOT)


def greys(folder, split):
    images, labels = load_split(folder / split / "images.npy", folder / split / "labels.npy")
    assert labels.tolist() == [0] * len(images)
    assert (images == images[:, :1, :1, :1]).all()
    return images[:, 0, 0, 0].tolist()


# --- which images ------------------------------------------------------------------------------

HEXES = [f"{digit}{'0' * 3}.png" for digit in "0123456789abcdef"]


def test_images_lie_anywhere_below_and_keep_the_order_of_their_paths(tmp_path):
    names = ["b.png", "a/z.PNG", "a/b/c.bmp", "z.tiff"]
    write(tmp_path / "in", names)
    for other in ("notes.txt", ".hidden.png", ".cache/x.png"):
        (tmp_path / "in" / other).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / other).write_bytes(b"x")
    dataset = measured(tmp_path / "in", test=["z."])
    assert dataset.counts == {"train": 2, "test": 2}
    prepare(dataset, dataset.folder.path, tmp_path / "out")
    # a/b/c.bmp, b.png; a/z.PNG, z.tiff: what a file is called decides, not its folder.
    assert greys(tmp_path / "out", "train") == [20, 0]
    assert greys(tmp_path / "out", "test") == [10, 30]


def documented() -> dict[str, dict]:
    text = (ROOT / "docs/guides/data.md").read_text()
    blocks = [yaml.safe_load(b) for b in re.findall(r"^```yaml\n(.*?)^```$", text, re.S | re.M)]
    return {k: v for b in blocks for k, v in b["datasets"].get("folders", {}).items()}


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("holidays", ["b.jpg", "c.jpg", "d.jpg"], ["a.jpg"]),
        ("pets", ["train/cat/a.jpg", "train/dog/b.jpg"], ["test/dog/a.jpg"]),
        ("bedrooms", ["train/0/a.webp"], ["test/0/b.webp"]),
        ("recipes", ["0a.jpg", "9/a1.jpg", "b2.jpg"], ["0/c3.jpg", "f4.jpg"]),
        ("faces", ["000001.jpg", "070000.jpg", "100000.jpg"], ["089999.jpg", "190000.jpg"]),
    ],
)
def test_the_documented_folders_can_be_made(tmp_path, monkeypatch, name, train, test):
    monkeypatch.setenv("HOME", str(tmp_path))
    how = documented()[name]
    write(Path(how["path"]).expanduser(), sorted(train + test), size=(178, 218))
    dataset = folders.measure(name, how, ROOT)
    if name != "holidays":
        assert folders.files_of(dataset, Path(dataset.folder.path), "test") == sorted(test)
    prepare(dataset, dataset.folder.path, tmp_path / "out")
    assert len(labelled(tmp_path / "out", "train")) == len(train)
    assert labelled(tmp_path / "out", "test") == [1 if name == "pets" else 0] * len(test)


def test_recipes_are_split_by_the_first_character_of_their_hash(tmp_path):
    write(tmp_path, [f"{name[0]}/{name}" for name in HEXES])
    dataset = measured(tmp_path, test=["c", "d", "e", "f"])
    assert dataset.counts == {"train": 12, "test": 4}
    names = folders.files_of(dataset, tmp_path, "test")
    assert names == ["c/c000.png", "d/d000.png", "e/e000.png", "f/f000.png"]


def test_the_parts_may_lie_in_subfolders(tmp_path):
    write(tmp_path / "in", ["train/a.png", "test/b.png", "train/x/c.png", "d.png", "testing/e.png"])
    dataset = measured(tmp_path / "in", test="folder")
    prepare(dataset, dataset.folder.path, tmp_path / "out")
    assert greys(tmp_path / "out", "train") == [0, 20]
    assert greys(tmp_path / "out", "test") == [10]


def test_a_share_is_exact_and_drawn_by_the_names():
    found = folders.divided(HEXES, 0.25)
    assert (len(found["train"]), len(found["test"])) == (12, 4)
    assert sorted(found["train"] + found["test"]) == HEXES
    assert found["test"] == SHARE
    # Another image moves at most one of those there were.
    more = folders.divided([*HEXES, "g.png"], 0.25)
    assert len(set(found["test"]) - set(more["test"])) <= 1


# The smallest of `for d in 0 1 ... f; do printf ${d}000.png | sha256sum; done`.
SHARE = ["1000.png", "3000.png", "5000.png", "9000.png"]


@pytest.mark.parametrize(
    ("fit", "corner"), [("crop", (20, 0)), ("stretch", (0, 0))], ids=["crop", "stretch"]
)
def test_fit_crops_or_stretches(tmp_path, fit, corner):
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(100), np.arange(60)[:, None]
    for name in ("a.png", "b.png"):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    dataset = measured(tmp_path / "in", size=60, fit=fit, test=["b"])
    prepare(dataset, dataset.folder.path, tmp_path / "out")
    images, _ = load_split(*(tmp_path / "out/test" / f"{k}.npy" for k in ("images", "labels")))
    assert images.shape == (1, 3, 60, 60)
    assert tuple(images[0, :2, 0, 0].tolist()) == corner


def test_a_box_is_cut_out_first(tmp_path):
    pixels = np.arange(12 * 10, dtype=np.uint8).reshape(12, 10)
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    dataset = measured(tmp_path / "in", box=[1, 2, 9, 10], test=["b"])
    prepare(dataset, dataset.folder.path, tmp_path / "out")
    images, _ = load_split(*(tmp_path / "out/test" / f"{k}.npy" for k in ("images", "labels")))
    assert images[0].tolist() == [pixels[2:10, 1:9].tolist()] * 3


# --- what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "changes", "problem"),
    [
        (["notes.txt"], {}, r"path: '.*' has no images; allowed: \.jpg"),
        (["a.png", "b.png"], {"test": ["c"]}, r"test: \['c'\] leaves none of the 2 .* split test"),
        (["a.png"], {"test": ["a"]}, "leaves none of the 1 images of .* split train"),
        (["a.png", "b.png"], {"test": "folder"}, "test: 'folder' leaves none"),
        (["a.png"], {"test": 0.25}, "test: 0.25 leaves none of the 1 images"),
        (["a.png", "b.png"], {"box": [4, 0, 4, 8]}, "box: .* holds no pixel"),
    ],
)
def test_a_folder_without_what_is_needed_is_refused(tmp_path, names, changes, problem):
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ReveilError, match=problem):
        measured(tmp_path, **changes)


@pytest.mark.parametrize(
    ("content", "changes", "problem"),
    [
        (b"x", {}, r"b\.png is not a whole JPEG or PNG .* image"),
        (b"", {}, r"b\.png is not a whole JPEG"),
        ("cut", {}, r"b\.png is not a whole JPEG"),
        ("deep", {}, r"b\.png has more than 8 bits a value \(I;16\)"),
        ("small", {"box": [0, 0, 9, 4]}, r"\.png is \(8, 8\) pixels; the box reaches to \(9, 4\)"),
    ],
)
def test_a_broken_image_is_one_error_that_names_it(tmp_path, content, changes, problem):
    folder = write(tmp_path / "in", ["a.png", "b.png"])
    path = folder / "b.png"
    if content == "deep":
        Image.fromarray(np.full((8, 8), 999, np.uint16)).save(path)
    elif content == "cut":
        path.write_bytes(path.read_bytes()[:40])
    elif content != "small":
        path.write_bytes(content)
    dataset = measured(folder, test=["b"], **changes)
    with pytest.raises(ReveilError, match=problem):
        prepare(dataset, folder, tmp_path / "out")
    assert not list((tmp_path / "out/test").glob("*.npy"))


def test_images_that_came_since_are_told(tmp_path):
    dataset = measured(write(tmp_path / "in", ["a.png", "b.png"]), test=["b"])
    write(tmp_path / "in", ["a.png", "b.png", "c.png"])
    with pytest.raises(ReveilError, match="holds more than 1 train images"):
        prepare(dataset, dataset.folder.path, tmp_path / "out")


def test_content_follows_names_and_sizes_and_not_the_place(tmp_path):
    first, second = (measured(write(tmp_path / p, ["a.png", "b.png"]), test=["b"]) for p in "xy")
    assert first.folder.content == second.folder.content
    renamed = measured(write(tmp_path / "z", ["a.png", "bb.png"]), test=["b"])
    (tmp_path / "y/a.png").write_bytes(b"longer" * 100)
    resized = measured(tmp_path / "y", test=["b"])
    assert len({d.folder.content for d in (first, renamed, resized)}) == 3


# --- the configuration -------------------------------------------------------------------------


def problems(**named):
    config = settings.read_yaml(ROOT / "config.yaml")
    config["datasets"]["folders"] = named
    config["studies"]["ats"]["datasets"] = [f"folder-{name}" for name in named]
    return settings.check(config, ROOT)


def test_the_configurations_folders_are_datasets_until_the_next_one(tmp_path):
    write(tmp_path, HEXES)
    problems(own={"path": str(tmp_path), **HOW})
    assert DATASETS["folder-own"].counts == {"train": 12, "test": 4}
    assert datasets.get("folder-own").classes == 1
    problems()
    with pytest.raises(ReveilError, match="'folder-own' is not allowed"):
        datasets.get("folder-own")
    assert "celeba" in DATASETS


def test_a_wrong_folder_is_told_once_and_its_name_is_known(tmp_path):
    path = str(write(tmp_path, HEXES))
    found = problems(
        gone={"path": str(tmp_path / "none"), **HOW},
        small={"path": path, **HOW, "size": 4},
        partly={"path": path, "size": 64, "fit": "crop"},
        listed={"path": path, **HOW, "test": [0, 1]},
        odd={"path": path, **HOW, "fit": "crops"},
    )
    told = [message for message in found if "datasets.folders" in message]
    assert sorted(message.split(":")[0].split(".")[2] for message in told) == [
        "gone",
        "listed",
        "odd",
        "partly",
        "small",
    ]
    assert any("gone.path: " in message and "is not a folder" in message for message in told)
    assert any("odd.fit" in message and "did you mean 'crop'" in message for message in told)
    assert not [message for message in found if "studies.ats.datasets" in message]


def test_other_processes_learn_of_the_folders_from_the_environment(tmp_path):
    write(tmp_path, HEXES)
    dataset = measured(tmp_path, test=["c", "d"], box=[0, 0, 4, 4])
    datasets.register([dataset])
    code = (
        "from reveil import datasets; d = datasets.get('folder-own'); "
        "print(d.title, d.size, dict(d.counts), d.box, d.folder.test)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **datasets.environment()},
    )
    assert done.stdout.strip() == "own 8 {'train': 14, 'test': 2} (0, 0, 4, 4) ('c', 'd')"


@pytest.mark.parametrize("test", [0.25, "folder", ("a", "b")], ids=str)
def test_facts_tell_all_of_a_dataset(test):
    dataset = folders.stand_in("own")
    dataset = dataclasses.replace(
        dataset, folder=dataclasses.replace(dataset.folder, test=test, path="/x"), box=(1, 2, 3, 4)
    )
    facts = json.loads(json.dumps(datasets.to_facts(dataset)))
    assert folders.of_facts("folder-own", facts) == dataset


def test_paths_are_relative_to_the_repository_or_to_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "mine", ["a.png", "b.png"])
    how = {**HOW, "test": ["b"]}
    for path, root in (("~/mine", "/"), ("mine", tmp_path)):
        dataset = folders.measure("own", {"path": path, **how}, root)
        assert Path(dataset.folder.path) == tmp_path / "mine"


# --- labels --------------------------------------------------------------------------------------

CATS = ["cats/a.png", "cats/deep/b.png", "dogs/c.png", "dogs/d.png", "owls/e.png", "owls/f.png"]


def labelled(folder, split):
    _, labels = load_split(folder / split / "images.npy", folder / split / "labels.npy")
    return labels.tolist()


@pytest.mark.parametrize(
    ("names", "test", "train", "expected"),
    [
        (CATS, ["b", "d", "f"], [0, 1, 2], [0, 1, 2]),
        (CATS, ["f"], [0, 0, 1, 1, 2], [2]),
        # A class may have nothing to test on; a folder of either split, as torchvision has it.
        ([f"{s}/{c}" for s in ("train", "test") for c in CATS[:4]], "folder", [0, 0, 1, 1], None),
    ],
)
def test_the_class_is_the_subfolder(tmp_path, names, test, train, expected):
    write(tmp_path / "in", names)
    dataset = measured(tmp_path / "in", test=test, labels="folders")
    assert dataset.classes == len(dataset.folder.classes) == max(train) + 1
    again = folders.of_facts(dataset.name, json.loads(json.dumps(folders.to_facts(dataset))))
    assert again == dataset
    prepare(again, dataset.folder.path, tmp_path / "out")
    assert labelled(tmp_path / "out", "train") == train
    assert labelled(tmp_path / "out", "test") == (expected or train)


@pytest.mark.parametrize(
    ("names", "test", "message"),
    [
        ([*CATS, "g.png"], ["b"], "as g.png lies in no folder of its own class"),
        (["train/a.png", "test/x/b.png"], "folder", "as train/a.png lies in no folder"),
        (["cats/a.png", "dogs/b.png", "dogs/c.png"], ["a"], "class 'cats' has images to test on"),
        (["cats/a.png", "cats/b.png"], ["a"], "as all images are of the class 'cats'"),
        (["train/x/a.png", "val/x/b.png"], 0.5, "as the classes would be train, val; allowed"),
        (["Train/x/a.png", "Test/x/b.png"], 0.5, "as the classes would be Test, Train; allowed"),
    ],
)
def test_an_image_without_a_class_to_learn_is_told(tmp_path, names, test, message):
    write(tmp_path / "in", names)
    with pytest.raises(ReveilError, match=message):
        measured(tmp_path / "in", test=test, labels="folders")


@pytest.mark.parametrize("study", ["ats", "cvnn", "unir"])
def test_classifiers_refuse_a_folder_without_labels_before_anything_runs(tmp_path, study):
    write(tmp_path / "in", [f"{c}/{i:03}.png" for c in "ab" for i in range(60)])
    own = {"path": str(tmp_path / "in"), "size": 28, "fit": "crop", "test": 0.25}
    papers = settings.read_yaml(ROOT / "config.yaml")
    few = {"default": {"holdout": 10, "batch_size": 8}, "cvnn": {"holdout": 10}}
    changes = {"recipes": few, "studies": {study: {"datasets": ["folder-own"]}}}
    if study == "ats":
        # An experiment asks for it as a stand-in.
        there = {"targets": ["ats-exp01"], "stand_ins": {"cifar100": "folder-own"}}
        there["datasets"] = ["folder-own"]
        changes["studies"]["ats"] = {"experiments": there}
    for labels, told in (({}, study != "unir"), ({"labels": "folders"}, False)):
        named = {"datasets": {"folders": {"own": own | labels}}}
        found = settings.check(settings.merge(settings.merge(papers, changes), named), ROOT)
        refused = [said for said in found if "this study trains classifiers" in said]
        assert bool(refused) == told, found
        assert all("'folder-own' is not allowed" in said for said in refused)
