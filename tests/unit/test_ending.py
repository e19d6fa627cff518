"""A job that is asked to end saves its state first, wherever it is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reveil import digest
from reveil.ending import Stopping
from reveil.job import State

SOURCE = str(Path(digest.__file__).parent.parent)
# A loop that would save in an hour; it says so when it has begun, and counts on.
LOOP = """
import itertools, signal, sys, time
import torch
from reveil.job import Job
with Job("loop", "loop.log") as job:
    {before}
    state = job.state("out.txt", {{"recipe": 1}}, interval=3600)
    found = state.load()
    first = 0 if found is None else int(found[0]["step"])
    print("from", first, flush=True)
    for step in itertools.count(first):
        time.sleep(0.01)
        {within}
        if state.due():
            state.save({{"step": torch.tensor(step + 1)}}, {{}})
"""


def start(folder: Path, before: str = "", within: str = "") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", LOOP.format(before=before, within=within)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )


def ended(process: subprocess.Popen, *signals: int) -> tuple[int, str]:
    """Send signals to a loop that has begun; return its status and what it said."""
    try:
        begun = process.stdout.readline()
        for number in signals:
            process.send_signal(number)
        _, said = process.communicate(timeout=60)
        return process.returncode, begun + said
    finally:
        process.kill()


def test_sigterm_ends_a_job_with_its_state_saved_and_the_next_goes_on(tmp_path: Path) -> None:
    status, said = ended(start(tmp_path), signal.SIGTERM)
    assert status == 143
    assert "from 0" in said
    assert "stopped by SIGTERM; started again it resumes from scratch/loop/out" in said
    assert "Traceback" not in said
    assert "failed" not in said
    assert (tmp_path / "scratch/loop/out/state.safetensors").exists()
    status, said = ended(start(tmp_path), signal.SIGTERM)
    assert status == 143
    assert "resuming from scratch/loop/out" in said
    assert "from 0" not in said


def test_a_second_sigterm_ends_a_job_that_does_not_save(tmp_path: Path) -> None:
    process = start(tmp_path, within="time.sleep(60)")
    try:
        assert process.stdout.readline().startswith("from 0")
        process.send_signal(signal.SIGTERM)
        assert "SIGTERM: ending with the next state" in process.stderr.readline()
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == -signal.SIGTERM
    finally:
        process.kill()
        process.communicate()


def test_a_job_without_a_state_ends_at_once(tmp_path: Path) -> None:
    process = start(tmp_path, before="print('begun', flush=True); time.sleep(60)")
    status, _ = ended(process, signal.SIGTERM)
    assert status == -signal.SIGTERM


def test_nothing_is_listened_for_after_the_job() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopping = Stopping()
    stopping.listen()
    stopping.listen()
    assert signal.getsignal(signal.SIGTERM) != before
    stopping.ignore()
    assert signal.getsignal(signal.SIGTERM) == before


def test_who_was_not_asked_goes_on(tmp_path: Path) -> None:
    state = State(tmp_path, {}, interval=3600)
    assert not state.due()
    state.save({}, {})
    state.stopping.asked = True
    assert state.due()
    with pytest.raises(SystemExit) as end:
        state.save({}, {})
    assert end.value.code == 143
