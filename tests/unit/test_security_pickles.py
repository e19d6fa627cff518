"""Attacks by a pickle where CIFAR's batches are read: none runs anything."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from reveil.datasets import DATASETS
from reveil.errors import ReveilError
from reveil.readers import cifar_members, pickles, prepare
from tests import bombs
from tests.bombs import Registered, short

ARCHIVE = "cifar-100-python.tar.gz"
# What these do is nothing by itself: they are what a longer attack is made of.
HARMLESS = {"getattr on a module", "import by __import__"}


def write(folder: Path, content: bytes) -> None:
    """Write CIFAR-100's archive with this pickle as its training batch."""
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for split in ("train", "test"):
            info = tarfile.TarInfo(cifar_members("cifar100", split)[0])
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("attack", bombs.bombs(Path("canary")))
def test_no_pickle_in_an_archive_runs_anything(attack: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content = bombs.bombs(canary)[attack]
    write(tmp_path, content)
    with pytest.raises(
        ReveilError, match=rf"{ARCHIVE}: .*not a batch of CIFAR images.*not allowed"
    ):
        prepare(DATASETS["cifar100"], tmp_path, tmp_path / "out")
    assert not canary.exists()
    assert not list((tmp_path / "out").rglob("*.npy"))
    if attack not in HARMLESS:
        # The attack is one: loaded carelessly, it does what it says.
        pickle.loads(content)
        assert canary.exists()


def test_a_name_of_the_extension_registry_is_looked_up_like_any_other(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with Registered("posix", "system", 77) as opcode:
        content = b"\x80\x02" + opcode + short(f"touch '{canary}'") + b"\x85R."
        with pytest.raises(pickle.UnpicklingError, match=r"posix\.system is not allowed"):
            pickles.load(io.BytesIO(content))
        assert not canary.exists()
        pickle.loads(content)
    assert canary.exists()


@pytest.mark.parametrize("content", [b"\x80\x04\x8c\x01xQ.", b"Pname\n."], ids=["binary", "text"])
def test_persistent_names_are_refused(content: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match="persistent"):
        pickles.load(io.BytesIO(content))


def array(*, kind: bytes = b"u1", shape: bytes = b"K\x01K\x04\x86", state: bytes = b"") -> bytes:
    """Return a pickled dict of one array, put together by hand as an attacker would."""
    dtype = b"cnumpy\ndtype\n\x8c" + bytes([len(kind)]) + kind + b"K\x00K\x01\x87R" + state
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
    return b"\x80\x04}\x8c\x04data" + made + b"(K\x01" + shape + dtype + b"\x89C\x04abcdtbs."


def test_an_array_of_bytes_is_read() -> None:
    batch = pickles.load(io.BytesIO(array()))
    assert batch["data"].dtype == np.uint8 and batch["data"].tolist() == [[97, 98, 99, 100]]


# Byte order, subarray, names, fields, size, alignment and flags, of which NumPy takes over all.
FLAGS = b"(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"
ABUSES = {
    "objects, whose pointers would be bytes of the file": array(kind=b"O8"),
    "a structure": array(kind=b"u1,u1"),
    "a text of another type": array(kind=b"f4"),
    "no type": array().replace(b"cnumpy\ndtype\n\x8c\x02u1K\x00K\x01\x87R", b"K\x07"),
    "more than there is": array(shape=b"J\x00\x00\x00\x40K\x04\x86"),
    "a negative shape": array(shape=b"J\xfe\xff\xff\xffK\x02\x86"),
    "a shape of no numbers": array(shape=b"NN\x86"),
    "no state": b"\x80\x04}\x8c\x04datacnumpy.core.multiarray\n_reconstruct\n)Rs.",
    "half a state": b"\x80\x04}\x8c\x04datacnumpy.core.multiarray\n_reconstruct\n)RK\x01\x85bs.",
}


@pytest.mark.parametrize("abuse", ABUSES)
def test_an_array_that_is_not_of_bytes_is_refused(abuse: str, tmp_path: Path) -> None:
    write(tmp_path, ABUSES[abuse])
    with pytest.raises(ReveilError, match=rf"{ARCHIVE}: .*not a batch of CIFAR images"):
        prepare(DATASETS["cifar100"], tmp_path, tmp_path / "out")


def test_flags_of_a_type_reach_no_array() -> None:
    """NumPy would take these bytes for pointers to objects and follow them."""
    found = pickles.load(io.BytesIO(array(state=FLAGS)))["data"]
    assert found.dtype == np.uint8 and not found.dtype.hasobject
    assert found.dtype.flags == np.dtype("u1").flags


def test_nothing_of_numpy_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the pickle stand for notes: whatever is given to them, they return one."""
    content = b"\x80\x04}\x8c\x04datacnumpy\nndarray\n(J\x00\x00\x00\x7fJ\x00\x00\x00\x7ftRs."
    with pytest.raises(pickle.UnpicklingError, match="not of bytes"):
        pickles.load(io.BytesIO(content))
