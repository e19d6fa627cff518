"""Disks that are full or may not be written: one clear error, and all goes on afterwards."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from reveil import files
from reveil.cvnn.attackers import kept
from reveil.errors import ReveilError
from reveil.figures import style
from tests.small import (
    ATTACK,
    DATA,
    MODEL,
    POLICY,
    TARGETS,
    assert_undisturbed,
    disk,
    empty,
    enlarge,
    half_written,
    read_only,
)
from tests.workflow import Clone

FULL = r"error: {file}: cannot be written: the disk of \S+ is full, \d+ bytes are free there"


def refused(clone: Clone, *targets: str) -> str:
    """Run what cannot end well; return what was said."""
    done = clone.run(*targets, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("folder", "size", "file", "targets"),
    [
        ("results/tiny", "48k", f"{MODEL}/weights.safetensors", TARGETS),
        ("scratch", "100k", r"scratch/train_model/\S+/state.safetensors", TARGETS[1:]),
    ],
    ids=["results", "scratch"],
)
def test_a_full_disk_is_one_error_and_the_run_goes_on_when_there_is_space(
    small: Clone, disturbed: Clone, folder: str, size: str, file: str, targets: list[str]
) -> None:
    empty(disturbed, "results/tiny", "scratch")
    with disk(disturbed.path / folder, size) as place:
        said = refused(disturbed, *targets)
        assert re.search(FULL.format(file=file), said)
        assert not (disturbed.path / MODEL / "weights.safetensors").exists()
        assert half_written(place) == []
        # What was finished is there, and stays as it is.
        before = (disturbed.path / POLICY).stat().st_mtime_ns
        enlarge(place, "50m")
        disturbed.run(*targets)
        assert (disturbed.path / POLICY).stat().st_mtime_ns == before
        assert_undisturbed(disturbed, small, *targets)


def test_arrays_of_a_dataset_on_a_full_disk(small: Clone, disturbed: Clone) -> None:
    """They are written as memory: without space the system would end the job without a word."""
    images = f"{DATA}/train/images.npy"
    empty(disturbed, "resources/datasets")
    with disk(disturbed.path / "resources/datasets", "1m") as place:
        assert re.search(FULL.format(file=images), refused(disturbed, images))
        assert not list(place.rglob("*.npy"))
        assert half_written(place) == []
        enlarge(place, "50m")
        disturbed.run(images)
        assert (disturbed.path / images).read_bytes() == (small.path / images).read_bytes()


def test_results_that_may_not_be_written(small: Clone, disturbed: Clone) -> None:
    """Even by root, to whom a folder's mode says nothing."""
    for file in (f"{ATTACK}.csv", TARGETS[0]):
        (disturbed.path / file).unlink()
    with read_only(disturbed.path / "results"):
        said = refused(disturbed, *TARGETS)
        # Snakemake looks at the outputs that are there; where none is, the job says it.
        assert re.search(r"Write-protected output|is read-only for this user", said)
        assert f"{ATTACK}.npz" in said
        assert (disturbed.path / MODEL / "weights.safetensors").exists()
    disturbed.run(*TARGETS)
    assert_undisturbed(disturbed, small)


# --- what writes files, one by one ------------------------------------------------------------


def _figure(path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_axes((0, 0, 1, 1)).plot(np.random.default_rng(0).random(5000))
    style.save(figure, path.with_suffix(".svg"), path)


NOISE = np.random.default_rng(0).integers(0, 256, 1 << 20, dtype=np.uint8)
WRITERS = {
    "text": lambda path: files.write_text(path, "x" * (1 << 20)),
    "json": lambda path: files.write_json(path, NOISE.tolist()),
    "npy": lambda path: files.write_npy(path, NOISE),
    "npz": lambda path: files.write_npz(path, {"a": NOISE}),
    "png": _figure,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_kind_of_file_is_whole_or_not_there(writer: str, tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "64k") as place:
        (place / f"old.{writer}").write_text("the old one")
        with pytest.raises(ReveilError, match=r"old\.\w+: cannot be written: the disk of .* full"):
            WRITERS[writer](place / f"old.{writer}")
        assert [path.name for path in place.iterdir()] == [f"old.{writer}"]
        assert (place / f"old.{writer}").read_text() == "the old one"


def test_features_that_lie_in_a_file_need_room_for_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("reveil.cvnn.keeping.KEPT_BYTES", 0)
    with disk(tmp_path / "disk", "64k") as place:
        with pytest.raises(
            ReveilError, match=r"features of 1048576 bytes: cannot be written: .*full"
        ):
            kept.hold((1 << 18,), torch.float32, place)
        assert list(place.iterdir()) == []
        assert len(kept.hold((1 << 10,), torch.float32, place).fill_(1)) == 1 << 10


def test_a_folder_of_another_user(tmp_path: Path) -> None:
    """By a process that gave up being root; who is not root starts as such a one."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    folder.chmod(0o555)
    child = os.fork()
    if not child:
        status = 1
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            files.write_text(folder / "a.txt", "x")
        except ReveilError as error:
            status = 0 if "a.txt: cannot be written" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(folder.iterdir()) == []


def test_nothing_stays_mounted(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "64k") as place:
        assert str(place) in subprocess.run(["mount"], capture_output=True, text=True).stdout
    assert str(place) not in subprocess.run(["mount"], capture_output=True, text=True).stdout
