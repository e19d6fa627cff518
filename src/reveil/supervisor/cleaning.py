"""What a Snakemake that is gone has left: processes, jobs in the queue, a lock. In this order.

Two jobs must never write one file. So nothing new is started, and no lock removed, before all of
the old ones are known to be gone.
"""

import subprocess
import time
from collections.abc import Sequence

from reveil.supervisor import processes
from reveil.supervisor.engine import locked, unlock_command
from reveil.supervisor.journal import Journal
from reveil.supervisor.orders import Orders
from reveil.supervisor.queue import NoAnswerError, Queue, QueuedJob, described
from reveil.supervisor.record import Record
from reveil.supervisor.said import runs_named_in
from reveil.supervisor.settings import Settings


class Cleaning:
    """Removes what is left of the Snakemake in a record, once that one is dead.

    Args:
        command: Snakemake and its arguments, to which ``--unlock`` is added.
    """

    def __init__(
        self,
        record: Record,
        command: Sequence[str],
        settings: Settings,
        journal: Journal,
        orders: Orders,
    ) -> None:
        self.record, self.command, self.settings = record, command, settings
        self.journal, self.orders = journal, orders
        self.queue = Queue(settings.squeue_seconds)
        self._last_word = -float("inf")

    def run(self) -> bool:
        """Clean up; return False if it was told to hurry before all was gone."""
        self.end_local_jobs()
        if not (self._empty_queue() and self._alone()):
            self.journal.say("left before all was gone; the next start goes on with that")
            return False
        self._unlock()
        self.record.engine, self.record.runs = None, []
        self.record.save()
        return True

    def end_local_jobs(self) -> None:
        """End what runs on this machine in the session of the dead Snakemake."""
        if self.record.engine is None:
            return
        left = processes.family(self.record.engine, self.record.token)
        if left:
            self.journal.say(
                f"ends what outlived Snakemake on this machine, processes: {len(left)}"
            )
            processes.end(left, self.settings.leftover_seconds)

    def _runs(self) -> list[str]:
        named = set(self.record.runs)
        if self.record.log:
            named |= runs_named_in(self.record.folder / self.record.log)
        return sorted(named)

    def _empty_queue(self) -> bool:
        runs = self._runs()
        if not runs or not Queue.exists():
            return True
        cancelled, empty_since = -float("inf"), None
        while True:
            now = time.monotonic()
            try:
                jobs = self.queue.jobs(runs)
                if not jobs:
                    empty_since = now if empty_since is None else empty_since
                    if now - empty_since >= self.settings.settle_seconds:
                        return True
                else:
                    empty_since = None
                    self._tell_now_and_then(self._waits_for(jobs))
                    if now - cancelled >= self.settings.check_seconds:
                        cancelled = now
                        self.queue.cancel({job.run for job in jobs})
            except NoAnswerError as error:
                empty_since = None
                self._tell_now_and_then(f"waits for SLURM, to see what is left there: {error}")
            if self.orders.hurried():
                return False
            pause = min(self.settings.settle_seconds, self.settings.check_seconds)
            self.orders.sleep(max(pause, 0.02), through=True)

    @staticmethod
    def _waits_for(jobs: list[QueuedJob]) -> str:
        runs = ", ".join(sorted({job.run for job in jobs}))
        return f"cancels old jobs and waits until they are gone: {described(jobs)}; run {runs}"

    def _alone(self) -> bool:
        while others := processes.other_engines(self.record.folder):
            numbers = ", ".join(str(process.pid) for process in others)
            self._tell_now_and_then(
                f"waits for another Snakemake in this folder (process {numbers})"
            )
            if self.orders.hurried():
                return False
            self.orders.sleep(self.settings.tick_seconds, through=True)
        return True

    def _unlock(self) -> None:
        if not locked(self.record.folder):
            return
        self.journal.say("removes the lock of the Snakemake that is gone")
        done = subprocess.run(
            unlock_command(self.command),
            cwd=self.record.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            # Not interrupted with the supervisor's terminal.
            start_new_session=True,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()[-5:]
            self.journal.say("the lock could not be removed:\n" + "\n".join(said))

    def _tell_now_and_then(self, text: str) -> None:
        if time.monotonic() - self._last_word >= self.settings.line_seconds:
            self._last_word = time.monotonic()
            self.journal.say(text)
