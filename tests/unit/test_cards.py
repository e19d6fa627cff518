"""GPUs of one machine: which there are, and that two jobs never hold the same."""

import fcntl
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reveil import cards, digest
from reveil.errors import ReveilError
from reveil.job import Job, choose_device

SOURCE = str(Path(digest.__file__).parent.parent)
HOLD = """
import sys, time
from reveil import cards
held = cards.take(sys.argv[2:], sys.argv[1], every=0.02)
print(held.name, flush=True)
time.sleep(60)
"""


def holder(folder: Path, *names: str) -> subprocess.Popen:
    """Start a process that takes one of some cards, says which, and keeps it."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *names],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("0", ["0"]),
        ("2,0", ["2", "0"]),
        (" 1 , 3 ", ["1", "3"]),
        ("", []),
        ("-1", []),
        # What stands after an invalid entry does not count, as with CUDA.
        ("1,-1,2", ["1"]),
        ("GPU-8a1f,MIG-77/1/0", ["GPU-8a1f", "MIG-77/1/0"]),
    ],
)
def test_the_variable_of_cuda_is_honoured(named: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "nvidia7").touch()
    assert cards.visible({"CUDA_VISIBLE_DEVICES": named}, tmp_path) == expected


def test_without_the_variable_devices_are_counted(tmp_path: Path) -> None:
    assert cards.visible({}, tmp_path) == []
    for name in ("nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "nvidia0"):
        (tmp_path / name).touch()
    assert cards.visible({}, tmp_path) == ["0", "2", "10"]


def test_a_card_is_held_by_one_process_and_free_when_it_is_killed(tmp_path: Path) -> None:
    running: list[subprocess.Popen] = []
    try:
        for _ in range(2):
            running.append(holder(tmp_path, "0", "1"))
        names = [process.stdout.readline().strip() for process in running]
        assert sorted(names) == ["0", "1"]
        third = holder(tmp_path, "0", "1")
        running.append(third)
        assert select.select([third.stdout], [], [], 3)[0] == []
        running[1].send_signal(signal.SIGKILL)
        assert third.stdout.readline().strip() == names[1]
    finally:
        for process in running:
            process.kill()
            process.wait()
            process.stdout.close()


def test_a_card_that_is_released_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        card = cards.take(["MIG-77/1/0"], tmp_path)
        assert card.name == "MIG-77/1/0"
        card.release()


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    """Somebody else may have put it there, to a file of ours."""
    ours = tmp_path / "ours.txt"
    ours.write_text("x")
    (tmp_path / "0.lock").symlink_to(ours)
    with pytest.raises(OSError, match="symbolic"):
        cards.take(["0"], tmp_path)


def test_locks_lie_in_a_folder_of_the_users_own(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = cards.lock_folder()
    assert cards.lock_folder() == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(ReveilError, match="is not a folder of user"):
        cards.lock_folder()


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch) -> Path:
    """A machine with two GPUs, as far as a job looks before it computes."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return cards.lock_folder()


def test_jobs_see_the_card_that_is_free_and_no_other(two_cards: Path, tmp_path: Path) -> None:
    other = cards.take(["4"], two_cards)
    with Job("a", str(tmp_path / "a.log"), device="auto") as job:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "5"
        assert job.device == torch.device("cuda")
        with pytest.raises(BlockingIOError):
            _lock_now(two_cards / "5.lock")
    _lock_now(two_cards / "5.lock")
    other.release()


@pytest.mark.parametrize("device", ["cpu", "cuda:1", None])
def test_other_jobs_take_no_card(two_cards: Path, tmp_path: Path, monkeypatch, device) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with Job("a", str(tmp_path / "a.log"), device=device):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,5"
    assert list(two_cards.iterdir()) == []


def test_in_a_job_of_slurm_it_is_slurm_who_hands_them_out(
    two_cards: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    with Job("a", str(tmp_path / "a.log"), device="auto"):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "4,5"
    assert list(two_cards.iterdir()) == []


def test_a_job_of_slurm_without_a_gpu_ends_at_once(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    with pytest.raises(ReveilError, match=r"device: 'auto': .* sees no GPU in Slurm's job 17"):
        choose_device("auto")
    assert choose_device("cpu") == torch.device("cpu")


def _lock_now(path: Path) -> None:
    with path.open("r+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
