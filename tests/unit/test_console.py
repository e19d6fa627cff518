"""How far a job is, on a terminal, beside other jobs, and where there is no terminal."""

import io
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reveil import chunks, console
from reveil.console import CLEAR, RETURN, Console, Neighbours
from reveil.job import start_logging
from reveil.progress import Progress
from tests.workflow import ROOT

END = "\0"


class Terminal:
    """A terminal, what is written to it, and what was."""

    def __init__(self) -> None:
        self._reader, writer = pty.openpty()
        self.stream = os.fdopen(writer, "w")

    def said(self) -> str:
        # The system carries words over in its own time, and in their order.
        self.stream.write(END)
        self.stream.flush()
        words = b""
        while not words.endswith(END.encode()):
            words += os.read(self._reader, 65536)
        return words.decode().removesuffix(END).replace("\r\n", "\n")

    def close(self) -> None:
        self.stream.close()
        os.close(self._reader)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setattr(console, "lock_folder", lambda: tmp_path)
    made = Terminal()
    yield made
    made.close()


def record(text: str, name: str = console.PROGRESS) -> logging.LogRecord:
    return logging.LogRecord(name, logging.INFO, "", 0, text, None, None)


def test_the_name_of_the_logger_is_that_of_progress() -> None:
    assert logging.getLogger(Progress.__module__).name == console.PROGRESS


def test_a_job_alone_writes_its_line_anew(terminal: Terminal) -> None:
    handler = Console(terminal.stream)
    for text in ("1/3", "2/3"):
        handler.emit(record(text))
    assert terminal.said() == f"{RETURN}1/3{CLEAR}{RETURN}2/3{CLEAR}"
    handler.emit(record("resuming", "reveil.job"))
    assert terminal.said() == "\nresuming\n"
    handler.emit(record("3/3"))
    handler.close()
    assert terminal.said() == f"{RETURN}3/3{CLEAR}\n"


def test_a_long_line_is_cut_at_the_edge(terminal: Terminal, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    handler = Console(terminal.stream)
    handler.emit(record("x" * 50))
    assert terminal.said() == RETURN + "x" * 19 + CLEAR
    handler.close()


def test_jobs_that_share_a_terminal_write_whole_lines_now_and_then(terminal: Terminal) -> None:
    handler, other = Console(terminal.stream), Console(terminal.stream)
    for text in ("1/3", "2/3"):
        handler.emit(record(text))
    assert terminal.said() == "1/3\n"
    other.close()
    handler.emit(record("3/3"))
    assert terminal.said() == f"{RETURN}3/3{CLEAR}"
    handler.close()


def test_after_a_while_a_job_beside_others_says_more(terminal: Terminal) -> None:
    handler, other = Console(terminal.stream, every=0), Console(terminal.stream)
    for text in ("1/3", "2/3"):
        handler.emit(record(text))
    assert terminal.said() == "1/3\n2/3\n"
    handler.close()
    other.close()


def test_another_process_on_the_same_terminal_is_noticed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    ours = Neighbours(lock)
    assert ours.absent() and ours.absent()
    words = "import sys; from pathlib import Path; from reveil.console import Neighbours; "
    words += "theirs = Neighbours(Path(sys.argv[1])); print(theirs.absent(), flush=True); input()"
    started = subprocess.Popen(
        [sys.executable, "-c", words, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert started.stdout.readline() == "False\n"
    assert not ours.absent()
    started.communicate("\n")
    assert ours.absent()
    ours.leave()
    ours.leave()


@pytest.fixture
def logging_again() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = before, level


def test_without_a_terminal_progress_goes_to_the_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logging_again: None
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    start_logging(str(tmp_path / "job.log"))
    progress = Progress("train", 2, every=0)
    progress.step()
    logging.getLogger("reveil.job").warning("resume state refused")
    progress.step()
    written = (tmp_path / "job.log").read_text()
    assert "train: 1/2 (50 %)" in written and "train: 2/2 (100 %)" in written
    assert "train" not in stream.getvalue() and "resume state refused" in stream.getvalue()


def test_a_closed_terminal_ends_no_job(terminal: Terminal) -> None:
    handler = Console(terminal.stream)
    terminal.stream.close()
    handler.emit(record("1/3"))
    handler.close()
    terminal.stream = io.StringIO()


def test_pieces_of_work_tell_how_far_they_are(
    caplog: pytest.LogCaptureFixture, monkeypatch
) -> None:
    monkeypatch.setattr(chunks, "Progress", lambda *a, **k: Progress(*a, **{**k, "every": 0}))
    with caplog.at_level(logging.INFO):
        for run in (chunks.run_in_chunks, chunks.run_side_by_side):
            assert sum(run(lambda piece: piece.stop - piece.start, 5, 2, what="images")) == 5
    assert caplog.text.count("images: 5/5 (100 %)") == 2
    assert "images: 2/5 (40 %)" in caplog.text


def test_short_pieces_of_work_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        chunks.run_in_chunks(lambda piece: None, 5, 2, what="images")
    assert not caplog.text
