"""The supervisor's faults, each with scripts for Snakemake and SLURM, and what is no fault."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reveil.supervisor import processes
from reveil.supervisor.engine import Engine
from reveil.supervisor.record import RECORD, Record
from tests.supervised import RUN, Stage, failed, finished, job, planned

FOREVER = ["wait", "never"]
DONE = [*planned(2), finished(2, 2), ["exit", 0]]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.clear()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Stage]:
    """The same without SLURM."""
    made = Stage(tmp_path, slurm=False)
    yield made
    made.clear()


def test_a_run_without_faults_is_started_once_and_ends_with_0(stage: Stage) -> None:
    stage.script(DONE)
    status, said = stage.run()
    assert (status, stage.kinds("start", "unlock", "scancel")) == (0, ["start"])
    assert "done: 2 of 2 steps, 0 restarts" in said
    assert stage.events("start")[0].split()[3:] == ["all"]
    record = Record.load(stage.folder)
    assert (record.engine, record.runs) == (None, [])
    assert record.ended.startswith("done")


def gone(process: psutil.Process) -> bool:
    """Return whether a process has ended, whether or not anybody has asked how."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


# --- hangs ----------------------------------------------------------------------------------------


def test_a_snakemake_that_waits_for_jobs_unknown_to_slurm_is_started_again(stage: Stage) -> None:
    stage.script([*planned(2), finished(1, 2), FOREVER], DONE)
    status, said = stage.run()
    assert (status, stage.kinds("start", "interrupted", "end", "unlock")) == (
        0,
        ["start", "interrupted", "end", "start", "end"],
    )
    assert f"SLURM knows no job of run {RUN}" in said
    assert "done: 2 of 2 steps, 1 restart," in said


def test_one_that_does_not_take_the_interrupt_is_killed_and_unlocked(stage: Stage) -> None:
    stage.script([["stubborn", 1], *planned(2), finished(1, 2), FOREVER], DONE)
    status, said = stage.run()
    kinds = stage.kinds("start", "interrupted", "end", "unlock")
    assert (status, kinds) == (0, ["start", "interrupted", "unlock", "start", "end"])
    assert "Snakemake did not leave and was killed" in said


def test_a_stopped_snakemake_takes_the_interrupt_too(stage: Stage) -> None:
    stage.script([*planned(2), finished(1, 2), FOREVER], DONE)
    process = stage.start()
    stage.until("its run ID", lambda: stage.events("squeue"))
    stage.engine().suspend()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert "interrupted" in stage.kinds()


@pytest.mark.parametrize("answers", ["error", "error ok " * 400])
def test_an_error_of_squeue_is_no_empty_queue(stage: Stage, answers: str) -> None:
    stage.script([*planned(2), finished(1, 2), ["wait", "go"], finished(2, 2)])
    stage.write("failing", answers)
    process = stage.start()
    stage.until("squeue", lambda: stage.events("squeue"))
    stage.until_answers(20)
    stage.write("go", "")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert stage.kinds("start", "interrupted") == ["start"]
    assert "squeue: slurm_load_jobs error: Unable to contact slurm controller" in said


def test_an_error_of_squeue_between_two_lines_is_told_once(stage: Stage) -> None:
    stage.script([*planned(2), job(7), finished(1, 2), ["wait", "go"], finished(2, 2)])
    stage.write("failing", "ok error ok")
    process = stage.start(line_seconds=1.0)
    stage.until("two lines after it", lambda: stage.log().count("1 running, 0 waiting") >= 3)
    # One that lasts is told by the lines of that time alone.
    stage.write("failing", "error")
    stage.until("a line with it", lambda: "done (50 %), squeue: slurm_load_jobs" in stage.log())
    answered = stage.log().count("1 running, 0 waiting")
    stage.write("failing", "ok")
    stage.until("lines", lambda: stage.log().count("1 running, 0 waiting") >= answered + 2)
    stage.write("go", "")
    said, _ = process.communicate(timeout=120)
    assert said.count("1 running, 0 waiting, squeue: slurm_load_jobs error") == 1


