"""The synthetic archives: the same bytes everywhere, in the layout of the published ones."""

import gzip
import hashlib
import io
import pickle
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image, features

from reveil import indices, packing, synthetic
from reveil.datasets import DATASETS, load_split, read_registry, sources_of
from reveil.download import fetch
from reveil.errors import ReveilError
from reveil.readers import cifar_members, prepare
from reveil.transfer import Patience
from tests.archives import HERE, local_registry
from tests.servers import nobody, serve
from tests.workflow import ROOT

REGISTRY = ROOT / "config/datasets.csv"
OWN = (
    "cifar10-synthetic",
    "cifar100-synthetic",
    "tiny-imagenet-200-synthetic",
    "cub-200-synthetic",
    "celeba-synthetic",
)
NAMES = (*OWN, "cifar100-coarse-synthetic")
TWINS = ("celeba-30-synthetic",)
BY_NAME = "celeba-64-filename-synthetic"
SMALL = (
    "celeba-64-synthetic",
    "celeba-64-guo2020-synthetic",
    "celeba-64-wide-synthetic",
    "celeba-64-128-synthetic",
    BY_NAME,
)
FACES = DATASETS["celeba-synthetic"]


@pytest.fixture(scope="module")
def built() -> dict[str, bytes]:
    return synthetic.archives()


