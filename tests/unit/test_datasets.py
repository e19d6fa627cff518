import csv
import gzip
import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from reveil.datasets import (
    CELEBA_ATTRIBUTES,
    CELEBA_LABEL,
    DATASETS,
    FASHION_GROUPS,
    IDX_ARCHIVES,
    REGISTRY_COLUMNS,
    get,
    load_split,
    read_registry,
    sources_of,
)
from reveil.errors import ReveilError
from reveil.torchvision_guard import import_torchvision

ROOT = Path(__file__).parents[2]
REGISTRY = ROOT / "config" / "datasets.csv"


def test_unknown_dataset_names_the_nearest():
    with pytest.raises(ReveilError, match="dataset: 'cifar-100' .* did you mean 'cifar100'"):
        get("cifar-100")


def test_planning_imports_neither_torch_nor_pandas():
    heavy = "torch pandas matplotlib requests torchvision"
    code = (
        "import sys; import reveil.datasets, reveil.indices; "
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )
    assert done.stdout.strip() == "[]"


def test_facts_are_consistent():
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        assert len(dataset.mean) == len(dataset.std) == dataset.channels
        assert set(dataset.counts) == {"train", "test"}
        assert dataset.family in DATASETS
        assert dataset.crop <= dataset.size
        assert dataset.input_size in (dataset.size, dataset.crop)
        shared = [other for other in DATASETS.values() if other.home == dataset.home]
        assert {other.archives for other in shared} == {dataset.archives}


def test_groups_of_classes_are_datasets_of_the_same_images():
    for name, fine, classes in (
        ("cifar100-coarse", "cifar100", 20),
        ("cifar100-coarse-synthetic", "cifar100-synthetic", 20),
        ("fashion-mnist-coarse", "fashion-mnist", 3),
        ("fashion-mnist-coarse-demo", "fashion-mnist-demo", 3),
    ):
        ours, theirs = DATASETS[name], DATASETS[fine]
        assert (ours.classes, ours.home) == (classes, theirs.home)
        assert dict(ours.extras) == {"fine.npy": ("int64", 0)}
        assert not theirs.extras
        for fact in ("family", "archives", "counts", "mean", "std", "size", "contents"):
            assert getattr(ours, fact) == getattr(theirs, fact)
        assert DATASETS[ours.family].classes == theirs.classes


def test_groups_of_garments_are_tops_footwear_and_others():
    assert len(FASHION_GROUPS) == 10
    groups = [{n for n, group in enumerate(FASHION_GROUPS) if group == g} for g in range(3)]
    # T-shirt, pullover, dress, coat, shirt; sandal, sneaker, ankle boot; trouser, bag.
    assert groups == [{0, 2, 3, 4, 6}, {5, 7, 9}, {1, 8}]


def test_hidden_attributes_are_those_of_the_released_code():
    # By their 0-based columns, as the code of Xiang et al. has them.
    for name, real in (("celeba-30", "celeba"), ("celeba-30-synthetic", "celeba-synthetic")):
        assert DATASETS[name].hidden == (2, 3, 6, 15, 19, 23, 25, 36, 37, 38)
        assert DATASETS[name].twin == real
        assert DATASETS[real].hidden == ()
        assert DATASETS[name].extras == DATASETS[real].extras
    assert len(set(CELEBA_ATTRIBUTES)) == 40
    assert CELEBA_ATTRIBUTES.index(CELEBA_LABEL) == 20


def test_small_faces_are_those_of_celeba_in_both_splits():
    names = range(1, 202_600)
    by_name = {part: 0 for part in ("train", "test")}
    for number in names:
        by_name["test" if f"{number:06d}"[1] in "89" else "train"] += 1
    for name, dataset in DATASETS.items():
        if name.startswith("celeba-64") and not dataset.synthetic:
            real = DATASETS["celeba"]
            split = by_name if name == "celeba-64-filename" else real.counts
            assert dict(dataset.counts) == dict(split)
            assert sum(dataset.counts.values()) == len(names)
            assert (dataset.home, dataset.twin, dataset.size) == ("celeba", "", 64)
            assert (dataset.extras, dataset.family) == (real.extras, "celeba")


