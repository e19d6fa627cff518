"""Hostile archives: every reader refuses them, or passes over what it does not look for."""

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reveil.datasets import CELEBA_ATTRIBUTES, DATASETS, Dataset, load_split
from reveil.errors import ReveilError
from reveil.readers import cifar_members, idx, prepare, tars

SECRET = b"a secret of this machine"
# What an archive may try to write to, or to read, outside the folder it is unpacked in.
OUTSIDE = {
    "parents": "../../escaped",
    "parents further down": "a/b/../../../../escaped",
    "absolute": "/tmp/escaped-reveil",
    "windows": "..\\..\\escaped",
    "drive": "C:/escaped",
    "hidden dots": "./.././../escaped",
}


def jpeg(value: int, size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (value,) * 3).save(stream, "JPEG")
    return stream.getvalue()


def small(name: str, classes: int | None = None, **changes: object) -> Dataset:
    dataset = DATASETS[name]
    return replace(
        dataset,
        counts={"train": 2, "test": 1},
        contents={},
        **changes,
        classes=dataset.classes if classes is None else classes,
    )


# --- good archives of every reader --------------------------------------------------------------


def cifar() -> dict[str, bytes]:
    """The members of CIFAR-100, two images and one."""
    return {
        cifar_members("cifar100", split)[0]: pickle.dumps(
            {"data": np.full((count, 3072), 7, np.uint8), "fine_labels": [1] * count}, protocol=3
        )
        for split, count in (("train", 2), ("test", 1))
    }


def birds() -> dict[str, bytes]:
    names = ["001.A/a.jpg", "002.B/b.jpg", "002.B/c.jpg"]
    return {f"CUB_200_2011/images/{n}": jpeg(9, (20, 20)) for n in names} | {
        "CUB_200_2011/images.txt": "".join(f"{i} {n}\n" for i, n in enumerate(names)).encode(),
        "CUB_200_2011/image_class_labels.txt": b"0 1\n1 2\n2 2\n",
        "CUB_200_2011/train_test_split.txt": b"0 1\n1 1\n2 0\n",
    }


def tiny() -> dict[str, bytes]:
    base = "tiny-imagenet-200"
    return {
        f"{base}/wnids.txt": b"n01\nn02\n",
        f"{base}/train/n01/images/n01_0.JPEG": jpeg(9, (64, 64)),
        f"{base}/train/n02/images/n02_0.JPEG": jpeg(9, (64, 64)),
        f"{base}/val/val_annotations.txt": b"v.JPEG\tn01\n",
        f"{base}/val/images/v.JPEG": jpeg(9, (64, 64)),
    }


FACES = [f"{n:06d}.jpg" for n in (1, 2, 3)]


def faces() -> dict[str, bytes]:
    return {f"img_align_celeba/{name}": jpeg(9, (18, 22)) for name in FACES}


def lists(folder: Path) -> None:
    """Write the lists of CelebA for three faces."""
    _, attributes, people, parts = DATASETS["celeba"].archives
    rows = [f"{name} " + " ".join(["1"] * len(CELEBA_ATTRIBUTES)) for name in FACES]
    (folder / attributes).write_text("\n".join(["3", " ".join(CELEBA_ATTRIBUTES), *rows, ""]))
    (folder / people).write_text("".join(f"{name} 1\n" for name in FACES))
    (folder / parts).write_text("".join(f"{name} {n // 2}\n" for n, name in enumerate(FACES)))


TARS = {
    "cifar": (cifar, small("cifar100"), "cifar-100-python.tar.gz"),
    "birds": (birds, small("cub-200", 2, size=16, crop=16), "CUB_200_2011.tgz"),
}
ZIPS = {
    "tiny": (tiny, small("tiny-imagenet-200", 2), "tiny-imagenet-200.zip"),
    "faces": (faces, small("celeba", size=16), DATASETS["celeba"].archives[0]),
}