@pytest.mark.parametrize(
    "work", [["talk", "go"], ["compute", "go"]], ids=["it talks", "it computes"]
)
def test_a_busy_snakemake_does_not_hang(stage: Stage, work: list[str]) -> None:
    stage.script([*planned(2), finished(1, 2), work, finished(2, 2)])
    process = stage.start()
    stage.until("squeue", lambda: stage.events("squeue"))
    stage.until_answers(20)
    stage.write("go", "")
    process.communicate(timeout=120)
    assert (process.returncode, stage.kinds("start", "interrupted")) == (0, ["start"])


def test_a_job_on_this_machine_is_no_hang(stage: Stage) -> None:
    stage.script([*planned(2), finished(1, 2), ["child", 1], ["wait", "go"], finished(2, 2)])
    process = stage.start()
    stage.until("squeue", lambda: stage.events("squeue"))
    stage.until_answers(20)
    stage.write("go", "")
    process.communicate(timeout=120)
    assert (process.returncode, stage.kinds("start", "interrupted")) == (0, ["start"])


def test_a_job_in_the_queue_is_no_hang(stage: Stage) -> None:
    part = [*planned(2), job(7, "PENDING", "Priority"), finished(1, 2), ["wait", "go"]]
    stage.script([*part, finished(2, 2)])
    process = stage.start()
    stage.until("squeue", lambda: stage.events("squeue"))
    stage.until_answers(20)
    stage.write("queue", "")
    stage.write("go", "")
    said, _ = process.communicate(timeout=120)
    assert (process.returncode, stage.kinds("start", "interrupted")) == (0, ["start"])
    assert "1 of 2 steps done (50 %), 0 running, 1 waiting (Priority), 0 failed" in said


def test_planning_is_no_hang(stage: Stage) -> None:
    """Nothing can be in the queue before it has a name."""
    stage.script([["wait", "go"], *DONE])
    process = stage.start()
    stage.until("a line", lambda: stage.log().count("planning") >= 8)
    stage.write("go", "")
    process.communicate(timeout=120)
    assert (process.returncode, stage.kinds("start", "interrupted")) == (0, ["start"])


# --- killed ---------------------------------------------------------------------------------------


def test_jobs_of_a_killed_snakemake_are_gone_before_the_lock_is(stage: Stage) -> None:
    foreign = "7|RUNNING|None|another"
    stage.script(
        [*planned(3), job(1), job(2, "PENDING"), ["submit", foreign], finished(1, 3), ["kill", 9]],
        DONE,
    )
    status, said = stage.run()
    assert status == 0
    assert stage.kinds("start", "unlock", "end") == ["start", "unlock", "start", "end"]
    # What is left then is the job of somebody else.
    assert stage.events("unlock") == ["unlock 1"]
    assert stage.events("start")[1].split()[1] == "1"
    assert all(f"--name={RUN}" in line for line in stage.events("scancel"))
    assert (stage.folder / "queue").read_text() == f"{foreign}\n"
    assert "Snakemake was killed by signal 9" in said
    assert "cancels old jobs and waits until they are gone: 1 running, 1 waiting" in said


def test_nothing_is_unlocked_while_squeue_does_not_answer(stage: Stage) -> None:
    stage.script([*planned(2), job(1), finished(1, 2), ["wait", "die"], ["kill", 9]], DONE)
    process = stage.start()
    stage.until("the queue", lambda: stage.events("squeue"))
    stage.write("failing", "error")
    stage.write("die", "")
    stage.until("the word", lambda: "waits for SLURM" in stage.log())
    stage.until_answers(10)
    assert stage.kinds("start", "unlock", "scancel") == ["start"]
    stage.write("failing", "ok")
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert stage.events("unlock") == ["unlock 0"]
    assert stage.events("start")[1].split()[1] == "0"


def test_a_submission_under_way_when_snakemake_is_killed_is_cancelled(stage: Stage) -> None:
    """The queue is empty at first: the job comes a moment later."""
    stage.script([*planned(2), finished(1, 2), ["kill", 9]], DONE)
    process = stage.start(settle_seconds=5)
    stage.until("a first look", lambda: stage.events("squeue"))
    stage.write("queue", f"5|PENDING|2|{RUN}\n")
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert stage.kinds("scancel")
    assert stage.events("unlock") == ["unlock 0"]


