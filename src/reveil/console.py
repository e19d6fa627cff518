"""The error stream of a job: what it says, and on a terminal how far it is."""

import fcntl
import logging
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TextIO

from reveil.cards import lock_folder
from reveil.errors import ReveilError

PROGRESS = "reveil.progress"
# Between two lines of a job that shares its terminal with others.
EVERY = 30.0
# Back to the start of the line; and away with what is left of the longer one before.
RETURN, CLEAR = "\r", "\x1b[K"


class Console(logging.StreamHandler):
    """Writes log records to a stream, and those of progress to a terminal alone.

    On a terminal the job's progress is one line that is written anew. Where other jobs write to the
    same terminal it is a line of its own, one in 30 seconds, as they would overwrite each other's.

    Args:
        stream: such as the error stream.
        every: seconds between two lines of progress beside other jobs.
    """

    def __init__(self, stream: TextIO | None = None, *, every: float = EVERY) -> None:
        super().__init__(stream or sys.stderr)
        self.every = every
        self._neighbours = Neighbours.of(self.stream)
        self._told = float("-inf")
        self._open = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if record.name != PROGRESS:
            self._end_line()
            super().emit(record)
        elif self._neighbours is not None:
            self._show(record, self._neighbours)

    def close(self) -> None:
        """Leave the cursor at the start of a line."""
        self._end_line()
        if self._neighbours is not None:
            self._neighbours.leave()
        super().close()

    def _show(self, record: logging.LogRecord, neighbours: "Neighbours") -> None:
        if neighbours.absent():
            width = shutil.get_terminal_size().columns - 1
            self._write(RETURN + self.format(record)[:width] + CLEAR)
            self._open = True
        elif time.monotonic() - self._told >= self.every:
            self._told = time.monotonic()
            self._end_line()
            super().emit(record)

    def _end_line(self) -> None:
        if self._open:
            self._open = False
            self._write("\n")

    def _write(self, text: str) -> None:
        # A terminal that was closed ends no job.
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self._neighbours = None


class Neighbours:
    """The other jobs that write to the same terminal: each holds a share of a lock named after it.

    Args:
        path: of the lock.
    """

    def __init__(self, path: Path) -> None:
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    @classmethod
    def of(cls, stream: TextIO) -> "Neighbours | None":
        """Return those of a stream's terminal, or None where it is no terminal."""
        try:
            if not stream.isatty():
                return None
            terminal = os.fstat(stream.fileno()).st_rdev
            return cls(lock_folder() / f"terminal-{terminal}.lock")
        except (OSError, ValueError, ReveilError):
            return None

    def absent(self) -> bool:
        """Return whether nobody else is there: then, for a moment, all of the lock is to be had."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except OSError:
            alone = False
        # A change of lock that fails has let go of the old one.
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        return alone

    def leave(self) -> None:
        """Give up the share; a second time changes nothing."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
