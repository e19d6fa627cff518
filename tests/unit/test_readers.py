import dataclasses
import gzip
import importlib.util
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reveil.datasets import DATASETS, IDX_ARCHIVES, load_split
from reveil.errors import ReveilError
from reveil.readers import cifar_members, prepare, read_idx
from reveil.torchvision_guard import import_torchvision

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "resources" / "embedded"
RNG = np.random.default_rng(0)


def small(name, train, test, **changes):
    return dataclasses.replace(
        DATASETS[name], counts={"train": train, "test": test}, contents={}, **changes
    )


def splits(folder):
    return {
        split: load_split(folder / split / "images.npy", folder / split / "labels.npy")
        for split in ("train", "test")
    }


def nothing_written(folder):
    return not [p for p in folder.rglob("*") if p.is_file()]


# --- IDX -------------------------------------------------------------------------------------


def idx(array, magic=None):
    head = bytes([0, 0, 8, array.ndim]) if magic is None else magic
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, train=6, test=4, **changes):
    folder.mkdir(exist_ok=True)
    arrays = {}
    for count, names in ((train, IDX_ARCHIVES[:2]), (test, IDX_ARCHIVES[2:])):
        arrays[names[0]] = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[names[1]] = (np.arange(count) % 10).astype(np.uint8)
    arrays |= changes.pop("arrays", {})
    for name, array in arrays.items():
        (folder / name).write_bytes(gzip.compress(idx(array)))
    return arrays


def test_embedded_demo_is_prepared(tmp_path):
    prepare(DATASETS["fashion-mnist-demo"], EMBEDDED / "fashion-mnist-demo", tmp_path)
    found = splits(tmp_path)
    assert found["train"][0].shape == (2000, 1, 28, 28)
    assert found["test"][0].shape == (500, 1, 28, 28)
    # The first labels of Fashion-MNIST: an ankle boot, a T-shirt, ...
    assert found["train"][1][:8].tolist() == [9, 0, 0, 3, 0, 2, 7, 2]
    assert found["test"][1][:8].tolist() == [9, 2, 1, 1, 6, 1, 4, 6]
    # Pixels have the published mean and deviation of Fashion-MNIST, within sampling error.
    pixels = found["train"][0] / 255
    assert abs(pixels.mean() - 0.2860) < 0.01 and abs(pixels.std() - 0.3530) < 0.01


def test_idx_images_keep_their_numbers(tmp_path):
    arrays = write_idx(tmp_path / "a")
    prepare(small("fashion-mnist", 6, 4), tmp_path / "a", tmp_path / "b")
    found = splits(tmp_path / "b")
    assert np.array_equal(found["train"][0][:, 0], arrays[IDX_ARCHIVES[0]])
    assert found["test"][1].tolist() == arrays[IDX_ARCHIVES[3]].tolist()


IMAGES = np.zeros((6, 28, 28), np.uint8)
# By name: the bytes hold the time of their compression, and workers must collect the same names.
IDX_DAMAGE = {
    "cut": (gzip.compress(idx(IMAGES))[:-9], "truncated or damaged"),
    "text": (b"not gzip at all", "truncated or damaged"),
    "empty": (b"", "starts with"),
    "empty gzip": (gzip.compress(b""), "starts with"),
    "floats": (gzip.compress(idx(IMAGES, b"\0\0\x0d\x03")), "starts with"),
    "labels": (gzip.compress(idx(np.zeros(6, np.uint8))), "starts with"),
    "header": (gzip.compress(b"\0\0\x08\x03\0\0"), "header is cut off"),
    "short": (gzip.compress(idx(IMAGES)[:-1]), "holds 4703 bytes"),
    "long": (gzip.compress(idx(IMAGES) + b"x"), "holds 4705 bytes"),
    "huge": (gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), "holds 0 bytes"),
}