@pytest.mark.parametrize("both", ["stage", "alone"])
def test_local_jobs_of_a_killed_snakemake_end_before_the_next(both: str, request) -> None:
    stage: Stage = request.getfixturevalue(both)
    stage.script([*planned(2), ["child", 1], finished(1, 2), ["wait", "die"], ["kill", 9]], DONE)
    process = stage.start()
    stage.until("the child", lambda: stage.events("start") and stage.engine().children())
    child = stage.engine().children()[0]
    stage.write("die", "")
    said, _ = process.communicate(timeout=120)
    assert (process.returncode, gone(child)) == (0, True)
    assert stage.kinds("start", "unlock", "end") == ["start", "unlock", "start", "end"]
    assert "ends what outlived Snakemake on this machine, processes: 1" in said
    assert ("no squeue on PATH" in said) == (both == "alone")


def kill_both(stage: Stage, *, engine: bool) -> None:
    """SIGKILL the supervisor, and Snakemake too, when jobs are in the queue."""
    process = stage.start()
    stage.until("the queue", lambda: stage.events("squeue"))
    stage.until("the record", lambda: Record.load(stage.folder).runs)
    process.kill()
    process.wait()
    if engine:
        stage.engine().kill()


def test_what_a_killed_supervisor_and_its_snakemake_left_is_cleaned_first(stage: Stage) -> None:
    stage.script([*planned(2), job(1), finished(1, 2), FOREVER], DONE)
    kill_both(stage, engine=True)
    status, _ = stage.run()
    assert status == 0
    assert stage.kinds("start", "unlock", "end") == ["start", "unlock", "start", "end"]
    assert stage.events("unlock") == ["unlock 0"]
    assert stage.kinds("scancel")


def test_a_snakemake_whose_supervisor_was_killed_is_watched_on(stage: Stage) -> None:
    stage.script([*planned(2), job(1), finished(1, 2), ["wait", "go"], finished(2, 2)], DONE)
    kill_both(stage, engine=False)
    process = stage.start()
    stage.until("the word", lambda: "Snakemake still runs" in stage.log())
    stage.until_answers(10)
    assert stage.kinds("start", "scancel", "unlock", "interrupted") == ["start"]
    stage.write("queue", "")
    stage.write("go", "")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    # Its status is unknown, so the next one says that nothing is left.
    assert stage.kinds("start", "end", "unlock") == ["start", "end", "start", "end"]
    assert "starts it again to see what is left" in said


def test_a_number_used_again_is_not_taken_for_ours(stage: Stage) -> None:
    """A session whose leader has the recorded number, and is another process."""
    code = "import subprocess, sys, time; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    words = [sys.executable, "-c", code, "import time; time.sleep(600)"]
    other = subprocess.Popen(words, start_new_session=True)
    try:
        stage.until("its child", lambda: psutil.Process(other.pid).children())
        now = processes.identify(other.pid)
        stage.script(DONE)
        record = Record(stage.folder, arguments=["all"], token="ours", runs=[RUN])
        record.supervisor = processes.Identity(other.pid, now.started - 1, now.host, now.boot)
        record.engine = record.supervisor
        record.save()
        status, said = stage.run()
        assert (status, other.poll()) == (0, None)
        assert len(psutil.Process(other.pid).children()) == 1
        assert "still runs" not in said
        assert stage.kinds("start") == ["start"]
    finally:
        for process in psutil.Process(other.pid).children():
            process.kill()
        other.kill()
        other.wait()


def test_snakemake_does_not_begin_before_it_is_recorded(stage: Stage, monkeypatch) -> None:
    """No supervisor could find it again."""
    stage.script(DONE)

    def full(record: Record) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Record, "save", full)
    record = Record(stage.folder)
    with pytest.raises(OSError, match="no space left"):
        Engine.start([str(stage.folder / "bin" / "snakemake")], record)
    assert (record.engine, stage.processes(), stage.events()) == (None, [], [])


