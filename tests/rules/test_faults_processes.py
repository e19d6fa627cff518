"""Jobs that are killed under a living Snakemake, a second Snakemake, and a damaged checkpoint."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.small import ATTACK, MODEL, TARGETS, assert_undisturbed, empty
from tests.workflow import Clone, environment, kill_tree

STATES = {
    "train_model": f"scratch/train_model/{MODEL}/weights/state.safetensors",
    "attack_images": f"scratch/attack_images/{ATTACK}/state.safetensors",
}


@contextmanager
def running(clone: Clone, *words: str) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Yield a Snakemake at work and the file of what it says; nothing of it outlives the block."""
    log = clone.path / "running.log"
    with log.open("w") as said:
        engine = subprocess.Popen(
            clone.command(*words), cwd=clone.path, stdout=said, stderr=said, env=environment()
        )
        try:
            yield engine, log
        finally:
            kill_tree(engine)


def wait_until(condition: Callable[[], bool], engine: subprocess.Popen, log: Path) -> None:
    """Wait for a condition while the engine lives."""
    while not condition():
        assert engine.poll() is None, f"it ended before:\n{log.read_text()}"
        time.sleep(0.005)


def job_of(engine: subprocess.Popen, rule: str) -> list[psutil.Process]:
    """Return the Python process of a rule's script, which is all that is to be killed."""
    found = []
    for process in psutil.Process(engine.pid).children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words and words[-1].endswith(f".{rule}.py") and "python" in Path(words[0]).name:
            found.append(process)
    return found


def fresh(clone: Clone) -> None:
    """Leave the data and nothing that was computed with it."""
    empty(clone, "results/tiny", "scratch")


def test_a_killed_job_is_resumed_by_the_same_snakemake(small: Clone, disturbed: Clone) -> None:
    fresh(disturbed)
    with running(disturbed, *TARGETS, "--retries", "1") as (engine, log):
        for rule, state in STATES.items():
            wait_until((disturbed.path / state).exists, engine, log)
            (job,) = job_of(engine, rule)
            job.kill()
        assert engine.wait() == 0, log.read_text()
        said = log.read_text()
    for rule in STATES:
        assert f"resuming from {STATES[rule]}" in said
    assert said.count("Trying to restart job") == 2
    assert_undisturbed(disturbed, small)


def test_a_second_snakemake_in_the_same_folder_is_locked_out(
    small: Clone, disturbed: Clone
) -> None:
    fresh(disturbed)
    with running(disturbed, *TARGETS) as (engine, log):
        wait_until((disturbed.path / STATES["train_model"]).exists, engine, log)
        # Or it might be done before the second one looks.
        first = psutil.Process(engine.pid)
        first.suspend()
        second = disturbed.run(*TARGETS, check=False)
        first.resume()
        assert second.returncode != 0
        assert "LockException" in second.stderr
        assert engine.wait() == 0, log.read_text()
    assert_undisturbed(disturbed, small)


def test_a_checkpoint_with_a_flipped_bit_is_refused_with_a_word(
    small: Clone, disturbed: Clone
) -> None:
    fresh(disturbed)
    state = disturbed.path / STATES["train_model"]
    disturbed.killed_when(lambda _: state.exists(), *TARGETS)
    disturbed.run("--unlock")
    content = bytearray(state.read_bytes())
    content[-5] ^= 1
    state.write_bytes(content)
    said = disturbed.run(*TARGETS).stderr
    assert f"resume state {STATES['train_model']} refused: it is damaged" in said
    assert "resuming from scratch/train_model" not in said
    assert_undisturbed(disturbed, small)


@pytest.mark.parametrize("rule", STATES)
def test_the_states_are_where_the_tests_look(rule: str, small: Clone) -> None:
    """A finished job leaves none, so that a folder elsewhere would make the tests wait."""
    assert not (small.path / STATES[rule]).exists()
