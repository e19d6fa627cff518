"""The supervisor: one Snakemake after the other, until it is done or there is no point."""

import time
from collections.abc import Sequence
from pathlib import Path

from reveil.supervisor.cleaning import Cleaning
from reveil.supervisor.engine import Engine
from reveil.supervisor.journal import Journal, counted
from reveil.supervisor.orders import Orders
from reveil.supervisor.queue import Queue
from reveil.supervisor.record import Record
from reveil.supervisor.restarts import Restarts, state_saved_since
from reveil.supervisor.settings import Settings
from reveil.supervisor.watch import Ending, Watch

# Where long jobs save their state.
SCRATCH = "scratch"


class Supervisor:
    """Runs ``command`` in the folder of ``record``, whose lock the caller holds.

    Args:
        command: Snakemake without its arguments.
        arguments: those of Snakemake.
    """

    def __init__(
        self,
        record: Record,
        command: Sequence[str],
        arguments: Sequence[str],
        settings: Settings,
        journal: Journal,
    ) -> None:
        self.record, self.settings, self.journal = record, settings, journal
        self.command, self.arguments = [*command, *arguments], list(arguments)
        self.orders = Orders(settings.tick_seconds)
        self.cleaning = Cleaning(record, self.command, settings, journal, self.orders)
        self.restarts = Restarts(settings.futile_restarts, settings.restarts)
        self._began = time.monotonic()

    def run(self) -> int:
        """Return the status to exit with: 0 when Snakemake is done, 1 when there is no point in
        going on, 128 and the signal's number when told to end."""
        self.orders.listen()
        earlier = list(self.record.arguments)
        self.record.begin(self.arguments)
        words = " ".join(self.arguments) or "without arguments"
        self.journal.say(f"supervises snakemake {words} in {self.record.folder}")
        if not Queue.exists():
            self.journal.say(
                "no squeue on PATH: watches without SLURM, so only ends of Snakemake are mended"
            )
        status, word = self._until_the_end(self._adopted(earlier))
        self.journal.say(word)
        self.record.ended = word.splitlines()[0]
        self.record.save()
        return status

    def clear(self) -> bool:
        """End what an earlier supervisor left, Snakemake included, and start nothing.

        Returns:
            whether all is gone.
        """
        self.orders.listen()
        engine = Engine.adopt(self.record)
        if engine is not None:
            self._interrupt(engine)
        if not self.cleaning.run():
            return False
        self.record.ended = "stopped; nothing is left"
        self.record.save()
        return True

    def _adopted(self, earlier: list[str]) -> Engine | None:
        engine = Engine.adopt(self.record)
        if engine is not None:
            pid = engine.identity.pid
            note = f"Snakemake still runs (process {pid}) though its supervisor is gone: watches it"
            if earlier != self.arguments:
                note += f"\nit was started as: snakemake {' '.join(earlier)}"
                note += "\nwhat is asked for now follows when it has ended"
            self.journal.say(note)
        return engine

    def _until_the_end(self, engine: Engine | None) -> tuple[int, str]:
        if engine is None and not self.cleaning.run():
            return self._told()
        while True:
            if self.orders.stopping():
                return self._told()
            if engine is None:
                try:
                    engine = Engine.start(self.command, self.record)
                except OSError as error:
                    self.journal.say(f"Snakemake cannot be started: {error}")
            ending = Ending.ERRORS if engine is None else self._watched(engine)
            if ending is Ending.DONE:
                self.cleaning.end_local_jobs()
                self.record.engine, self.record.runs = None, []
                return 0, self._done(engine)
            if not self.cleaning.run() or ending is Ending.STOPPED:
                return self._told()
            why_not = None if ending is Ending.UNKNOWN else self._why_not_again(engine, ending)
            if why_not:
                return 1, why_not
            engine = None
            if ending is not Ending.UNKNOWN:
                self.orders.sleep(self.settings.pause_seconds)

    def _watched(self, engine: Engine) -> Ending:
        """Watch one Snakemake to its end, and say how that came."""
        ending = Watch(
            engine, self.record, self.settings, self.journal, self.orders, self.restarts.count
        ).run()
        log = self.record.log
        if ending is Ending.STOPPED:
            self.journal.say("told to end: interrupts Snakemake, which cancels its jobs")
            self._interrupt(engine)
        elif ending is Ending.HUNG:
            self.journal.say(
                f"SLURM knows no job of run {engine.said.run}, and Snakemake has done nothing for "
                f"{self.settings.hang_seconds:g} s: interrupts it"
            )
            self._interrupt(engine)
        elif ending is Ending.KILLED:
            self.journal.say(f"Snakemake was killed by signal {-engine.status} ({log})")
        elif ending is Ending.ERRORS:
            self.journal.say(f"Snakemake ended with status {engine.status} ({log})")
        elif ending is Ending.UNKNOWN:
            self.journal.say(f"Snakemake has ended ({log}); starts it again to see what is left")
        return ending

    def _interrupt(self, engine: Engine) -> None:
        if not engine.interrupt(self.settings.interrupt_seconds, self.orders.hurried):
            self.journal.say("Snakemake did not leave and was killed")

    def _why_not_again(self, engine: Engine | None, ending: Ending) -> str | None:
        """Count a restart and return None, or why there is none."""
        if engine is None:
            remaining, done, saved, tail = None, 0, False, ""
        else:
            said = engine.said.read()
            remaining, done = said.remaining, said.done
            # A job that fails again and again may save its state each time: no progress.
            saved = ending is not Ending.ERRORS and state_saved_since(
                Path(self.record.folder, SCRATCH), engine.since
            )
            tail = self._tail(engine)
            if ending is Ending.ERRORS and said.total is None and not self.restarts.count:
                return f"gave up: Snakemake ended with errors before it had begun{tail}"
        reason = self.restarts.allow(remaining=remaining, done=done, saved=saved)
        if reason:
            return f"gave up: {reason}{tail}"
        self.journal.say(
            f"starts Snakemake again in {self.settings.pause_seconds:g} s (restart "
            f"{self.restarts.count}, {self.restarts.futile} in a row without progress)"
        )
        return None

    def _tail(self, engine: Engine) -> str:
        said = engine.said
        lines = [f"{self.record.log} ends with:", *said.last_lines()]
        if said.total is not None:
            failed = ", ".join(sorted(set(said.failed.values()))) or "none"
            lines.insert(0, f"{said.done} of {said.total} steps done; failed rules: {failed}")
        return "\n" + "\n".join(lines)

    def _told(self) -> tuple[int, str]:
        left = self.record.engine is not None or self.record.runs
        word = "told to end; " + (
            "something is left, which the next start or make cluster-stop ends"
            if left
            else "nothing is left behind, make cluster goes on from here"
        )
        return 128 + self.orders.signal, word

    def _done(self, engine: Engine) -> str:
        said = engine.said.read()
        steps = f"{said.done} of {said.total} steps" if said.total else "nothing was left to do"
        restarts = counted(self.restarts.count, "restart")
        minutes = round((time.monotonic() - self._began) / 60)
        return f"done: {steps}, {restarts}, {counted(minutes, 'minute')}"
