"""Snakemake as a process of its own: started, found again, interrupted."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from reveil.supervisor import processes
from reveil.supervisor.processes import TOKEN, Identity
from reveil.supervisor.record import LOGS, Record
from reveil.supervisor.said import Said

# Waits until its starter has recorded it: if that one dies first, it ends without having begun.
LAUNCHER = 'read -r _ && exec "$@" </dev/null'


class Engine:
    """One Snakemake, with all that it runs on this machine, in a session of its own.

    Attributes:
        identity: its process.
        said: what it said.
        since: when it began, in seconds of the epoch.
        adopted: whether an earlier supervisor started it, so that its status is never known.
    """

    def __init__(
        self, record: Record, identity: Identity, process: subprocess.Popen | None
    ) -> None:
        self._record, self.identity, self._process = record, identity, process
        self.token = record.token
        self.said = Said(record.folder / record.log)
        self.since = time.time()
        self.adopted = process is None
        self._seen = self._trace()

    @classmethod
    def start(cls, command: Sequence[str], record: Record) -> Self:
        """Start Snakemake; it is in the record before it does anything.

        Raises:
            OSError: it cannot be started, or the record or its log cannot be written.
        """
        logs = record.folder / LOGS
        logs.mkdir(parents=True, exist_ok=True)
        record.token = uuid.uuid4().hex
        log = logs / f"snakemake-{time.strftime('%Y%m%d-%H%M%S')}-{record.token[:4]}.log"
        record.log = str(log.relative_to(record.folder))
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", LAUNCHER, "sh", *command],
                cwd=record.folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, TOKEN: record.token},
                start_new_session=True,
            )
        try:
            record.engine = processes.identify(process.pid)
            if record.engine is None:
                raise OSError("it ended before it was started")
            record.save()
        except BaseException:
            record.engine = None
            process.stdin.close()
            process.wait()
            raise
        engine = cls(record, record.engine, process)
        # If it is gone already, the watch will see that.
        with suppress(OSError):
            process.stdin.write(b"go\n")
            process.stdin.close()
        return engine

    @classmethod
    def adopt(cls, record: Record) -> Self | None:
        """Return the Snakemake that an earlier supervisor left at work, or None."""
        if record.engine is None or not record.engine.alive():
            return None
        return cls(record, record.engine, None)

    def alive(self) -> bool:
        """Return whether it still runs."""
        if self._process is None:
            return self.identity.alive()
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None if it runs or is adopted."""
        return None if self._process is None else self._process.poll()

    def _trace(self) -> tuple[int, float, float]:
        return self.said.size, processes.cpu_seconds(self.identity.pid), time.monotonic()

    def idle(self) -> bool:
        """Return whether it has said, run and computed nothing since the last time asked.

        Local jobs and submissions are processes below it; planning shows as CPU time. Waiting takes
        less than a hundredth of a CPU.
        """
        size, cpu, moment = self._seen
        self.said.read()
        self._seen = self._trace()
        busy = self._seen[1] - cpu > 0.1 * (self._seen[2] - moment)
        silent = self._seen[0] == size
        return silent and not busy and not processes.children(self.identity.pid)

    def interrupt(self, seconds: float, hurried: Callable[[], bool]) -> bool:
        """Do as Ctrl-C does, and kill it if it is still there after ``seconds``.

        Args:
            hurried: asked again and again; True kills it at once.

        Returns:
            whether it left by itself.
        """
        self._signal(signal.SIGINT)
        # A stopped process takes no other signal.
        self._signal(signal.SIGCONT)
        until = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() >= until or hurried():
                self._signal(signal.SIGKILL)
                while self.alive():
                    time.sleep(0.02)
                return False
            time.sleep(0.05)
        return True

    def _signal(self, number: int) -> None:
        # While the leader lives, or has not been waited for, the group's number is taken.
        if self.alive():
            with suppress(ProcessLookupError):
                os.killpg(self.identity.pid, number)


def default_command() -> list[str]:
    """Return the Snakemake of this Python's environment."""
    return [sys.executable, "-m", "snakemake"]


def unlock_command(command: Sequence[str]) -> list[str]:
    """Return the command that removes the lock of ``command``, which ends with its arguments."""
    return [*command, "--unlock"]


def locked(folder: Path) -> bool:
    """Return whether a Snakemake, alive or dead, holds a lock in ``folder``."""
    locks = folder / ".snakemake" / "locks"
    return locks.is_dir() and any(locks.iterdir())