def test_normalisation_constants_are_those_of_the_papers():
    assert DATASETS["fashion-mnist"].mean == (0.1307,)
    assert DATASETS["fashion-mnist-demo"].std == (0.3081,)
    assert DATASETS["cifar100"].mean[0] == 0.5071598291397095
    assert DATASETS["cifar10"].std[2] == 0.26158785820007324
    assert DATASETS["tiny-imagenet-200"].mean == (0.485, 0.456, 0.406)


def test_every_archive_has_a_source_and_every_downloaded_one_a_local_place():
    registry = read_registry(REGISTRY)
    for dataset in DATASETS.values():
        for archive in dataset.archives:
            rows = sources_of(dataset.home, archive, registry)
            roles = Counter(row.role for row in rows)
            assert roles["primary"] == (0 if dataset.by_hand else 1)
            assert roles["local"] >= 1 or not rows[0].remote
    assert {(row.name, row.archive) for row in registry} == {
        (dataset.home, archive) for dataset in DATASETS.values() for archive in dataset.archives
    }


def test_published_names_and_checksums_are_torchvisions():
    datasets = import_torchvision().datasets
    published = {("fashion-mnist", name): md5 for name, md5 in datasets.FashionMNIST.resources}
    published["cifar10", datasets.CIFAR10.filename] = datasets.CIFAR10.tgz_md5
    published["cifar100", datasets.CIFAR100.filename] = datasets.CIFAR100.tgz_md5
    registry = read_registry(REGISTRY)
    for (name, archive), md5 in published.items():
        assert archive in DATASETS[name].archives
        rows = [row for row in sources_of(name, archive, registry) if row.version != "2017-debian"]
        assert [row.digests["md5"] for row in rows] == [md5] * len(rows)


def test_published_addresses_are_torchvisions():
    datasets = import_torchvision().datasets
    registry = read_registry(REGISTRY)
    primary = {(row.name, row.archive): row.url for row in registry if row.role == "primary"}
    for layout, name in ((datasets.CIFAR10, "cifar10"), (datasets.CIFAR100, "cifar100")):
        assert primary[name, layout.filename] == layout.url
    for archive in IDX_ARCHIVES:
        assert primary["fashion-mnist", archive] == datasets.FashionMNIST.mirrors[0] + archive


@pytest.mark.parametrize(
    ("name", "archive", "md5"),
    [
        ("tiny-imagenet-200", "tiny-imagenet-200.zip", "90528d7ca1a48142e341f4ef8d21d0de"),
        ("cub-200", "CUB_200_2011.tgz", "97eceeb196236b17998738112f37df78"),
    ],
)
def test_archives_that_torchvision_lacks_have_the_published_checksum(name, archive, md5):
    rows = sources_of(name, archive, read_registry(REGISTRY))
    assert {row.digests["md5"] for row in rows} == {md5}


def test_files_of_celeba_are_torchvisions():
    published = {name: md5 for _, md5, name in import_torchvision().datasets.CelebA.file_list}
    registry = read_registry(REGISTRY)
    for archive in DATASETS["celeba"].archives:
        (row,) = sources_of("celeba", archive, registry)
        assert (row.role, dict(row.digests)) == ("local", {"md5": published[archive]})


def test_embedded_archives_are_those_of_the_registry_and_small():
    total = 0
    for row in read_registry(REGISTRY):
        if row.name == "fashion-mnist-demo":
            content = (ROOT / row.url).read_bytes()
            total += len(content)
            assert len(content) == row.bytes
            assert hashlib.sha256(content).hexdigest() == row.digests["sha256"]
            inner = hashlib.sha256(gzip.decompress(content)).hexdigest()
            assert inner == DATASETS[row.name].contents[row.archive]
    assert 0 < total < 1_500_000


GOOD = {
    "name": "data",
    "version": "1",
    "archive": "a.gz",
    "role": "primary",
    "url": "https://example.org/a.gz",
    "digest": f"md5:{'0' * 32} sha256:{'A' * 64}",
    "bytes": "10",
    "licence": "MIT",
}


def write_registry(path, *rows):
    with path.open("w", newline="") as stream:
        table = csv.DictWriter(stream, REGISTRY_COLUMNS)
        table.writeheader()
        table.writerows(rows)
    return path


