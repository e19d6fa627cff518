"""The supervisor's rules by themselves: its reading of logs, queues, hangs, progress, processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from reveil.errors import ReveilError
from reveil.supervisor import processes
from reveil.supervisor.commands import check_arguments
from reveil.supervisor.engine import LAUNCHER
from reveil.supervisor.hang import HangRule
from reveil.supervisor.journal import Journal
from reveil.supervisor.queue import NoAnswerError, Queue, QueuedJob, described
from reveil.supervisor.restarts import Restarts, state_saved_since
from reveil.supervisor.said import Said, runs_named_in

LOG = """\
SLURM run ID: lab_1234-5678
Job stats:
job      count
-----  -------
work         4
total        6

[Sun Nov 22 06:13:46 2026]
rule work:
    jobid: 1
Job 1 has been submitted with SLURM jobid 17 (log: x).
[Sun Nov 22 06:13:50 2026]
Error in rule work:
    message: For further error details see the log.
    jobid: 1
    output: out/0.txt
Logfile logs/a.log:
total 9
1 of 1 steps (100%) done
Trying to restart job 1.
[Sun Nov 22 06:13:51 2026]
Error in rule draw:
    jobid: 3
[Sun Nov 22 06:13:52 2026]
Finished jobid: 1 (Rule: work)
2 of 6 steps (33%) done
"""


def test_what_snakemake_said_is_read_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    said = Said(path)
    assert said.read().remaining is None
    for size in range(0, len(LOG), 7):
        path.write_text(LOG[:size])
        said.read()
    path.write_text(LOG)
    said.read()
    assert (said.run, said.done, said.total, said.remaining) == ("lab_1234-5678", 2, 6, 4)
    # A job that failed and went well the next time has not failed.
    assert said.failed == {3: "draw"}
    assert runs_named_in(path) == {"lab_1234-5678"}
    assert runs_named_in(tmp_path / "none") == set()


def looks(rule: HangRule, *what: tuple[float, bool | None, bool]) -> list[bool]:
    return [rule.look(now, empty=empty, idle=idle) for now, empty, idle in what]


@pytest.mark.parametrize(
    ("middle", "hangs"),
    [
        ((10, True, True), True),
        ((10, None, True), False),
        ((10, False, True), False),
        ((10, True, False), False),
    ],
    ids=["nothing", "squeue fails", "a job appears", "Snakemake works"],
)
def test_a_hang_is_without_a_break(middle: tuple, hangs: bool) -> None:
    said = looks(HangRule(20, 3), (0, True, True), middle, (19, True, True), (20, True, True))
    assert said == [False, False, False, hangs]


def test_a_hang_takes_its_time_and_its_looks() -> None:
    assert not any(looks(HangRule(20, 3), *[(n, True, True) for n in range(20)]))
    assert looks(HangRule(20, 3), (0, True, True), (50, True, True)) == [False, False]
    assert looks(HangRule(0, 1), (0, True, True)) == [True]


def test_a_rule_says_how_long_it_has_held() -> None:
    rule = HangRule(20, 3)
    looks(rule, (5, True, True), (9, True, True))
    assert rule.waited(9) == 4
    looks(rule, (10, None, True))
    assert rule.waited(11) == 0


def counted(restarts: Restarts, *ends: tuple[int | None, int]) -> list[bool]:
    return [restarts.allow(remaining=r, done=d, saved=False) is None for r, d in ends]


def test_progress_is_what_is_left_not_what_is_done_again() -> None:
    assert counted(Restarts(2, 9), (5, 1), (4, 0), (4, 3), (3, 1), (3, 1), (3, 1)) == [
        *(True, True, True, True, True, False),
    ]


def test_a_snakemake_that_never_planned_made_no_progress() -> None:
    assert counted(Restarts(2, 9), (None, 0), (None, 0), (None, 0)) == [True, True, False]


def test_more_left_than_before_is_no_progress_but_less_after_that_is() -> None:
    """As when somebody edits the workflow during the run."""
    assert counted(Restarts(2, 9), (5, 1), (8, 0), (7, 0), (7, 0), (7, 0)) == [
        *(True, True, True, True, False),
    ]


def test_state_counts_where_it_was_saved_later(tmp_path: Path) -> None:
    assert not state_saved_since(tmp_path / "scratch", 0)
    (tmp_path / "scratch" / "train").mkdir(parents=True)
    state = tmp_path / "scratch" / "train" / "state.safetensors"
    state.touch()
    os.utime(state, (100, 100))
    assert state_saved_since(tmp_path / "scratch", 99)
    assert not state_saved_since(tmp_path / "scratch", 101)


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that makes squeue a shell script."""

    def write(text: str) -> Queue:
        for name in ("squeue", "scancel"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        return Queue(seconds=20)

    monkeypatch.setenv("PATH", str(tmp_path))
    return write


def test_jobs_are_read_with_their_reason(squeue) -> None:
    queue = squeue("echo '7|RUNNING|None|a'; echo '8_[1-3]|PENDING|Nodes required (x), y|b'")
    jobs = queue.jobs(["a", "b"])
    assert jobs == [
        QueuedJob("7", "RUNNING", "None", "a"),
        QueuedJob("8_[1-3]", "PENDING", "Nodes required (x), y", "b"),
    ]
    assert described(jobs) == "1 running, 1 waiting (Nodes required (x), y)"
    assert described([]) == "0 running, 0 waiting"


@pytest.mark.parametrize(
    "text",
    [
        "exit 1",
        "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2",
        "echo 'something else'",
        "echo '7|RUNNING|None'",
        "exec sleep 600",
    ],
    ids=["status", "complaint", "other text", "too few", "too slow"],
)
def test_no_answer_is_not_an_empty_queue(squeue, text: str, monkeypatch) -> None:
    queue = squeue(text)
    if "sleep" in text:
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/bin:/bin")
        queue.seconds = 0.3
    with pytest.raises(NoAnswerError, match="squeue"):
        queue.jobs(["a"])


def test_a_missing_squeue_is_no_answer(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not Queue.exists()
    with pytest.raises(NoAnswerError, match="squeue: No such file"):
        Queue(20).jobs(["a"])


def test_names_that_are_none_reach_no_command(squeue, tmp_path: Path) -> None:
    """Logs are read for them, and anything may stand in a log."""
    queue = squeue(f"echo called >> {tmp_path}/called")
    assert queue.jobs(["$(touch x)", "a b", "", "--user=root,b"]) == []
    queue.cancel(["*", "a,b"])
    assert not (tmp_path / "called").exists()


def test_a_launched_command_waits_for_its_word(tmp_path: Path) -> None:
    words = ["/bin/sh", "-c", LAUNCHER, "sh", "touch", str(tmp_path / "begun")]
    for text, begun in ((b"", False), (b"go\n", True)):
        subprocess.run(words, input=text)
        assert (tmp_path / "begun").exists() == begun


def test_a_process_is_known_by_number_and_start() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = processes.identify(process.pid)
    assert identity.alive()
    assert processes.Identity.from_dict(identity.as_dict()) == identity
    for change in ({"started": identity.started - 1}, {"host": "elsewhere"}, {"boot": "before"}):
        assert not processes.Identity(**(identity.as_dict() | change)).alive()
    process.stdin.close()
    # A zombie is dead: nobody may ever ask for its status.
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not identity.alive()
    process.wait()
    assert processes.identify(process.pid) is None


@pytest.mark.parametrize(
    ("command", "main"),
    [
        ("/e/bin/python -m snakemake ats --cores 2", True),
        ("/e/bin/python3.11 /e/bin/snakemake ats", True),
        ("/e/bin/python -ES /e/bin/snakemake", True),
        ("snakemake", True),
        ("/e/bin/python -m snakemake --snakefile S --target-jobs a: --mode remote", False),
        ("/e/bin/python -m snakemake -n", False),
        ("/e/bin/python -m reveil.supervisor -- snakemake", False),
        ("/e/bin/python -m pytest snakemake", False),
        ("less snakemake", False),
        ("", False),
    ],
)
def test_the_main_process_of_snakemake_is_told_from_others(command: str, main: bool) -> None:
    assert processes._is_engine(command.split()) == main


def test_a_journal_that_cannot_be_written_does_not_end_the_watch(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Journal(tmp_path / "file" / "log").say("nothing")
    journal = Journal(tmp_path / "log")
    journal.say("one\ntwo")
    assert [line[21:] for line in (tmp_path / "log").read_text().splitlines()] == ["one"] + [""]
    assert (tmp_path / "log").read_text().endswith("\n    two\n")


def test_arguments_of_snakemake_pass() -> None:
    check_arguments(["ats", "--configfile", "a.yaml", "--rerun-incomplete", "--cores=2"])
    with pytest.raises(ReveilError, match="start the supervisor in that folder instead"):
        check_arguments(["ats", "-d", "elsewhere"])
