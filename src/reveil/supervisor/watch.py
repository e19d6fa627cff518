"""The watch over one Snakemake: a line a minute, and an eye on hangs."""

import time
from enum import Enum

from reveil.supervisor import processes
from reveil.supervisor.engine import Engine
from reveil.supervisor.hang import HangRule
from reveil.supervisor.journal import Journal, counted
from reveil.supervisor.orders import Orders
from reveil.supervisor.queue import NoAnswerError, Queue, QueuedJob, described
from reveil.supervisor.record import Record
from reveil.supervisor.settings import Settings

# Said once for each Snakemake; `make cluster` returns to the prompt when it has read this.
PLANNED = "Snakemake has planned"


class Ending(Enum):
    """How one Snakemake came to its end."""

    DONE = "done"
    ERRORS = "errors"
    KILLED = "killed"
    HUNG = "hung"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class Watch:
    """Watches ``engine`` until it ends, hangs, or the supervisor is told to end.

    Args:
        restarts: how many there were, for the line.
    """

    def __init__(
        self,
        engine: Engine,
        record: Record,
        settings: Settings,
        journal: Journal,
        orders: Orders,
        restarts: int,
    ) -> None:
        self.engine, self.record, self.settings = engine, record, settings
        self.journal, self.orders, self.restarts = journal, orders, restarts
        self.queue = Queue(settings.squeue_seconds)
        self.rule = HangRule(settings.hang_seconds, settings.hang_checks)
        self._jobs: list[QueuedJob] = []
        # Of the last look; an error, until a line has told it and it is over; and whether one has.
        self._answered = True
        self._no_answer = ""
        self._told = False
        self._planned = False

    def run(self) -> Ending:
        """Return how it ended; a hanging Snakemake, or one to be stopped, still runs then."""
        checked = lined = time.monotonic()
        while self.engine.alive():
            self._take_note()
            if self.orders.stopping():
                return Ending.STOPPED
            now = time.monotonic()
            if now - checked >= self.settings.check_seconds:
                checked = now
                if self._hangs(now):
                    return Ending.HUNG
            if now - lined >= self.settings.line_seconds:
                lined = now
                self.journal.say(self._line(now))
            self.orders.sleep(self.settings.tick_seconds)
        self._take_note()
        return self._ending()

    def _ending(self) -> Ending:
        status = self.engine.status
        if status is None:
            return Ending.UNKNOWN
        if status == 0:
            return Ending.DONE
        return Ending.KILLED if status < 0 else Ending.ERRORS

    def _take_note(self) -> None:
        run = self.engine.said.read().run
        if run is not None and run not in self.record.runs:
            self.record.runs.append(run)
            self.record.save()
        total = self.engine.said.total
        if total is not None and not self._planned:
            self._planned = True
            name = "" if run is None else f", SLURM run ID {run}"
            steps = counted(total, "step")
            self.journal.say(f"{PLANNED} {steps}{name} ({self.record.log})")

    def _hangs(self, now: float) -> bool:
        run = self.engine.said.run
        idle = self.engine.idle()
        # Without a run ID nothing was submitted: it plans, or works on this machine alone.
        if run is None or not Queue.exists():
            return False
        empty: bool | None = None
        try:
            self._jobs = self.queue.jobs([run])
            empty = not self._jobs
            if self._told:
                self._no_answer = ""
        except NoAnswerError as error:
            # After an answer it is another error, of which no line knows.
            self._told = self._told and not self._answered
            self._no_answer = str(error)
        self._answered = empty is not None
        return self.rule.look(now, empty=empty, idle=idle)

    def _line(self, now: float) -> str:
        said = self.engine.said
        if said.total is None:
            return "planning"
        parts = [f"{said.done} of {said.total} steps done ({100 * said.done // said.total} %)"]
        here = processes.lasting_children(self.engine.identity.pid)
        if said.run is None:
            parts.append(f"{here} running")
        else:
            if self._answered:
                parts.append(described(self._jobs))
            if self._no_answer:
                parts.append(self._no_answer)
                self._told = True
            if self._answered:
                self._no_answer = ""
            if here:
                parts.append(f"{here} on this machine")
        parts.append(f"{len(said.failed)} failed")
        if self.restarts:
            parts.append(counted(self.restarts, "restart"))
        waited = self.rule.waited(now)
        # Up to there it is Snakemake's pause between two looks at its jobs.
        if waited > self.settings.hang_seconds / 2:
            parts.append(f"nothing in the queue and Snakemake idle for {waited:.0f} s")
        return ", ".join(parts)