def test_registry_row(tmp_path):
    (row,) = read_registry(write_registry(tmp_path / "d.csv", GOOD))
    assert row.digests == {"md5": "0" * 32, "sha256": "a" * 64}
    assert row.bytes == 10
    assert row.remote


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("role", "mirroor", "did you mean 'mirror'"),
        ("archive", "../a.gz", "not a file name"),
        ("archive", "..", "not a file name"),
        ("url", "ftp://example.org/a.gz", "neither http nor https"),
        ("url", "file:///etc/passwd", "neither http nor https"),
        ("url", "http:///a.gz", "neither http nor https"),
        ("url", "../a.gz", "not a path below the root"),
        ("url", "/a.gz", "not a path below the root"),
        ("digest", "sha256:12", "neither md5"),
        ("digest", "crc:12", "neither md5"),
        ("bytes", "-1", "not a positive number"),
        ("bytes", "many", "not a positive number"),
        ("licence", "", "licence is empty"),
    ],
)
def test_registry_rejects(tmp_path, column, value, problem):
    path = write_registry(tmp_path / "d.csv", GOOD, GOOD | {column: value})
    with pytest.raises(ReveilError, match=rf"d\.csv: line 3: .*{problem}"):
        read_registry(path)


def test_registry_names_all_problems_at_once(tmp_path):
    rows = GOOD | {"role": "x", "bytes": "0"}, GOOD | {"url": "x:y"}
    with pytest.raises(ReveilError, match=r"(?s)line 2: role.*line 2: bytes.*line 3: url"):
        read_registry(write_registry(tmp_path / "d.csv", *rows))


@pytest.mark.parametrize("text", ["", "name,url\n", ",".join(REGISTRY_COLUMNS) + "\na,b\n"])
def test_registry_of_another_shape_is_refused(tmp_path, text):
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(ReveilError, match=r"d\.csv"):
        read_registry(tmp_path / "d.csv")


def test_missing_registry_is_one_error(tmp_path):
    with pytest.raises(ReveilError, match="cannot be read"):
        read_registry(tmp_path / "none.csv")


def save(folder, images, labels):
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    return folder / "images.npy", folder / "labels.npy"


def test_load_split_maps_images_read_only(tmp_path):
    paths = save(tmp_path, np.ones((3, 1, 4, 4), np.uint8), np.arange(3))
    images, labels = load_split(*paths)
    assert isinstance(images, np.memmap) and not images.flags.writeable
    assert images.shape == (3, 1, 4, 4)
    assert labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("images", "labels", "blamed"),
    [
        (np.ones((3, 1, 4, 4), np.float32), np.arange(3), "images"),
        (np.ones((3, 4, 4), np.uint8), np.arange(3), "images"),
        (np.ones((3, 4, 4, 3), np.uint8), np.arange(3), "images"),
        (np.ones((3, 1, 4, 5), np.uint8), np.arange(3), "images"),
        (np.ones((3, 1, 4, 4), np.uint8), np.arange(2), "labels"),
        (np.ones((3, 1, 4, 4), np.uint8), np.arange(3, dtype=np.int32), "labels"),
        (np.ones((3, 1, 4, 4), np.uint8), np.array([0, -1, 2]), "labels"),
        (np.ones((3, 1, 4, 4), np.uint8), np.array([{}, {}, {}]), "labels"),
    ],
)
def test_load_split_refuses_what_is_no_split(tmp_path, images, labels, blamed):
    with pytest.raises(ReveilError, match=rf"{blamed}\.npy: "):
        load_split(*save(tmp_path, images, labels))


@pytest.mark.parametrize("name", ["images.npy", "labels.npy"])
def test_truncated_or_missing_array_is_named(tmp_path, name):
    paths = save(tmp_path, np.ones((3, 1, 4, 4), np.uint8), np.arange(3))
    broken = tmp_path / name
    for content in (broken.read_bytes()[:-8], broken.read_bytes()[:20], b""):
        broken.write_bytes(content)
        with pytest.raises(ReveilError, match=rf"{name}: cannot be read"):
            load_split(*paths)
    broken.unlink()
    with pytest.raises(ReveilError, match=rf"{name}: cannot be read"):
        load_split(*paths)