@pytest.mark.parametrize("case", IDX_DAMAGE)
def test_damaged_idx_is_one_error_that_names_the_file(tmp_path, case):
    content, problem = IDX_DAMAGE[case]
    write_idx(tmp_path / "a")
    (tmp_path / "a" / IDX_ARCHIVES[0]).write_bytes(content)
    with pytest.raises(ReveilError, match=rf"train-images-idx3-ubyte\.gz: .*{problem}"):
        prepare(small("fashion-mnist", 6, 4), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        (IDX_ARCHIVES[0], np.zeros((5, 28, 28), np.uint8), "5 images but 6 labels"),
        (IDX_ARCHIVES[0], np.zeros((6, 32, 32), np.uint8), r"images \(1, 32, 32\) instead of"),
        (IDX_ARCHIVES[1], np.full(6, 10, np.uint8), "labels from 10 to 10"),
    ],
)
def test_idx_that_is_not_of_the_dataset_is_refused(tmp_path, name, array, problem):
    write_idx(tmp_path / "a", arrays={name: array})
    with pytest.raises(ReveilError, match=problem):
        prepare(small("fashion-mnist", 6, 4), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


@pytest.mark.parametrize(
    ("expected", "problem"), [(7, "6 train images instead of 7"), (5, "more than 5")]
)
def test_wrong_number_of_images_is_refused(tmp_path, expected, problem):
    write_idx(tmp_path / "a")
    with pytest.raises(ReveilError, match=problem):
        prepare(small("fashion-mnist", expected, 4), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


def test_groups_of_garments_stand_beside_the_garments(tmp_path):
    garments = {name: np.arange(10, dtype=np.uint8) for name in IDX_ARCHIVES[1::2]}
    write_idx(tmp_path / "a", 10, 10, arrays=garments)
    prepare(small("fashion-mnist-coarse", 10, 10), tmp_path / "a", tmp_path / "b")
    for split, (_, labels) in splits(tmp_path / "b").items():
        assert labels.tolist() == [0, 2, 0, 0, 0, 1, 0, 1, 2, 1]
        fine = np.load(tmp_path / "b" / split / "fine.npy")
        assert fine.dtype == np.int64 and fine.tolist() == list(range(10))


def test_garment_without_a_group_is_refused(tmp_path):
    write_idx(tmp_path / "a", arrays={IDX_ARCHIVES[1]: np.full(6, 10, np.uint8)})
    with pytest.raises(ReveilError, match="labels from 10 to 10"):
        prepare(small("fashion-mnist-coarse", 6, 4), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


def test_missing_archive_is_named(tmp_path):
    with pytest.raises(ReveilError, match=r"train-images-idx3-ubyte\.gz: no such archive"):
        prepare(DATASETS["fashion-mnist"], tmp_path, tmp_path / "b")


def test_content_of_another_digest_is_refused(tmp_path):
    write_idx(tmp_path)
    with pytest.raises(ReveilError, match="content has sha256"):
        read_idx(tmp_path / IDX_ARCHIVES[0], 3, "0" * 64)


def load_script(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_demo_maker_takes_the_first_items_unchanged():
    array = RNG.integers(0, 256, (9, 5, 4), dtype=np.uint8)
    make = load_script(EMBEDDED / "make_demo.py")
    assert make.first_items(idx(array), 3) == idx(array[:3])
    assert make.first_items(idx(array[:, 0, 0]), 3) == idx(array[:3, 0, 0])


def test_demo_maker_refuses_what_is_not_the_published_data(tmp_path, monkeypatch):
    make = load_script(EMBEDDED / "make_demo.py")
    monkeypatch.setattr(make, "TARGET", tmp_path / "out")
    write_idx(tmp_path / "a")
    with pytest.raises(SystemExit, match="is not the published file"):
        make.main(tmp_path / "a")
    assert not (tmp_path / "out").exists()


# --- CIFAR -----------------------------------------------------------------------------------


def write_cifar(path, name, per_member, *, text_keys=False, reverse=False, **replaced):
    """Write an archive with torchvision's members; return {split: (images, labels)}."""
    key = "labels" if name == "cifar10" else "fine_labels"
    contents, expected = {}, {}
    for split in ("train", "test"):
        images, labels = [], []
        for member in cifar_members(name, split):
            rows = RNG.integers(0, 256, (per_member, 3072), dtype=np.uint8)
            own = RNG.integers(0, DATASETS[name].classes, per_member).tolist()
            batch = {b"data": rows, key.encode(): own, b"coarse_labels": [0] * per_member}
            if text_keys:
                batch = {k.decode(): v for k, v in batch.items()}
            contents[member] = pickle.dumps(batch, protocol=3)
            images.append(rows.reshape(-1, 3, 32, 32))
            labels += own
        expected[split] = np.concatenate(images), labels
    contents |= {k: v for k, v in replaced.get("members", {}).items()}
    with tarfile.open(path, "w:gz") as archive:
        for member in sorted(contents, reverse=reverse):
            if contents[member] is not None:
                info = tarfile.TarInfo(member)
                info.size = len(contents[member])
                archive.addfile(info, io.BytesIO(contents[member]))
    return expected


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("text_keys", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cifar_is_read_in_torchvisions_order(tmp_path, name, text_keys, reverse):
    (archive,) = DATASETS[name].archives
    expected = write_cifar(tmp_path / archive, name, 4, text_keys=text_keys, reverse=reverse)
    counts = (20, 4) if name == "cifar10" else (4, 4)
    prepare(small(name, *counts), tmp_path, tmp_path / "b")
    for split, (images, labels) in splits(tmp_path / "b").items():
        assert np.array_equal(images, expected[split][0])
        assert labels.tolist() == expected[split][1]


def python2_batch():
    """Return a batch as Python 2 and its NumPy pickled it: protocol 2, byte strings, old names."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    rows = bytes(range(256)) * 12
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        b"(K\x01K\x01M\x00\x0c\x86"
        + (b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R")
        + (b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb")
        + (b"\x89T" + struct.pack("<I", len(rows)) + rows + b"tb")
    )
    labels = b"]K\x2aa"
    return b"\x80\x02}(" + text(b"data") + array + text(b"fine_labels") + labels + b"u."


def test_batch_written_by_python_2_is_read(tmp_path):
    archive = tmp_path / "cifar-100-python.tar.gz"
    members = {f"cifar-100-python/{split}": python2_batch() for split in ("train", "test")}
    write_cifar(archive, "cifar100", 1, members=members)
    prepare(small("cifar100", 1, 1), tmp_path, tmp_path / "b")
    images, labels = splits(tmp_path / "b")["test"]
    assert images.tobytes() == bytes(range(256)) * 12
    assert labels.tolist() == [42]


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def batch(**changes):
    content = {"data": np.zeros((2, 3072), np.uint8), "fine_labels": [0, 1]} | changes
    return pickle.dumps(content, protocol=3)


def test_coarse_labels_stand_beside_the_fine_ones(tmp_path):
    members = {
        f"cifar-100-python/{split}": batch(fine_labels=[4, 99], coarse_labels=[0, 19])
        for split in ("train", "test")
    }
    write_cifar(tmp_path / "cifar-100-python.tar.gz", "cifar100", 1, members=members)
    prepare(small("cifar100-coarse", 2, 2), tmp_path, tmp_path / "b")
    for split, (_, labels) in splits(tmp_path / "b").items():
        fine = np.load(tmp_path / "b" / split / "fine.npy")
        assert (labels.tolist(), fine.tolist()) == ([0, 19], [4, 99])
        assert fine.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, "'coarse_labels' is no list of integers"),
        ({"coarse_labels": [0, 20]}, "labels from 0 to 20"),
        ({"coarse_labels": [0, 1], "fine_labels": [0, 100]}, "labels from 0 to 100"),
        ({"coarse_labels": [0, 1], "fine_labels": [0]}, "2 images but 1 values of fine.npy"),
    ],
)
def test_coarse_labels_that_are_not_the_datasets_are_refused(tmp_path, changes, problem):
    archive = tmp_path / "cifar-100-python.tar.gz"
    write_cifar(archive, "cifar100", 2, members={"cifar-100-python/train": batch(**changes)})
    with pytest.raises(ReveilError, match=rf"cifar-100-python\.tar\.gz.*{problem}"):
        prepare(small("cifar100-coarse", 2, 2), tmp_path, tmp_path / "b")
    assert nothing_written(tmp_path / "b")


CIFAR_DAMAGE = {
    "no member": (None, "has no member cifar-100-python/train"),
    "not a pickle": (b"hello", "not a batch"),
    "half a pickle": (batch()[:-500], "not a batch|truncated"),
    "not a dict": (pickle.dumps([1]), "'data' is no uint8 array"),
    "no data": (pickle.dumps({"fine_labels": [1]}), "'data' is no uint8 array"),
    "floats": (batch(data=np.zeros((2, 3072))), "an array in it is not of bytes"),
    "wrong size": (batch(data=np.zeros((2, 99), np.uint8)), "99 bytes instead of 3072"),
    "labels missing": (pickle.dumps({"data": np.zeros((2, 3072), np.uint8)}, 3), "fine_labels"),
    "labels no integers": (batch(fine_labels=["a", "b"]), "'fine_labels' is no list of integers"),
    "label too high": (batch(fine_labels=[0, 100]), "labels from 0 to 100"),
    "too few labels": (batch(fine_labels=[0]), "2 images but 1 labels"),
}


@pytest.mark.parametrize("case", CIFAR_DAMAGE)
def test_damaged_cifar_is_one_error_that_names_the_file(tmp_path, case):
    content, problem = CIFAR_DAMAGE[case]
    archive = tmp_path / "cifar-100-python.tar.gz"
    write_cifar(archive, "cifar100", 2, members={"cifar-100-python/train": content})
    with pytest.raises(ReveilError, match=rf"cifar-100-python\.tar\.gz.*({problem})"):
        prepare(small("cifar100", 2, 2), tmp_path, tmp_path / "b")
    assert nothing_written(tmp_path / "b")


def test_pickle_with_a_forbidden_global_runs_nothing(tmp_path):
    trap = tmp_path / "trap"
    content = pickle.dumps({"data": Evil(str(trap))}, protocol=3)
    archive = tmp_path / "cifar-100-python.tar.gz"
    write_cifar(archive, "cifar100", 2, members={"cifar-100-python/train": content})
    with pytest.raises(ReveilError, match=r"mkdir is not allowed"):
        prepare(small("cifar100", 2, 2), tmp_path, tmp_path / "b")
    assert not trap.exists()


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.98])
def test_truncated_tar_is_one_error(tmp_path, keep):
    archive = tmp_path / "cifar-100-python.tar.gz"
    write_cifar(archive, "cifar100", 3)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(ReveilError, match=r"cifar-100-python\.tar\.gz: truncated or damaged"):
        prepare(small("cifar100", 3, 3), tmp_path, tmp_path / "b")
    assert nothing_written(tmp_path / "b" / "test")


# --- Tiny-ImageNet ---------------------------------------------------------------------------

TINY = "tiny-imagenet-200.zip"
BASE = "tiny-imagenet-200"


def jpeg(value, mode="RGB", size=64, kind="JPEG"):
    stream = io.BytesIO()
    Image.new(mode, (size, size), value).save(stream, kind, quality=95)
    return stream.getvalue()


def tiny_members():
    """Two classes in unsorted order; the grey of an image tells which it is."""
    return {
        f"{BASE}/wnids.txt": b"n02\nn01\n",
        f"{BASE}/words.txt": b"n01\tone\n",
        f"{BASE}/train/n02/images/n02_0.JPEG": jpeg((90, 90, 90)),
        f"{BASE}/train/n02/images/n02_1.JPEG": jpeg((100, 100, 100)),
        f"{BASE}/train/n01/n01_boxes.txt": b"n01_0.JPEG\t0\t0\t9\t9\n",
        f"{BASE}/train/n01/images/n01_2.JPEG": jpeg(30, "L"),
        f"{BASE}/train/n01/images/n01_10.JPEG": jpeg((20, 20, 20)),
        f"{BASE}/train/n01/images/n01_0.JPEG": jpeg((10, 10, 10)),
        f"{BASE}/val/val_annotations.txt": (
            b"val_0.JPEG\tn02\t0\t0\t9\t9\nval_2.JPEG\tn01\t0\t0\t9\t9\n"
            b"val_10.JPEG\tn01\t0\t0\t9\t9\nval_3.JPEG\tn02\t0\t0\t9\t9\n"
        ),
        f"{BASE}/val/images/val_0.JPEG": jpeg((150, 150, 150)),
        f"{BASE}/val/images/val_2.JPEG": jpeg((120, 120, 120)),
        f"{BASE}/val/images/val_10.JPEG": jpeg((110, 110, 110)),
        f"{BASE}/val/images/val_3.JPEG": jpeg((160, 160, 160)),
        f"{BASE}/test/images/test_0.JPEG": jpeg((1, 1, 1)),
    }


def write_zip(folder, members):
    with zipfile.ZipFile(folder / TINY, "w") as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)


def tiny(train=5, test=4, classes=2):
    return small("tiny-imagenet-200", train, test, classes=classes)


def test_tiny_imagenet_is_ordered_as_an_image_folder(tmp_path):
    write_zip(tmp_path, tiny_members())
    prepare(tiny(), tmp_path, tmp_path / "b")
    found = splits(tmp_path / "b")
    images, labels = found["train"]
    assert images.shape == (5, 3, 64, 64)
    # Sorted by class, then by file name as text: n01_10 comes before n01_2.
    assert images[:, 0, 5, 5].tolist() == [10, 20, 30, 90, 100]
    assert np.all(images == images[:, :1, :1, :1])
    assert labels.tolist() == [0, 0, 0, 1, 1]
    images, labels = found["test"]
    assert images[:, 2, 63, 0].tolist() == [110, 120, 150, 160]
    assert labels.tolist() == [0, 0, 1, 1]


TRAIN_IMAGE = f"{BASE}/train/n01/images/n01_0.JPEG"
TINY_DAMAGE = {
    "no class list": ({f"{BASE}/wnids.txt": None}, "has no member .*wnids.txt"),
    "too few classes": ({f"{BASE}/wnids.txt": b"n01\nn01\n"}, "names 1 classes instead of 2"),
    "other class": ({f"{BASE}/wnids.txt": b"n01\nn03\n"}, "is not in wnids.txt"),
    "image missing": ({TRAIN_IMAGE: None}, "4 train images instead of 5"),
    "image too many": ({f"{TRAIN_IMAGE}.JPEG": jpeg((1, 1, 1))}, "more than 5 train images"),
    "half an image": ({TRAIN_IMAGE: jpeg((9, 9, 9))[:400]}, "n01_0.JPEG is not a whole JPEG"),
    "no image": ({TRAIN_IMAGE: b"x"}, "n01_0.JPEG is not a whole JPEG"),
    "png": ({TRAIN_IMAGE: jpeg((9, 9, 9), kind="PNG")}, "n01_0.JPEG is not a whole JPEG"),
    "large": ({TRAIN_IMAGE: jpeg((9, 9, 9), size=32)}, r"n01_0.JPEG is \(32, 32\) pixels"),
    "dots": ({f"{BASE}/../../evil": b""}, "points outside the archive"),
    "absolute": ({"/etc/evil": b""}, "points outside the archive"),
    "backslash": ({"..\\evil": b""}, "points outside the archive"),
}


@pytest.mark.parametrize("case", TINY_DAMAGE)
def test_damaged_tiny_imagenet_is_one_error_that_names_the_file(tmp_path, case):
    changes, problem = TINY_DAMAGE[case]
    write_zip(tmp_path, tiny_members() | changes)
    with pytest.raises(ReveilError, match=rf"tiny-imagenet-200\.zip: .*{problem}"):
        prepare(tiny(), tmp_path, tmp_path / "b")
    assert nothing_written(tmp_path / "b")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"val_0.JPEG\n", "line 1: no class"),
        (b"val_0.JPEG\tn09\n", "line 1: no class"),
        (b"val_9.JPEG\tn01\n", "has no member .*val_9.JPEG"),
        (b"../../train/n01/images/n01_0.JPEG\tn01\n", "has no member"),
    ],
)
def test_damaged_annotations_are_one_error(tmp_path, line, problem):
    write_zip(tmp_path, tiny_members() | {f"{BASE}/val/val_annotations.txt": line})
    with pytest.raises(ReveilError, match=problem):
        prepare(tiny(test=1), tmp_path, tmp_path / "b")
    assert nothing_written(tmp_path / "b" / "test")


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_truncated_zip_is_one_error(tmp_path, keep):
    write_zip(tmp_path, tiny_members())
    (tmp_path / TINY).write_bytes((tmp_path / TINY).read_bytes()[:keep])
    with pytest.raises(ReveilError, match=r"tiny-imagenet-200\.zip: truncated or damaged"):
        prepare(tiny(), tmp_path, tmp_path / "b")


def test_changed_byte_in_a_zip_is_one_error(tmp_path):
    write_zip(tmp_path, tiny_members())
    content = bytearray((tmp_path / TINY).read_bytes())
    content[content.index(jpeg((10, 10, 10))) + 300] ^= 1
    (tmp_path / TINY).write_bytes(content)
    with pytest.raises(ReveilError, match="truncated or damaged .*CRC"):
        prepare(tiny(), tmp_path, tmp_path / "b")


# --- torchvision -----------------------------------------------------------------------------


def test_torchvision_is_imported_once():
    assert import_torchvision() is import_torchvision() is sys.modules["torchvision"]


def test_torchvision_that_lacks_its_operators_is_imported_in_a_fresh_process():
    code = (
        "from reveil.torchvision_guard import import_torchvision as load; "
        "print(load().datasets.CIFAR100.base_folder)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.strip() == "cifar-100-python", done.stderr
