"""Starting, refusing, asking and ending a supervisor, with scripts for Snakemake and SLURM."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reveil.errors import ReveilError
from reveil.supervisor.processes import Identity, identify
from reveil.supervisor.record import RECORD, FolderLock, Record, take_folder
from tests.supervised import RUN, Stage, finished, job, planned
from tests.workflow import ROOT

WAITING = [*planned(2), job(1), finished(1, 2), ["wait", "go"], finished(2, 2)]
DONE = [*planned(2), finished(2, 2), ["exit", 0]]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.clear()


def running(stage: Stage, *words: str) -> psutil.Process:
    """Start a supervisor, wait until its Snakemake is in the queue, and return it."""
    stage.start(*words)
    stage.until("the queue", lambda: stage.events("squeue"))
    return psutil.Process(Record.load(stage.folder).supervisor.pid)


def free(stage: Stage) -> None:
    """Let the waiting Snakemake finish."""
    stage.write("queue", "")
    stage.write("go", "")


def test_it_leaves_the_terminal_and_outlives_it(stage: Stage) -> None:
    stage.script(WAITING)
    begun = stage.start("--check-seconds=0.1")
    said, _ = begun.communicate(timeout=120)
    assert begun.returncode == 0
    assert f"Snakemake has planned 2 steps, SLURM run ID {RUN}" in said
    assert said.endswith("you may log out\n")
    stage.until("the queue", lambda: stage.events("squeue"))
    supervisor = psutil.Process(Record.load(stage.folder).supervisor.pid)
    assert f"process {supervisor.pid}" in said
    sessions = {os.getsid(p) for p in (supervisor.pid, stage.engine().pid, os.getpid())}
    assert len(sessions) == 3
    assert supervisor.terminal() is None
    for process in (supervisor, stage.engine()):
        process.send_signal(signal.SIGHUP)
    stage.until_answers(5)
    free(stage)
    stage.until("its end", lambda: "done: 2 of 2 steps, 0 restarts" in stage.log())
    assert stage.kinds("start", "interrupted") == ["start"]


def test_what_snakemake_cannot_plan_is_said_at_the_prompt(stage: Stage) -> None:
    stage.script([["say", "MissingRuleException: nosuch"], ["exit", 1]])
    status, said = stage.run("--check-seconds=0.1")
    assert (status, "MissingRuleException: nosuch" in said) == (1, True)
    assert "log out" not in said


def test_followed_it_prints_its_log_and_ends_with_its_status(stage: Stage) -> None:
    stage.script([["say", "no such rule"], ["exit", 1]])
    assert stage.run("--follow")[0] == 1
    stage.script(DONE)
    status, said = stage.run("--follow")
    assert status == 0
    assert "done: 2 of 2 steps" in said
    assert "gave up" not in said


def test_a_second_one_is_refused_and_told_which_the_first_is(stage: Stage) -> None:
    stage.script(WAITING)
    first = running(stage, "--foreground")
    status, said = stage.run()
    assert status == 1
    assert f"process {first.pid} on" in said
    assert "snakemake all" in said
    assert "make cluster-stop" in said
    assert stage.kinds("start", "interrupted", "unlock", "scancel") == ["start"]
    assert first.is_running()


def test_its_lock_is_not_held_by_what_it_starts(stage: Stage) -> None:
    stage.script(WAITING)
    running(stage, "--foreground").kill()
    status, said = stage.run("--status")
    assert (status, "did not end in order" in said) == (1, True)


def test_where_files_cannot_be_locked_the_record_says_who_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*arguments: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert FolderLock(stage.folder).take()
    record = Record(stage.folder)
    record.begin(["all"])
    with pytest.raises(ReveilError, match=f"process {os.getpid()} on .* is at work"):
        take_folder(stage.folder)
    record.ended = "done"
    record.save()
    assert FolderLock(stage.folder).take()
    record.ended, record.supervisor = None, Identity(os.getpid(), 0, "elsewhere", "")
    record.save()
    assert FolderLock(stage.folder).take()


def test_the_status_says_how_far_it_is(stage: Stage) -> None:
    stage.script(WAITING)
    supervisor = running(stage, "--foreground")
    stage.until("a line", lambda: "1 of 2 steps done (50 %)" in stage.log())
    status, said = stage.run("--status")
    assert status == 0
    assert f"process {supervisor.pid} on" in said
    assert "1 of 2 steps done (50 %), 1 running, 0 waiting, 0 failed" in said
    free(stage)
    stage.until("its end", lambda: Record.load(stage.folder).ended)
    status, said = stage.run("--status")
    assert status == 1
    assert "ended: done: 2 of 2 steps" in said


def test_the_status_of_a_folder_without_one(stage: Stage) -> None:
    status, said = stage.run("--status")
    assert (status, "no supervisor has worked in" in said) == (1, True)


def test_stop_waits_until_all_is_gone(stage: Stage) -> None:
    stage.script(WAITING)
    running(stage, "--line-seconds=0.2")
    status, said = stage.run("--stop")
    assert (status, stage.processes()) == (0, [])
    assert (stage.folder / "queue").read_text() == ""
    assert "nothing is left behind" in said
    assert stage.run("--stop") == (0, "nothing runs here\n")


@pytest.mark.parametrize("engine", [True, False])
def test_stop_ends_what_a_killed_supervisor_left(stage: Stage, engine: bool) -> None:
    stage.script(WAITING)
    running(stage, "--foreground").kill()
    if engine:
        stage.engine().kill()
    status, _ = stage.run("--stop")
    assert (status, stage.processes()) == (0, [])
    assert (stage.folder / "queue").read_text() == ""
    assert stage.kinds("interrupted") == ([] if engine else ["interrupted"])
    assert "nothing is left" in Record.load(stage.folder).ended


def test_a_snakemake_started_by_hand_is_not_disturbed(stage: Stage) -> None:
    stage.script(WAITING)
    tool = str(stage.folder / "bin" / "snakemake")
    with subprocess.Popen([tool, "all"], cwd=stage.folder, env=stage.environment()) as by_hand:
        stage.until("its start", lambda: (stage.folder / "queue").read_text())
        status, said = stage.run("--foreground", "--take-over")
        assert (status, by_hand.poll()) == (1, None)
        assert f"runs in {stage.folder} (process {by_hand.pid})" in said
        free(stage)
        assert by_hand.wait() == 0
    assert stage.kinds("start", "scancel", "unlock") == ["start"]


def test_a_lock_of_somebody_else_is_left_unless_taken_over(stage: Stage) -> None:
    """Who holds it may run on another machine; its jobs are known by the name in its log."""
    stage.script(DONE)
    for name, text in {
        "locks/0.input.lock": "out",
        "log/a.snakemake.log": f"SLURM run ID: {RUN}",
    }.items():
        path = stage.folder / ".snakemake" / name
        path.parent.mkdir(parents=True)
        path.write_text(f"{text}\n")
    stage.write("queue", f"4|RUNNING|1|{RUN}\n")
    status, said = stage.run()
    assert (status, stage.events()) == (1, [])
    assert "--take-over" in said
    status, _ = stage.run("--foreground", "--take-over")
    assert (status, stage.events("unlock")) == (0, ["unlock 0"])


def test_orphans_without_a_lock_are_cancelled_before_the_start(stage: Stage) -> None:
    """As after a Snakemake that was killed and unlocked by hand."""
    stage.script(DONE)
    (stage.folder / ".snakemake" / "log").mkdir(parents=True)
    (stage.folder / ".snakemake" / "log" / "a.log").write_text(f"SLURM run ID: {RUN}\n")
    stage.write("queue", f"4|RUNNING|1|{RUN}\n")
    assert stage.run()[0] == 0
    assert [line.split()[1] for line in stage.events("start")] == ["0"]


def test_a_run_of_another_machine_is_left_unless_taken_over(stage: Stage) -> None:
    stage.script(DONE)
    there = Identity(os.getpid(), identify(os.getpid()).started, "login2", "x")
    Record(stage.folder, there, "2026-01-01 00:00:00", ["ats"], there, "x", runs=[RUN]).save()
    stage.write("queue", f"4|RUNNING|1|{RUN}\n")
    status, said = stage.run()
    assert (status, stage.events()) == (1, [])
    assert "on login2, since 2026-01-01 00:00:00, snakemake ats" in said
    status, said = stage.run("--stop")
    assert (status, stage.events()) == (1, [])
    status, _ = stage.run("--foreground", "--take-over")
    assert (status, (stage.folder / "queue").read_text()) == (0, "")


def test_jobs_that_cannot_be_looked_for_are_not_forgotten(tmp_path: Path) -> None:
    stage = Stage(tmp_path, slurm=False)
    stage.script(DONE)
    Record(stage.folder, runs=[RUN]).save()
    for words in ("--foreground", "--stop"):
        status, said = stage.run(words)
        assert (status, stage.events()) == (1, [])
        assert "squeue and scancel" in said


@pytest.mark.parametrize(
    "word", ["-n", "--dry-run", "--nolock", "--unlock", "-d", "--directory=elsewhere", "--quiet"]
)
def test_arguments_under_which_it_cannot_work_are_refused(stage: Stage, word: str) -> None:
    stage.script(DONE)
    process = stage.start(arguments=("all", word))
    said, _ = process.communicate(timeout=120)
    assert (process.returncode, stage.events()) == (1, [])
    assert said.startswith(f"error: {word.split('=')[0]}: not allowed with a supervisor")


def test_a_setting_out_of_range_is_named(stage: Stage) -> None:
    status, said = stage.run("--foreground", "--hang-checks=0", hang_checks=0)
    assert status == 1
    assert said == "error: --hang-checks: 0 is not allowed; allowed: 1 or more\n"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"engine": {"pid": 1}}', '{"nosuch": 1}'])
def test_a_damaged_record_is_named_and_not_guessed_at(stage: Stage, text: str) -> None:
    stage.script(DONE)
    (stage.folder / RECORD).parent.mkdir()
    (stage.folder / RECORD).write_text(text)
    status, said = stage.run()
    assert (status, stage.events()) == (1, [])
    assert str(RECORD) in said
    assert "Traceback" not in said


def test_make_cluster_hands_its_variables_on() -> None:
    words = ["make", "-n", "-o", "setup", "cluster", "TARGET=ats cvnn", "CONFIG=a.yaml b.yaml"]
    # Below `make test` it would say which folder it enters.
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, env=outside)
    line = " ".join(done.stdout.split())
    assert line.endswith(
        "-m reveil.supervisor -- ats cvnn --configfile a.yaml b.yaml "
        "--workflow-profile profiles/slurm"
    )


def test_it_imports_no_snakemake() -> None:
    code = "import sys; import reveil.supervisor.__main__; print('snakemake' in sys.modules)"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