def plain(name: str, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def write_tar(path: Path, members: dict[str, bytes], *first: tarfile.TarInfo) -> None:
    """Write members behind some that have a header only."""
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for info in first:
            archive.addfile(info, io.BytesIO(SECRET[: info.size]))
        for name, content in members.items():
            archive.addfile(plain(name, len(content)), io.BytesIO(content))


def write_zip(path: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)


def read(folder: Path, dataset: Dataset) -> None:
    """Prepare the dataset and see that nothing was made but its arrays."""
    before = {p for p in folder.parent.rglob("*")}
    try:
        prepare(dataset, folder, folder.parent / "out")
    finally:
        made = {p for p in folder.parent.rglob("*") if p.is_file()} - before
        assert {p.suffix for p in made} <= {".npy"}, made
        assert all(p.is_relative_to(folder.parent / "out") for p in made)
        assert not Path("/tmp/escaped-reveil").exists()
        assert all(SECRET not in p.read_bytes() for p in made)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for archives, with a secret beside it."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "archives").mkdir()
    lists(tmp_path / "archives")
    return tmp_path / "archives"


def size_of(out: Path) -> int:
    return len(load_split(out / "train/images.npy", out / "train/labels.npy")[0])


# --- tar ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", TARS)
@pytest.mark.parametrize("where", OUTSIDE)
def test_members_outside_of_a_tar_archive_are_passed_over(where, reader, folder: Path) -> None:
    members, dataset, name = TARS[reader]
    write_tar(folder / name, members(), plain(OUTSIDE[where], len(SECRET)))
    read(folder, dataset)
    assert size_of(folder.parent / "out") == 2


LINKS: dict[str, tuple[bytes, str]] = {
    "a symbolic link": (tarfile.SYMTYPE, "../secret.txt"),
    "an absolute symbolic link": (tarfile.SYMTYPE, "/etc/passwd"),
    "a hard link": (tarfile.LNKTYPE, "../secret.txt"),
    "a hard link to a member": (tarfile.LNKTYPE, "{other}"),
    "a character device": (tarfile.CHRTYPE, ""),
    "a block device": (tarfile.BLKTYPE, ""),
    "a pipe": (tarfile.FIFOTYPE, ""),
    "a folder": (tarfile.DIRTYPE, ""),
}


@pytest.mark.parametrize("reader", TARS)
@pytest.mark.parametrize("kind", LINKS)
def test_what_is_no_plain_file_is_refused_where_one_is_wanted(kind, reader, folder: Path) -> None:
    members, dataset, name = TARS[reader]
    whole = members()
    wanted, other = list(whole)[:2]
    link = plain(wanted)
    link.type, link.linkname = LINKS[kind][0], LINKS[kind][1].format(other=other)
    link.devmajor, link.devminor = 1, 5
    del whole[wanted]
    write_tar(folder / name, whole, link)
    with pytest.raises(ReveilError, match=rf"{name}: member {wanted} is no plain file"):
        read(folder, dataset)


@pytest.mark.parametrize("reader", TARS)
@pytest.mark.parametrize("kind", LINKS)
def test_what_is_no_plain_file_is_passed_over_elsewhere(kind, reader, folder: Path) -> None:
    members, dataset, name = TARS[reader]
    link = plain("somewhere")
    link.type, link.linkname = LINKS[kind][0], LINKS[kind][1].format(other=next(iter(members())))
    write_tar(folder / name, members(), link)
    read(folder, dataset)
    assert size_of(folder.parent / "out") == 2


@pytest.mark.parametrize("reader", TARS)
def test_a_member_that_is_there_twice_is_refused(reader: str, folder: Path) -> None:
    """Which of the two is meant is anyone's guess; tools differ."""
    members, dataset, name = TARS[reader]
    with tarfile.open(folder / name, "w:gz") as archive:
        first = [item for item in members().items() if item[0].endswith((".txt", "train"))][0]
        for member, content in (first, *members().items()):
            archive.addfile(plain(member, len(content)), io.BytesIO(content))
    with pytest.raises(ReveilError, match=rf"{name}: member {first[0]} is there twice"):
        read(folder, dataset)


@pytest.mark.parametrize("odd", ["a\nb", "a\0b", "\x1b[2J", "-rf", "$(touch x)"])
@pytest.mark.parametrize("reader", TARS)
def test_odd_names_in_a_tar_archive_harm_nobody(reader: str, odd: str, folder: Path) -> None:
    members, dataset, name = TARS[reader]
    write_tar(folder / name, members(), plain(odd, 3))
    read(folder, dataset)


def grown(path: Path, first: tarfile.TarInfo, zeros: int) -> None:
    """Write a tar archive whose first member has ``zeros`` bytes, which take a thousandth."""
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(first.tobuf(tarfile.GNU_FORMAT))
        for _ in range(zeros >> 20):
            stream.write(bytes(1 << 20))


@pytest.mark.parametrize("reader", TARS)
def test_a_small_archive_that_grows_without_end_is_left(reader, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(tars, "LONGEST_ARCHIVE", 1 << 22)
    _, dataset, name = TARS[reader]
    grown(folder / name, plain("filling", 1 << 24), 1 << 24)
    assert (folder / name).stat().st_size < 1 << 17
    with pytest.raises(ReveilError, match=f"{name}: .*is longer than {1 << 22} bytes once decomp"):
        read(folder, dataset)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_that_claims_gigabytes_is_refused_unread(kind, folder: Path) -> None:
    """Python's own tarfile reads a long name, or the facts of a member, as a whole."""
    _, dataset, name = TARS["cifar"]
    header = plain("././@LongLink", 1 << 33)
    header.type = kind
    grown(folder / name, header, 1 << 20)
    with pytest.raises(ReveilError, match=rf"{name}: .*has a part of \d+ bytes; allowed"):
        read(folder, dataset)


def test_a_wanted_member_longer_than_any_of_ours_is_refused(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("reveil.readers.cifar.LONGEST_READ", 1000)
    monkeypatch.setattr("reveil.readers.birds.LONGEST_MEMBER", 10)
    for members, dataset, name in TARS.values():
        write_tar(folder / name, members())
        with pytest.raises(ReveilError, match=rf"{name}: member .* has \d+ bytes"):
            read(folder, dataset)


# --- zip ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ZIPS)
@pytest.mark.parametrize("where", OUTSIDE)
def test_members_outside_of_a_zip_archive_are_refused(where, reader, folder: Path) -> None:
    members, dataset, name = ZIPS[reader]
    write_zip(folder / name, [*members().items(), (OUTSIDE[where], SECRET)])
    with pytest.raises(ReveilError, match=f"{name}: .*points outside the archive"):
        read(folder, dataset)


@pytest.mark.parametrize("reader", ZIPS)
def test_a_symbolic_link_in_a_zip_archive_is_no_picture(reader: str, folder: Path) -> None:
    members, dataset, name = ZIPS[reader]
    whole = members()
    wanted = next(member for member in whole if member.lower().endswith("g"))
    link = zipfile.ZipInfo(wanted)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    del whole[wanted]
    write_zip(folder / name, [(link, os.fsencode(folder.parent / "secret.txt")), *whole.items()])
    with pytest.raises(ReveilError, match=f"{name}: .*is not a whole JPEG image"):
        read(folder, dataset)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("reader", ZIPS)
def test_a_name_that_is_there_twice_is_refused(reader: str, folder: Path) -> None:
    members, dataset, name = ZIPS[reader]
    first = next(iter(members().items()))
    write_zip(folder / name, [first, *members().items()])
    with pytest.raises(ReveilError, match=f"{name}: member '{first[0]}' is there 2 times"):
        read(folder, dataset)


@pytest.mark.parametrize("odd", ["a\nb", "\x1b[2J", "a\x7f"])
@pytest.mark.parametrize("reader", ZIPS)
def test_names_that_cannot_be_printed_are_refused(reader: str, odd: str, folder: Path) -> None:
    members, dataset, name = ZIPS[reader]
    write_zip(folder / name, [*members().items(), (odd, b"")])
    with pytest.raises(ReveilError, match="has characters that no name of ours has") as caught:
        read(folder, dataset)
    assert odd not in str(caught.value)


def test_a_name_ends_at_its_nul(folder: Path) -> None:
    """So that ``wnids.txt\\0../../escaped`` is one name to all who look at it, and there twice."""
    members, dataset, name = ZIPS["tiny"]
    hidden = "tiny-imagenet-200/wnids.txt#../../escaped"
    write_zip(folder / name, [*members().items(), (hidden, b"n09\n")])
    content = (folder / name).read_bytes().replace(b".txt#..", b".txt\0..")
    (folder / name).write_bytes(content)
    with pytest.raises(ReveilError, match="wnids.txt' is there 2 times"):
        read(folder, dataset)


@pytest.mark.parametrize("reader", ZIPS)
def test_a_member_that_says_it_is_huge_is_not_read(reader: str, folder: Path) -> None:
    members, dataset, name = ZIPS[reader]
    whole = members()
    wanted = next(iter(whole))
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in (whole | {wanted: bytes(1 << 25)}).items():
            archive.writestr(member, content)
    assert (folder / name).stat().st_size < 1 << 16
    with pytest.raises(ReveilError, match=rf"{name}: member {wanted} has {1 << 25} bytes"):
        read(folder, dataset)


@pytest.mark.parametrize("reader", ZIPS)
def test_a_member_that_lies_about_its_size_is_read_to_what_it_said(reader, folder: Path) -> None:
    members, dataset, name = ZIPS[reader]
    whole = members()
    wanted = next(iter(whole))
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in (whole | {wanted: bytes(1 << 25)}).items():
            archive.writestr(member, content)
    content = (folder / name).read_bytes()
    claimed = (1 << 25).to_bytes(4, "little")
    assert content.count(claimed) == 2
    (folder / name).write_bytes(content.replace(claimed, (100).to_bytes(4, "little")))
    with pytest.raises(ReveilError, match=rf"{name}: truncated or damaged"):
        read(folder, dataset)


# --- gzip and pictures --------------------------------------------------------------------------


def test_a_small_gzip_file_that_grows_without_end_is_left(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(idx, "LONGEST", 1 << 20)
    with gzip.open(folder / "train-images-idx3-ubyte.gz", "wb") as stream:
        stream.write(b"\0\0\x08\x03" + bytes(1 << 23))
    with pytest.raises(ReveilError, match=f"is longer than {1 << 20} bytes once decompressed"):
        read(folder, DATASETS["fashion-mnist"])


PICTURES: dict[str, Callable[[], bytes]] = {
    "no picture": lambda: SECRET,
    "PostScript, which Pillow hands to a program": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run\n",
    "a PNG that says it has 60,000 x 60,000 pixels": lambda: _claims(60_000),
}


def _claims(side: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (1, 1)).save(stream, "PNG")
    content = stream.getvalue()
    size = (1).to_bytes(4, "big") * 2
    head = b"IHDR" + content[16:29].replace(size, side.to_bytes(4, "big") * 2)
    import zlib

    crc = zlib.crc32(head).to_bytes(4, "big")
    return content[:12] + head + crc + content[33:]


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_of_ones_own_are_decoded_as_what_they_may_be(case: str, tmp_path: Path) -> None:
    from reveil.datasets import folders

    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(PICTURES[case]())
    settings = {"path": str(tmp_path), "size": 8, "fit": "crop", "test": ["b"]}
    dataset = folders.measure("own", settings, tmp_path)
    with pytest.raises(ReveilError, match=r"a\.png (is not a whole|is \(60000, 60000\) pixels)"):
        prepare(dataset, tmp_path, tmp_path / "out")
