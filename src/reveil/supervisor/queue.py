"""SLURM's queue: squeue and scancel, with an error never taken for an empty queue."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

# From the plug-in: a UUID, after a prefix of letters, digits, _ and - where one is set.
RUN_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


class NoAnswerError(Exception):
    """SLURM did not answer; nothing is known about the queue."""


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue: SLURM's number, state (RUNNING, PENDING, ...), reason and run ID."""

    number: str
    state: str
    reason: str
    run: str


class Queue:
    """The jobs of given runs, by their name, which is the run ID.

    Args:
        seconds: how long a command may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    @staticmethod
    def exists() -> bool:
        """Return whether squeue and scancel are on PATH."""
        return shutil.which("squeue") is not None and shutil.which("scancel") is not None

    def jobs(self, runs: Iterable[str]) -> list[QueuedJob]:
        """Return the jobs of ``runs`` that wait, run or come to their end.

        Raises:
            NoAnswerError: squeue failed, was too slow, or printed what is no list of jobs.
        """
        names = sorted(filter(RUN_NAME.fullmatch, runs))
        if not names:
            return []
        form = "--format=%i|%T|%r|%j"
        text = self._ask("squeue", "--noheader", f"--name={','.join(names)}", form)
        rows = [line.split("|") for line in text.splitlines() if line.strip()]
        if any(len(row) != 4 for row in rows):
            raise NoAnswerError(f"squeue printed {text.strip()[:200]!r}")
        return [QueuedJob(*row) for row in rows]

    def cancel(self, runs: Iterable[str]) -> None:
        """Cancel all jobs of ``runs``.

        Raises:
            NoAnswerError: scancel failed or was too slow.
        """
        for name in sorted(filter(RUN_NAME.fullmatch, runs)):
            self._ask("scancel", f"--name={name}")

    def _ask(self, *command: str) -> str:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=self.seconds, errors="replace"
            )
        except subprocess.TimeoutExpired:
            raise NoAnswerError(f"{command[0]} took longer than {self.seconds:g} s") from None
        except OSError as error:
            raise NoAnswerError(f"{command[0]}: {error.strerror}") from None
        # Some versions complain and still end with 0.
        complaint = done.stderr.strip()
        if done.returncode or "error" in complaint.lower():
            first = complaint.splitlines()[0] if complaint else f"status {done.returncode}"
            raise NoAnswerError(f"{command[0]}: {first}")
        return done.stdout


def described(jobs: Iterable[QueuedJob]) -> str:
    """Return how many jobs run and wait, and what most of those that wait wait for."""
    jobs = list(jobs)
    waiting = [job for job in jobs if job.state in ("PENDING", "SUSPENDED", "REQUEUED")]
    text = f"{len(jobs) - len(waiting)} running, {len(waiting)} waiting"
    reasons = Counter(job.reason for job in waiting if job.reason not in ("None", ""))
    return f"{text} ({reasons.most_common(1)[0][0]})" if reasons else text
