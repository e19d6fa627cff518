"""What Snakemake said so far, read from its log as it grows."""

import re
from pathlib import Path

RUN_ID = re.compile(r"^SLURM run ID: (\S+)$")
TOTAL = re.compile(r"^total\s+(\d+)$")
STEPS = re.compile(r"^(\d+) of (\d+) steps \(")
ERROR = re.compile(r"^Error in (?:rule|group) (\S+?):?$")
JOB = re.compile(r"^\s+jobid: (\d+)$")
FINISHED = re.compile(r"^Finished jobid: (\d+)\b")


class Said:
    """The facts of one Snakemake, from its output in ``path``.

    Attributes:
        run: its SLURM run ID, which is also the name of its jobs; None without SLURM.
        total: steps it planned, or None before it has planned.
        done: steps finished.
        failed: {jobid: rule} of the jobs that failed and have not finished since.
        size: bytes read, to see whether it says anything new.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run: str | None = None
        self.total: int | None = None
        self.done = 0
        self.failed: dict[int, str] = {}
        self.size = 0
        self._failing: str | None = None

    def read(self) -> "Said":
        """Take in what was written since the last time."""
        try:
            with self.path.open("rb") as log:
                log.seek(self.size)
                new = log.read()
        except FileNotFoundError:
            return self
        # A line that is still being written is left for the next time.
        whole = new[: new.rfind(b"\n") + 1]
        self.size += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self._take(line)
        return self

    def _take(self, line: str) -> None:
        if found := RUN_ID.match(line):
            self.run = found[1]
        elif (found := TOTAL.match(line)) and self.total is None:
            self.total = int(found[1])
        elif found := STEPS.match(line):
            # Logs of failed jobs are printed, too, and may hold counts of their own.
            if self.total in (None, int(found[2])):
                self.done, self.total = int(found[1]), int(found[2])
        elif found := ERROR.match(line):
            self._failing = found[1]
        elif found := JOB.match(line):
            if self._failing:
                self.failed[int(found[1])] = self._failing
            self._failing = None
        elif found := FINISHED.match(line):
            self.failed.pop(int(found[1]), None)

    @property
    def remaining(self) -> int | None:
        """Steps that are left; None before it has planned."""
        return None if self.total is None else self.total - self.done

    def last_lines(self, count: int = 15) -> list[str]:
        """Return the end of the log, without blank lines."""
        try:
            text = self.path.read_text(errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in text.splitlines() if line.strip()][-count:]


def runs_named_in(log: Path) -> set[str]:
    """Return the SLURM run IDs in one log of Snakemake; none if it cannot be read."""
    try:
        with log.open(errors="replace") as lines:
            return {found[1] for line in lines if (found := RUN_ID.match(line.rstrip("\n")))}
    except OSError:
        return set()
