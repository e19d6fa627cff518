"""How the process of a job ends: on a signal, with its Snakemake, or at once when it is done."""

import atexit
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

# Imported where it is used: light jobs are over sooner than it is loaded.
if TYPE_CHECKING:
    import psutil

log = logging.getLogger(__name__)

# What shells and Slurm show for a process that SIGTERM ended.
TERMINATED = 128 + signal.SIGTERM


class Stopping:
    """Whether this process was asked to end, for a loop that saves its state before it does.

    Slurm sends SIGTERM before a time limit, before a preemption and for ``scancel``, a while before
    SIGKILL. Between :meth:`listen` and :meth:`ignore` the signal only leaves a note; a second one
    ends the process as ever.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: signal.Handlers | None = None

    def listen(self) -> None:
        """Take SIGTERM as a wish; a no-op outside the main thread, where none can be heard."""
        if self._before is None and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)

    def ignore(self) -> None:
        """Give SIGTERM back the meaning that it had before :meth:`listen`."""
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None

    def end(self, path: Path) -> None:
        """End the process with status 143 if that was asked for, now that ``path`` holds its state.

        Raises:
            SystemExit: it was asked to end.
        """
        if self.asked:
            log.warning("stopped by SIGTERM; started again it resumes from %s", path)
            sys.exit(TERMINATED)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.ignore()
        log.warning("SIGTERM: ending with the next state that is saved")


def leave() -> None:
    """End the process of a finished script with status 0, without freeing what it holds.

    The interpreter takes 0.7 s to take down PyTorch's modules one by one, a third of the time that
    a small job takes. What others registered for the end is done.
    """
    atexit.unregister(leave)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    # A script ends with its job; whatever came after and failed keeps its status.
    if not hasattr(sys, "last_value"):
        os._exit(0)


def end_with_snakemake(every: float = 1.0) -> None:
    """End this process when the Snakemake that started it is gone.

    A killed Snakemake leaves its jobs running; started again it would run them a second time,
    beside the first. Nothing is watched when no Snakemake is among the ancestors.
    """
    import psutil

    engine = next(filter(_is_snakemake, psutil.Process().parents()), None)
    if engine is None:
        return

    def watch() -> None:
        while _is_alive(engine):
            time.sleep(every)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end-with-snakemake").start()


def _is_snakemake(process: "psutil.Process") -> bool:
    import psutil

    try:
        # `snakemake ...`, `python .../snakemake ...` or `python -m snakemake ...`.
        return any(Path(word).name == "snakemake" for word in process.cmdline()[:3])
    except psutil.Error:
        return False


def _is_alive(process: "psutil.Process") -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
