"""A run in calls of some minutes: each goes on from the last, to the tables of one call."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.small import TARGETS, assert_undisturbed, empty
from tests.workflow import Clone, environment

BIN = Path(sys.executable).parent


def part(clone: Clone) -> subprocess.Popen:
    """Start a call that has more time than the run takes."""
    words = {
        "BIN": BIN,
        "CONFIG": " ".join(clone.config),
        "TARGET": " ".join(TARGETS),
        "CORES": 2,
        "MINUTES": 60,
    }
    line = ["make", "-o", "setup", "part", *(f"{key}={value}" for key, value in words.items())]
    return subprocess.Popen(
        line,
        cwd=clone.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )


def time_is_up(call: subprocess.Popen) -> None:
    """Give `timeout` the alarm that it waits for: it signals Snakemake and its jobs."""
    import psutil

    (clock,) = (
        process
        for process in psutil.Process(call.pid).children(recursive=True)
        if process.name() == "timeout"
    )
    clock.send_signal(signal.SIGALRM)


@pytest.fixture
def begun(disturbed: Clone) -> Clone:
    """A copy of the run without its results."""
    empty(disturbed, "results", "scratch")
    return disturbed


def test_calls_that_are_stopped_give_the_tables_of_one(begun: Clone, small: Clone) -> None:
    """The first while it trains, the second while it attacks."""
    for job in ("train_model", "attack_images"):
        call = part(begun)
        while not list((begun.path / "scratch" / job).rglob("state.safetensors")):
            assert call.poll() is None, call.stdout.read()
            time.sleep(0.005)
        time_is_up(call)
        said = call.communicate()[0]
        assert call.returncode == 2, said  # what make says of any status
        assert "stopped; the same command goes on from here" in said
        assert f"stopped by SIGTERM; started again it resumes from scratch/{job}/" in said
        assert not list((begun.path / ".snakemake").glob("locks/*"))
    call = part(begun)
    said = call.communicate()[0]
    assert call.returncode == 0 and "all is made" in said, said
    assert "resuming from scratch/attack_images/" in said
    assert "resuming from scratch/train_model/" not in said
    assert_undisturbed(begun, small)
