"""The smallest run with a training, an attack and tables, and what a test does to its disks."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from reveil import rows
from tests.workflow import Clone

STUDY = "results/tiny/ats"
PLACE = "fashion-mnist-demo/lenetzhu/none/full/seed0"
MODEL = f"results/tiny/models/{PLACE}"
ATTACK = f"{STUDY}/attacks/fixed/{PLACE}/inversed/none/00000-00003"
POLICY = "results/tiny/policies/fashion-mnist-demo/lenetzhu/none.json"
DATA = "resources/datasets/fashion-mnist-demo"
# Every step is saved, so that a job can be stopped at a point that is known.
CONFIG = {
    "compute": {"state_seconds": 0},
    "recipes": {"full": {"epochs": 3}},
    "attacks": {"inversed": {"iterations": 60}},
    "studies": {
        "ats": {
            "policies": ["none"],
            "items": ["table_policies", "figure_grid"],
            "experiments": {"targets": []},
        }
    },
}
# Tables and their columns that tell the time.
TABLES = {
    f"{STUDY}/tables/images.csv": "wall_seconds",
    f"{STUDY}/tables/models.csv": "train_seconds",
}
TARGETS = list(TABLES)


def table(clone: Clone, target: str) -> pd.DataFrame:
    """Return a table of the run without the column that tells the time."""
    return rows.read(clone.path / target).drop(columns=TABLES[target])


def assert_undisturbed(clone: Clone, small: Clone, *targets: str) -> None:
    """See that tables, or all, are those of the undisturbed run, to the last digit."""
    for target in targets or TARGETS:
        pd.testing.assert_frame_equal(table(clone, target), table(small, target), check_exact=True)


def half_written(folder: Path) -> list[Path]:
    """Return the temporary files of interrupted writes below a folder."""
    return [path for path in folder.rglob(".*") if not path.name.endswith(".sha256")]


def empty(clone: Clone, *folders: str) -> None:
    """Remove folders of the clone."""
    for folder in folders:
        shutil.rmtree(clone.path / folder, ignore_errors=True)


def _mount(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["mount", *words], capture_output=True, text=True)


@contextmanager
def disk(path: Path, size: str) -> Iterator[Path]:
    """Mount a disk of ``size`` bytes (``48k``) at ``path``; where that is forbidden, skip."""
    path.mkdir(parents=True, exist_ok=True)
    done = _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    with unmounting(path):
        yield path


def enlarge(path: Path, size: str) -> None:
    """Give a mounted disk more space."""
    done = _mount("-o", f"remount,size={size}", str(path))
    assert done.returncode == 0, done.stderr


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Let nobody write below ``path``, root included; skip the test where that is forbidden."""
    done = _mount("--bind", str(path), str(path))
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    with unmounting(path):
        done = _mount("-o", "remount,bind,ro", str(path))
        assert done.returncode == 0, done.stderr
        yield


@contextmanager
def unmounting(path: Path) -> Iterator[None]:
    """Take away what is mounted at ``path``, whatever happens."""
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def cut(path: Path, keep: int) -> None:
    """Keep the first ``keep`` bytes of a file; negative: all but the last so many."""
    os.truncate(path, keep if keep >= 0 else path.stat().st_size + keep)
