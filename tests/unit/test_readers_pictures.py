"""Archives of photographs: birds in a tar archive, faces in a zip archive with lists beside it."""

import dataclasses
import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from reveil import readers
from reveil.datasets import CELEBA_ATTRIBUTES, DATASETS, load_split
from reveil.errors import ReveilError
from reveil.readers import pictures, prepare


def small(name, train, test, **changes):
    return dataclasses.replace(DATASETS[name], counts={"train": train, "test": test}, **changes)


def jpeg(value, size=(40, 30), mode="RGB", kind="JPEG"):
    stream = io.BytesIO()
    Image.new(mode, size, value).save(stream, kind, quality=95)
    return stream.getvalue()


def split(folder, part):
    return load_split(folder / part / "images.npy", folder / part / "labels.npy")


def nothing_written(folder):
    return not [p for p in folder.rglob("*") if p.is_file()]


# --- geometry ----------------------------------------------------------------------------------


def columns(width, height):
    """A picture whose red tells the column and whose green tells the row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width), np.arange(height)[:, None]
    return Image.fromarray(pixels)


def test_cover_keeps_the_centre_at_the_size_of_the_shorter_side():
    kept = np.asarray(pictures.cover(columns(100, 60), 60))
    assert kept.shape == (60, 60, 3)
    assert kept[0, :, 0].tolist() == list(range(20, 80))
    assert kept[:, 0, 1].tolist() == list(range(60))
    tall = np.asarray(pictures.cover(columns(60, 100), 60))
    assert tall[:, 0, 1].tolist() == list(range(20, 80))


@pytest.mark.parametrize("shape", [(53, 37), (37, 53), (31, 90), (64, 64), (9, 200)])
def test_cover_is_what_torchvision_makes_of_it(shape):
    from reveil.torchvision_guard import import_torchvision

    transforms = import_torchvision().transforms
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    theirs = transforms.CenterCrop(32)(transforms.Resize(32)(image))
    assert np.array_equal(np.asarray(pictures.cover(image, 32)), np.asarray(theirs))


def test_stretch_keeps_everything():
    kept = np.asarray(pictures.stretch(columns(178, 218), 224))
    assert kept.shape == (224, 224, 3)
    assert (kept[0, 0, 0], kept[0, -1, 0]) == (0, 177)
    assert (kept[0, 0, 1], kept[-1, 0, 1]) == (0, 217)
    assert abs(int(kept[112, 112, 1]) - 109) <= 1


def test_every_geometry_of_a_dataset_exists():
    assert {dataset.geometry for dataset in DATASETS.values()} == set(pictures.GEOMETRIES)


# --- birds -------------------------------------------------------------------------------------

BIRDS = "CUB_200_2011"
TGZ = "CUB_200_2011.tgz"


def bird_members(**changes):
    """Five images of two classes; the grey of an image tells which it is."""
    names = ["001.A/a_1.jpg", "001.A/a_2.jpg", "002.B/b_1.jpg", "002.B/b_2.jpg", "002.B/b_3.jpg"]
    members = {
        f"images/{name}": jpeg((40 * n, 40 * n, 40 * n), (40, 30) if n % 2 else (30, 50))
        for n, name in enumerate(names, 1)
    }
    members["images/002.B/b_3.jpg"] = jpeg(200, (35, 35), "L")
    members["images.txt"] = "".join(f"{n} {name}\n" for n, name in enumerate(names, 1)).encode()
    members["image_class_labels.txt"] = b"1 1\n2 1\n3 2\n4 2\n5 2\n"
    members["train_test_split.txt"] = b"1 0\n2 1\n3 1\n4 0\n5 1\n"
    members["README"] = b"birds"
    return members | changes


def write_tgz(folder, members, *, order=sorted):
    with tarfile.open(folder / TGZ, "w:gz") as archive:
        for name in order(members):
            if members[name] is not None:
                info = tarfile.TarInfo(f"{BIRDS}/{name}")
                info.size = len(members[name])
                archive.addfile(info, io.BytesIO(members[name]))


def birds(train=3, test=2, **changes):
    return small("cub-200", train, test, classes=2, size=20, crop=16, **changes)


@pytest.mark.parametrize("order", [sorted, lambda m: sorted(m, reverse=True)])
def test_birds_keep_the_order_of_the_list_and_the_official_split(tmp_path, order, monkeypatch):
    monkeypatch.setattr("reveil.readers.birds.PICTURES", 2)
    write_tgz(tmp_path, bird_members(), order=order)
    prepare(birds(), tmp_path, tmp_path / "b")
    images, labels = split(tmp_path / "b", "train")
    assert images.shape == (3, 3, 20, 20)
    assert images[:, :, 10, 10].tolist() == [[80] * 3, [120] * 3, [200] * 3]
    assert labels.tolist() == [0, 1, 1]
    images, labels = split(tmp_path / "b", "test")
    assert images[:, 0, 0, 0].tolist() == [40, 160]
    assert labels.tolist() == [0, 1]


FIRST = "images/001.A/a_2.jpg"
BIRD_DAMAGE = {
    "no list": ({"images.txt": None}, "has no member CUB_200_2011/images.txt"),
    "no split": ({"train_test_split.txt": None}, "has no member .*train_test_split.txt"),
    "no image": ({FIRST: None}, "has no member CUB_200_2011/images/001.A/a_2.jpg"),
    "half an image": ({FIRST: jpeg((9, 9, 9))[:300]}, "a_2.jpg is not a whole JPEG"),
    "no picture": ({FIRST: b"x"}, "a_2.jpg is not a whole JPEG"),
    "empty": ({FIRST: b""}, "a_2.jpg is not a whole JPEG"),
    "png": ({FIRST: jpeg((9, 9, 9), kind="PNG")}, "a_2.jpg is not a whole JPEG"),
    "no number": ({"images.txt": b"one a.jpg\n"}, "images.txt, line 1: 'one a.jpg' is not"),
    "three columns": ({"images.txt": b"1 a.jpg x\n"}, "images.txt, line 1"),
    "no value": ({"image_class_labels.txt": b"1\n"}, "image_class_labels.txt, line 1"),
    "label missing": (
        {"image_class_labels.txt": b"1 1\n2 1\n3 2\n4 2\n"},
        "images.txt and image_class_labels.txt do not agree on image 5",
    ),
    "twice": (
        {"images.txt": b"1 a\n2 a\n3 b\n4 c\n5 d\n"},
        "images.txt names an image twice",
    ),
    "a third split": (
        {"train_test_split.txt": b"1 0\n2 1\n3 2\n4 0\n5 1\n"},
        "train_test_split.txt has 2 for image 3",
    ),
    "class too high": (
        {"image_class_labels.txt": b"1 1\n2 1\n3 3\n4 2\n5 2\n"},
        "labels from 0 to 2",
    ),
    "class zero": ({"image_class_labels.txt": b"1 1\n2 0\n3 2\n4 2\n5 2\n"}, "labels from -1"),
    "fewer": ({"train_test_split.txt": b"1 0\n2 1\n3 1\n4 0\n5 0\n"}, "2 train images instead of"),
    "more": ({"train_test_split.txt": b"1 1\n2 1\n3 1\n4 0\n5 1\n"}, "more than 3 train images"),
}


@pytest.mark.parametrize("case", BIRD_DAMAGE)
def test_damaged_birds_are_one_error_that_names_the_file(tmp_path, case):
    changes, problem = BIRD_DAMAGE[case]
    write_tgz(tmp_path, bird_members(**changes))
    with pytest.raises(ReveilError, match=rf"CUB_200_2011\.tgz: .*{problem}"):
        prepare(birds(), tmp_path, tmp_path / "b")
    assert nothing_written(tmp_path / "b")


def test_truncated_birds_are_one_error(tmp_path):
    write_tgz(tmp_path, bird_members())
    content = (tmp_path / TGZ).read_bytes()
    for keep in (0, 10, len(content) // 2):
        (tmp_path / TGZ).write_bytes(content[:keep])
        with pytest.raises(ReveilError, match=r"CUB_200_2011\.tgz: truncated or damaged"):
            prepare(birds(), tmp_path, tmp_path / "b")
        assert nothing_written(tmp_path / "b")
    (tmp_path / TGZ).unlink()
    with pytest.raises(ReveilError, match=r"CUB_200_2011\.tgz: no such archive"):
        prepare(birds(), tmp_path, tmp_path / "b")


def test_a_picture_that_claims_to_be_huge_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "LONGEST_SIDE", 45)
    write_tgz(tmp_path, bird_members())
    with pytest.raises(ReveilError, match=r"a_2\.jpg is \(30, 50\) pixels; allowed: up to 45"):
        prepare(birds(), tmp_path, tmp_path / "b")


# --- faces -------------------------------------------------------------------------------------

ZIP, LIST, PEOPLE, PARTS = DATASETS["celeba"].archives
NAMES = [f"{n:06d}.jpg" for n in range(1, 6)]
MALE = CELEBA_ATTRIBUTES.index("Male")


def attribute_list(names=NAMES, count=None, header=CELEBA_ATTRIBUTES):
    """Attribute a is true of image n where a < 8 n; of the fourth no one is male."""
    rows = []
    for n, name in enumerate(names):
        flags = ["1" if a < 8 * n else "-1" for a in range(40)]
        flags[MALE] = "-1" if n == 3 else flags[MALE]
        rows.append(f"{name} " + " ".join(f"{flag:>2}" for flag in flags))
    return "\r\n".join([str(len(names) if count is None else count), " ".join(header), *rows, ""])


def write_faces(folder, **changes):
    folder.mkdir(exist_ok=True)
    pictures = {name: jpeg((50 * n, 50 * n, 50 * n), (18, 22)) for n, name in enumerate(NAMES)}
    pictures |= changes.pop("pictures", {})
    with zipfile.ZipFile(folder / ZIP, "w") as archive:
        for name, content in pictures.items():
            if content is not None:
                archive.writestr(name if "/" in name else f"img_align_celeba/{name}", content)
    texts = {
        LIST: attribute_list(),
        PEOPLE: "".join(f"{name} {10 + n}\n" for n, name in enumerate(NAMES)),
        PARTS: "".join(f"{name}  {p}\n" for name, p in zip(NAMES, (0, 0, 1, 2, 0), strict=True)),
    }
    for name, text in (texts | changes.pop("texts", {})).items():
        (folder / name).write_text(text, newline="")


def faces(train=3, test=2, **changes):
    return small("celeba", train, test, size=16, **changes)


def test_faces_train_on_the_first_partition_and_test_on_both_others(tmp_path, monkeypatch):
    monkeypatch.setattr("reveil.readers.faces.PICTURES", 2)
    write_faces(tmp_path / "a")
    prepare(faces(), tmp_path / "a", tmp_path / "b")
    for part, numbers in (("train", [0, 1, 4]), ("test", [2, 3])):
        images, labels = split(tmp_path / "b", part)
        attributes = np.load(tmp_path / "b" / part / "attributes.npy")
        identity = np.load(tmp_path / "b" / part / "identity.npy")
        assert images.shape == (len(numbers), 3, 16, 16)
        assert images[:, 1, 8, 8].tolist() == [50 * n for n in numbers]
        assert attributes.dtype == bool and attributes.shape == (len(numbers), 40)
        expected = [8 * n - (n == 3) for n in numbers]
        assert attributes.sum(1).tolist() == expected
        assert labels.tolist() == [int(8 * n > MALE and n != 3) for n in numbers]
        assert identity.tolist() == [10 + n for n in numbers] and identity.dtype == np.int64


def test_the_twin_is_prepared_alike(tmp_path):
    write_faces(tmp_path / "a")
    for name in ("celeba", "celeba-30"):
        prepare(small(name, 3, 2, size=16), tmp_path / "a", tmp_path / name)
    for path in (tmp_path / "celeba").rglob("*.npy"):
        twin = tmp_path / "celeba-30" / path.relative_to(tmp_path / "celeba")
        assert twin.read_bytes() == path.read_bytes()


# As published, for pictures of 178 x 218: left, top, right, bottom of what is seen of them.
CUTS = {
    "celeba-64": (35, 55, 143, 163),
    "celeba-64-wide": (15, 15, 175, 175),
    "celeba-64-128": (25, 45, 153, 173),
    "celeba-64-filename": (35, 55, 143, 163),
}


@pytest.mark.parametrize("name", [*CUTS, "celeba-64-guo2020"])
def test_small_faces_are_cut_out_as_published(name):
    picture = columns(178, 218)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=100, subsampling=0)
    kept = pictures.decode(stream.getvalue(), "a face", DATASETS[name]).astype(int)
    assert kept.shape == (3, 64, 64)
    if name in CUTS:
        left, top, right, bottom = CUTS[name]
    else:
        # The shorter side becomes 64, the longer 78: 7 of its rows are cut off at each end.
        left, right, top, bottom = 0, 178, 7 * 218 / 78, 71 * 218 / 78
    centres = (np.arange(64) + 0.5) / 64
    # In the pixels of the picture; JPEG and rounding cost up to two grey levels.
    assert np.abs(kept[0] - (left + (right - left) * centres - 0.5)).max() <= 2
    assert np.abs(kept[1] - (top + (bottom - top) * centres - 0.5)[:, None]).max() <= 2


def test_a_face_smaller_than_its_box_is_refused(tmp_path):
    write_faces(tmp_path / "a")
    with pytest.raises(ReveilError, match=r"000001\.jpg is \(18, 22\) pixels; the box reaches to"):
        prepare(small("celeba-64", 3, 2), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


def test_faces_may_be_split_by_a_digit_of_their_name(tmp_path):
    names = ["079999.jpg", "080000.jpg", "099999.jpg", "100000.jpg", "190000.jpg"]
    assert DATASETS["celeba-64-filename"].split_digit == 1
    write_faces(
        tmp_path / "a",
        pictures={name: jpeg((40 * n,) * 3, (18, 22)) for n, name in enumerate(names)},
        texts={
            LIST: attribute_list(names),
            PEOPLE: "".join(f"{name} 1\n" for name in names),
            PARTS: "".join(f"{name} 2\n" for name in names),
        },
    )
    dataset = small("celeba-64-filename", 2, 3, box=(), size=16)
    prepare(dataset, tmp_path / "a", tmp_path / "b")
    assert split(tmp_path / "b", "train")[0][:, 0, 8, 8].tolist() == [0, 120]
    assert split(tmp_path / "b", "test")[0][:, 0, 8, 8].tolist() == [40, 80, 160]


SHORT = "\n".join(attribute_list().split("\r\n")[:-3])
FACE_DAMAGE = {
    "no image": ({"pictures": {NAMES[1]: None}}, ZIP, "has no member .*000002.jpg"),
    "half an image": ({"pictures": {NAMES[1]: jpeg(9, (18, 22), "L")[:200]}}, ZIP, "whole JPEG"),
    "outside": ({"pictures": {"../../evil": b""}}, ZIP, "points outside the archive"),
    "empty list": ({"texts": {LIST: ""}}, LIST, "does not name the 40 attributes"),
    "other attributes": (
        {"texts": {LIST: attribute_list(header=("Tall", *CELEBA_ATTRIBUTES[1:]))}},
        LIST,
        "line 2 does not name the 40 attributes",
    ),
    "announces more": (
        {"texts": {LIST: attribute_list(count=9)}},
        LIST,
        "announces '9' .* lists 5",
    ),
    "cut list": ({"texts": {LIST: SHORT}}, LIST, "announces '5' images but lists 3"),
    "cut row": ({"texts": {LIST: attribute_list()[:-9]}}, LIST, "line 7: .* is not allowed"),
    "two": ({"texts": {LIST: attribute_list().replace("-1", " 2", 1)}}, LIST, "line 3: .*"),
    "other names": (
        {"texts": {LIST: attribute_list([*NAMES[:4], "000009.jpg"])}},
        LIST,
        "does not agree with list_eval_partition.txt on 000005.jpg",
    ),
    "person missing": ({"texts": {PEOPLE: "000001.jpg 1\n"}}, PEOPLE, "does not agree .* 000002"),
    "no person": ({"texts": {PEOPLE: "000001.jpg\n"}}, PEOPLE, "line 1: '000001.jpg' is not"),
    "person zero": ({"texts": {PEOPLE: "000001.jpg 0\n"}}, PEOPLE, "line 1"),
    "blank line": ({"texts": {PARTS: "\n"}}, PARTS, "line 1: '' is not allowed"),
    "fourth partition": ({"texts": {PARTS: "000001.jpg 3\n"}}, PARTS, "line 1: '000001.jpg 3'"),
    "no partition": ({"texts": {PARTS: "000001.jpg\n"}}, PARTS, "line 1: '000001.jpg' is not"),
}


@pytest.mark.parametrize("case", FACE_DAMAGE)
def test_damaged_faces_are_one_error_that_names_the_file(tmp_path, case):
    changes, file, problem = FACE_DAMAGE[case]
    write_faces(tmp_path / "a", **changes)
    with pytest.raises(ReveilError, match=rf"{file}: .*{problem}"):
        prepare(faces(), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


@pytest.mark.parametrize("name", [ZIP, LIST, PEOPLE, PARTS])
def test_missing_file_of_faces_is_named(tmp_path, name):
    write_faces(tmp_path / "a")
    (tmp_path / "a" / name).unlink()
    with pytest.raises(ReveilError, match=rf"{name}: no such archive; fetch the dataset first"):
        prepare(faces(), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


def test_truncated_faces_are_one_error(tmp_path):
    write_faces(tmp_path / "a")
    content = (tmp_path / "a" / ZIP).read_bytes()
    (tmp_path / "a" / ZIP).write_bytes(content[:-100])
    with pytest.raises(ReveilError, match=rf"{ZIP}: truncated or damaged"):
        prepare(faces(), tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    ("counts", "problem"), [((4, 2), "3 train images instead of 4"), ((2, 2), "more than 2 train")]
)
def test_another_number_of_faces_is_refused(tmp_path, counts, problem):
    write_faces(tmp_path / "a")
    with pytest.raises(ReveilError, match=problem):
        prepare(faces(*counts), tmp_path / "a", tmp_path / "b")
    assert nothing_written(tmp_path / "b")


@pytest.mark.parametrize("name", ["birds", "faces"])
def test_no_more_than_a_block_of_photographs_is_held(tmp_path, monkeypatch, name):
    reader, dataset = {"birds": (readers.birds, birds()), "faces": (readers.faces, faces())}[name]
    monkeypatch.setattr(reader, "PICTURES", 2)
    write_tgz(tmp_path, bird_members())
    write_faces(tmp_path)
    assert [len(block.images) for block in reader.blocks(dataset, tmp_path, "train")] == [2, 1]