@pytest.fixture(scope="module")
def prepared(built: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the prepared splits of every synthetic dataset."""
    folder = tmp_path_factory.mktemp("synthetic")
    for name, content in built.items():
        (folder / name).write_bytes(content)
    for name in NAMES:
        prepare(DATASETS[name], folder, folder / name)
    return folder


def split(prepared: Path, name: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    folder = prepared / name / part
    return load_split(folder / "images.npy", folder / "labels.npy")


def test_they_are_the_small_ones_of_the_published_and_say_so() -> None:
    made = {name for name, dataset in DATASETS.items() if dataset.synthetic}
    assert made == {*NAMES, *TWINS, *SMALL}
    for name in made:
        ours, real = DATASETS[name], DATASETS[name.removesuffix("-synthetic")]
        assert ours.title.startswith(real.title) and ours.title.endswith(" layout (synthetic)")
        for fact in ("family", "format", "channels", "classes", "mean", "std", "extras", "hidden"):
            assert getattr(ours, fact) == getattr(real, fact)
        assert (ours.geometry, ours.padding) == (real.geometry, real.padding)
        # Photographs at about a quarter of their size, with the same share cut out.
        assert ours.size == real.size or ours.size == 64
        assert ours.input_size * real.size == real.input_size * ours.size
        assert not set(ours.archives) & set(real.archives)
        # A quarter of the published box, in pictures of a quarter of the size.
        assert ours.box == tuple(round(edge / 4) for edge in real.box)
        # Every class, and the first images that the papers' scores are computed on.
        assert ours.counts["train"] >= 2 * ours.classes
        if name == BY_NAME:
            continue
        assert ours.counts["test"] > max(200, ours.classes)


@pytest.mark.parametrize("name", OWN)
def test_archives_are_the_registered_bytes(built: dict[str, bytes], name: str) -> None:
    for archive in DATASETS[name].archives:
        for source in sources_of(name, archive, read_registry(REGISTRY)):
            facts = (source.bytes, source.digests["sha256"])
            actual = (len(built[archive]), hashlib.sha256(built[archive]).hexdigest())
            assert actual == facts, (
                f"{archive}: if only archives of pictures differ, the JPEG encoder does: "
                f"libjpeg-turbo {features.version('libjpeg_turbo')} here, "
                "3.0 to 3.2 gave one result"
            )


def test_the_registered_address_is_the_servers() -> None:
    remote = [row for row in read_registry(REGISTRY) if row.name in OWN and row.remote]
    assert [row.url for row in remote] == [HERE + row.archive for row in remote]
    assert {row.archive for row in remote} == {a for name in OWN for a in DATASETS[name].archives}


def test_archives_are_small(built: dict[str, bytes]) -> None:
    photographs = {*DATASETS["cub-200-synthetic"].archives, *FACES.archives}
    assert sum(len(built[name]) for name in photographs) < 3_000_000
    assert sum(map(len, built.values())) < 9_000_000


@pytest.mark.parametrize("name", NAMES)
def test_every_class_is_there_and_no_image_twice(prepared: Path, name: str) -> None:
    everything = []
    for part in ("train", "test"):
        images, labels = split(prepared, name, part)
        assert len(images) == DATASETS[name].counts[part]
        count = np.bincount(labels, minlength=DATASETS[name].classes)
        assert count.min() >= 1
        # Faces have a label that is true of four garments in ten.
        assert count.max() - count.min() <= (count.sum() / 5 if name == FACES.name else 1)
        # Channels are those of other images, not one image thrice; but some birds are grey.
        alike = [abs(np.corrcoef(i[0].ravel(), i[1].ravel())[0, 1]) >= 0.999 for i in images]
        assert sum(alike) == (len(images) // 50 if name == "cub-200-synthetic" else 0)
        everything.append(images.reshape(len(images), -1))
    assert len(np.unique(np.concatenate(everything), axis=0)) == sum(map(len, everything))


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_garments_in_colours(prepared: Path, name: str) -> None:
    """The class whose mean training image is nearest is right far more often than chance."""
    (x, labels), (new, truth) = (split(prepared, name, part) for part in ("train", "test"))
    size, classes = DATASETS[name].size, DATASETS[name].classes
    cells = (8, size // 8)
    x, new = (
        np.asarray(i, dtype=float).reshape(len(i), 3, *cells, *cells).mean((3, 5)) for i in (x, new)
    )
    means = np.stack([x[labels == label].mean(0) for label in range(classes)])
    found = ((new[:, None] - means) ** 2).sum((2, 3, 4)).argmin(1)
    assert (found == truth).mean() > min(max(3 / classes, 0.2), 0.6)


def test_a_class_in_a_colour_by_hand() -> None:
    # Hue 0 of 10 is bright (255, 102, 102) on dark (31, 76, 76), its opposite; grey 51 is a fifth.
    shapes = synthetic.Shapes(np.full((10, 28, 28), 51, dtype=np.uint8), np.arange(10))
    image = synthetic.coloured(shapes, np.array([0]), 32, 100)[0]
    mixed = [(51 * 255 + 204 * 31 + 127) // 255, *[(51 * 102 + 204 * 76 + 127) // 255] * 2]
    assert mixed == [76, 81, 81]
    assert image[:, 0, 0].tolist() == mixed
    assert (image == image[:, :1, :1]).all()


@pytest.mark.parametrize("size", [28, 32, 64])
def test_enlarging_is_bilinear(size: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images[None]).double(), size, mode="bilinear"
    )
    off = np.abs(synthetic.resized(images, size) - expected[0].numpy())
    assert off.max() <= 0.5 + 1e-9


@pytest.mark.parametrize("name", OWN[:2])
def test_cifar_members_and_keys_are_the_published_ones(built: dict[str, bytes], name: str) -> None:
    dataset = DATASETS[name]
    with tarfile.open(fileobj=io.BytesIO(built[dataset.archives[0]]), mode="r:gz") as archive:
        members = {m.name: (m, archive.extractfile(m).read()) for m in archive}
    parts = [m for part in ("train", "test") for m in cifar_members(dataset.format, part)]
    assert set(parts) < set(members)
    keys = {"cifar10": {"labels"}, "cifar100": {"fine_labels", "coarse_labels"}}[dataset.format]
    for part in parts:
        facts, content = members[part]
        assert (facts.mtime, facts.uid, facts.uname) == (0, 0, "")
        # As torchvision reads it.
        batch = pickle.loads(content, encoding="latin1")
        assert set(batch) == {"filenames", "batch_label", "data"} | keys
        assert batch["data"].dtype == np.uint8
        assert {len(batch[key]) for key in keys | {"filenames"}} == {len(batch["data"])}


def test_superclasses_are_those_of_the_batches(prepared: Path) -> None:
    for part in ("train", "test"):
        images, labels = split(prepared, "cifar100-coarse-synthetic", part)
        same, fine = split(prepared, "cifar100-synthetic", part)
        assert np.array_equal(images, same)
        kept = np.load(prepared / "cifar100-coarse-synthetic" / part / "fine.npy")
        assert kept.dtype == np.int64 and np.array_equal(kept, fine)
        assert np.array_equal(labels, fine // 5)


def test_birds_have_the_published_lists(built: dict[str, bytes]) -> None:
    base = "CUB_200_2011"
    with tarfile.open(fileobj=io.BytesIO(built[f"{base}-synthetic.tgz"]), mode="r:gz") as archive:
        lists = {
            name: [row.split() for row in archive.extractfile(f"{base}/{name}").read().splitlines()]
            for name in (
                "images.txt",
                "image_class_labels.txt",
                "train_test_split.txt",
                "classes.txt",
            )
        }
        sizes = set()
        for _, name in lists["images.txt"]:
            with Image.open(archive.extractfile(f"{base}/images/{name.decode()}")) as image:
                sizes.add((image.size, image.mode))
    assert len(lists["classes.txt"]) == 200
    numbers = [row[0] for row in lists["images.txt"]]
    assert numbers == [str(n).encode() for n in range(1, 701)]
    assert all([r[0] for r in lists[name]] == numbers for name in list(lists)[:3])
    folders = dict(lists["classes.txt"])
    for (_, file), (_, label) in zip(
        lists["images.txt"], lists["image_class_labels.txt"], strict=True
    ):
        assert file.startswith(folders[label] + b"/")
    assert sum(int(value) for _, value in lists["train_test_split.txt"]) == 400
    # Upright and lying ones, a few without colour.
    assert sizes == {((44, 32), "RGB"), ((32, 44), "RGB"), ((44, 32), "L")}


def test_nobody_is_in_two_partitions_and_attributes_are_the_garments(prepared: Path) -> None:
    people = []
    for part in ("train", "test"):
        folder = prepared / FACES.name / part
        attributes, identity = np.load(folder / "attributes.npy"), np.load(folder / "identity.npy")
        labels = np.load(folder / "labels.npy")
        assert attributes.dtype == bool and attributes.shape == (len(labels), 40)
        assert identity.dtype == np.int64 and identity.min() >= 1
        assert np.array_equal(labels, attributes[:, 20])
        # A fifth to seven tenths, so that no attribute is the same for all.
        assert np.all((attributes.mean(0) > 0.15) & (attributes.mean(0) < 0.75))
        for garment in range(10):
            assert len(np.unique(attributes[(identity - 1) % 10 == garment], axis=0)) == 1
        people.append(set(identity.tolist()))
    assert not people[0] & people[1]
    assert len(people[0] | people[1]) == 100


def test_small_faces_are_the_box_of_the_same_pictures(
    built: dict[str, bytes], prepared: Path
) -> None:
    prepare(DATASETS[BY_NAME], prepared, prepared / BY_NAME)
    everyone = []
    for part in ("train", "test"):
        images, _ = split(prepared, BY_NAME, part)
        assert images.shape == (DATASETS[BY_NAME].counts[part], 3, 64, 64)
        everyone.append(set(np.load(prepared / BY_NAME / part / "identity.npy").tolist()))
    # Unlike in the official split, people are on both sides.
    assert everyone[0] & everyone[1]
    # The first with the digit 8 is the first test image.
    with (
        zipfile.ZipFile(io.BytesIO(built[FACES.archives[0]])) as archive,
        Image.open(archive.open("img_align_celeba/000080.jpg")) as picture,
    ):
        assert picture.size == (45, 54)
        box = picture.convert("RGB").crop((9, 14, 36, 41))
        expected = box.resize((64, 64), Image.Resampling.BILINEAR)
    first = split(prepared, BY_NAME, "test")[0][0]
    assert np.array_equal(first.transpose(1, 2, 0), np.asarray(expected))


def test_tiny_imagenet_has_the_published_members(built: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(built["tiny-imagenet-200-synthetic.zip"])) as archive:
        assert archive.testzip() is None
        facts = {
            info.filename.removeprefix("tiny-imagenet-200/"): info for info in archive.filelist
        }
        wnids = archive.read("tiny-imagenet-200/wnids.txt").decode().split()
        annotations = archive.read("tiny-imagenet-200/val/val_annotations.txt").decode()
        with Image.open(archive.open("tiny-imagenet-200/val/images/val_0.JPEG")) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", (64, 64), "RGB")
    assert {"words.txt", f"train/{wnids[0]}/{wnids[0]}_boxes.txt"} <= set(facts)
    assert len(set(wnids)) == 200
    assert wnids != sorted(wnids)
    assert {info.date_time for info in facts.values()} == {(1980, 1, 1, 0, 0, 0)}
    rows = [line.split("\t") for line in annotations.splitlines()]
    assert [row[0] for row in rows] == [f"val_{number}.JPEG" for number in range(300)]
    # As published, neighbours in the annotations are of other classes: the reader sorts them.
    assert all(a[1] != b[1] for a, b in zip(rows, rows[1:], strict=False))


def test_a_balanced_rule_draws_across_the_classes_of_a_split_sorted_by_class(
    prepared: Path,
) -> None:
    labels = split(prepared, "tiny-imagenet-200-synthetic", "test")[1]
    assert (np.diff(labels) >= 0).all()
    rule = {"split": "test", "count": 6}
    plain = indices.resolve(rule, {"test": labels}, 0)
    assert len(set(labels[plain])) < 6
    balanced = indices.resolve(rule | {"balanced": True}, {"test": labels}, 0)
    assert labels[balanced].tolist() == [0, 1, 2, 3, 4, 5]
    # The published validation split: 50 images of each of 200 classes, one class after the other.
    published = np.repeat(np.arange(200), 50)
    assert set(published[indices.resolve(rule, {"test": published}, 0)]) == {0}
    chosen = indices.resolve(rule | {"balanced": True, "count": 203}, {"test": published}, 0)
    assert chosen[:6].tolist() == [0, 50, 100, 150, 200, 250]
    assert chosen[199:].tolist() == [9950, 1, 51, 101]


def test_pickles_by_hand_are_read_as_what_they_say() -> None:
    array = np.arange(600, dtype=np.uint8).reshape(2, 300)
    value = {"data": array, "labels": [0, 65535], "names": ["a", "bc"], "none": [], "title": "t"}
    loaded = pickle.loads(packing.pickled(value), encoding="latin1")
    assert np.array_equal(loaded.pop("data"), array)
    assert loaded == {"labels": [0, 65535], "names": ["a", "bc"], "none": [], "title": "t"}


@pytest.mark.parametrize("size", [0, 1, 0xFFFF, 0xFFFF + 1, 200_000])
def test_stored_gzip_is_gzip(size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    assert gzip.decompress(packing.stored_gzip(content)) == content


def test_containers_do_not_depend_on_the_order_of_their_members() -> None:
    files = {"b/x": b"1", "a/y": b"22"}
    backwards = dict(reversed(files.items()))
    assert packing.tar(files) == packing.tar(backwards)
    assert packing.zipped(files) == packing.zipped(backwards)


def test_build_makes_a_local_folder_that_fetch_takes_them_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic.main(["build", str(tmp_path / "local")])
    said = capsys.readouterr().out
    registry = read_registry(REGISTRY)
    local = [tmp_path / "local"]
    for name in OWN:
        for archive in DATASETS[name].archives:
            got = fetch(name, archive, tmp_path / archive, registry, local_folders=local)
            assert got.role == "local"
            assert f"{archive} {got.bytes} sha256:{got.digests['sha256']}" in said


def test_serve_delivers_to_this_machine_alone() -> None:
    with synthetic.server({"a.zip": b"content"}, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            assert opener.open(f"{address}/a.zip").read() == b"content"
            with pytest.raises(urllib.error.HTTPError, match="404"):
                opener.open(f"{address}/other")
        finally:
            server.shutdown()
            thread.join()


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with synthetic.server({}, 0) as server, pytest.raises(SystemExit):
        synthetic.main(["serve", "--port", str(server.server_port)])
    assert f"--port: {server.server_port} cannot be used" in capsys.readouterr().err


def test_the_tests_registry_names_only_our_server(built: dict[str, bytes], tmp_path: Path) -> None:
    files = {f"/{name}": content for name, content in built.items()}
    with serve(files) as server:
        registry = read_registry(local_registry(tmp_path / "r.csv", server.url))
        remote = [row for row in registry if row.remote]
        assert {row.name for row in remote} == set(OWN)
        for row in remote:
            assert fetch(row.name, row.archive, tmp_path / row.archive, registry) == row
        assert [path for path, _ in server.requests] == [f"/{row.archive}" for row in remote]


def test_without_a_server_the_error_says_what_makes_the_archive(tmp_path: Path) -> None:
    registry = read_registry(local_registry(tmp_path / "r.csv", nobody()))
    with pytest.raises(ReveilError, match=r"reveil\.synthetic build FOLDER` makes it there"):
        fetch(
            "cifar100-synthetic",
            "cifar-100-synthetic.tar.gz",
            tmp_path / "x",
            registry,
            patience=Patience(attempts=1),
        )