# --- errors and restarts --------------------------------------------------------------------------


def test_errors_with_progress_start_it_again(stage: Stage) -> None:
    parts = [
        [*planned(n), finished(1, n), *[failed("train_model", 7)], ["exit", 1]]
        for n in range(7, 1, -1)
    ]
    stage.script(*parts, DONE)
    status, said = stage.run(futile_restarts=1)
    assert (status, len(stage.events("start"))) == (0, 7)
    assert "restart 6, 0 in a row without progress" in said
    assert stage.kinds("unlock", "interrupted") == []


@pytest.mark.parametrize(
    "step", [[], [finished(1, 3)]], ids=["nothing finishes", "a target without files does"]
)
def test_restarts_without_progress_end(stage: Stage, step: list[list[str]]) -> None:
    stage.script([*planned(3), *step, failed("train_model"), ["say", "last line"], ["exit", 1]])
    status, said = stage.run(futile_restarts=2)
    assert (status, len(stage.events("start"))) == (1, 3)
    assert "gave up: 2 restarts in a row brought no progress" in said
    assert "failed rules: train_model" in said
    assert "last line" in said
    assert Record.load(stage.folder).ended.startswith("gave up")


def test_restarts_end_at_their_limit_whatever_the_progress(stage: Stage) -> None:
    stage.script(*[[*planned(9 - n), finished(1, 9 - n), ["exit", 1]] for n in range(8)])
    status, said = stage.run(restarts=2)
    assert (status, len(stage.events("start"))) == (1, 3)
    assert "gave up: 2 restarts are the limit" in said


def test_a_snakemake_that_cannot_begin_is_not_started_again(stage: Stage) -> None:
    stage.script([["say", "MissingRuleException: nosuch"], ["exit", 1]])
    status, said = stage.run()
    assert (status, len(stage.events("start"))) == (1, 1)
    assert "errors before it had begun" in said
    assert "MissingRuleException: nosuch" in said


@pytest.mark.parametrize(("end", "starts"), [(["kill", 9], 6), (["exit", 1], 2)])
def test_saved_state_is_progress_of_a_killed_snakemake_not_of_failing_jobs(
    stage: Stage, end: list[object], starts: int
) -> None:
    stage.script([*planned(3), ["save", 1], end])
    status, _ = stage.run(futile_restarts=1, restarts=5)
    assert (status, len(stage.events("start"))) == (1, starts)


# --- told to end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_leaves_nothing(stage: Stage, number: int) -> None:
    """Neither a job that Snakemake forgot to cancel, nor one here that ignores the interrupt."""
    stage.script([*planned(2), job(1), ["child", 1], FOREVER])
    process = stage.start()
    stage.until("the queue", lambda: stage.events("squeue"))
    child = stage.engine().children()[0]
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert (stage.folder / "queue").read_text() == ""
    assert (gone(child), stage.processes()) == (True, [])
    assert stage.kinds("start", "interrupted", "end") == ["start", "interrupted", "end"]
    assert "nothing is left behind" in said


def test_told_twice_it_does_not_wait_and_the_next_one_cleans(stage: Stage) -> None:
    stage.script([*planned(2), job(1), FOREVER], DONE)
    process = stage.start()
    stage.until("the queue", lambda: stage.events("squeue"))
    stage.write("failing", "error")
    process.terminate()
    stage.until("the word", lambda: "waits for SLURM" in stage.log())
    process.terminate()
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert "something is left" in said
    stage.write("failing", "ok")
    status, _ = stage.run()
    assert status == 0
    assert [line.split()[1] for line in stage.events("start")] == ["0", "0"]


def test_the_record_of_a_run_says_where_it_is(stage: Stage) -> None:
    stage.script([*planned(2), job(1), FOREVER])
    stage.start()
    stage.until("the queue", lambda: stage.events("squeue"))
    values = json.loads((stage.folder / RECORD).read_text())
    assert values["engine"]["pid"] == stage.engine().pid
    assert values["runs"] == [RUN]
    assert (stage.folder / values["log"]).read_text().startswith(f"SLURM run ID: {RUN}")
