"""What a user asks of a supervisor: start, see how far it is, end it."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from reveil.errors import ReveilError
from reveil.supervisor.engine import Engine, locked
from reveil.supervisor.journal import Journal
from reveil.supervisor.processes import other_engines
from reveil.supervisor.queue import Queue
from reveil.supervisor.record import LOGS, FolderLock, Record, take_folder
from reveil.supervisor.said import runs_named_in
from reveil.supervisor.settings import Settings
from reveil.supervisor.supervise import Supervisor
from reveil.supervisor.watch import PLANNED

LOG = LOGS / "supervisor.log"
# Logs of Snakemake older than this name no job that could still be in a queue.
KEPT_DAYS = 30
REFUSED = {
    **dict.fromkeys(("-d", "--directory"), "start the supervisor in that folder instead"),
    **dict.fromkeys(("-n", "--dry-run", "--dryrun"), "call snakemake itself for a dry run"),
    **dict.fromkeys(("-q", "--quiet"), "what Snakemake says is what the supervisor goes by"),
    "--nolock": "two runs could write one file",
    "--unlock": "the supervisor does that when nothing is left that could write",
}


def check_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments of Snakemake under which a supervisor could not work.

    Raises:
        ReveilError: names the argument and what to do instead.
    """
    for word in arguments:
        name = word.split("=")[0]
        if name in REFUSED:
            raise ReveilError(f"{name}: not allowed with a supervisor: {REFUSED[name]}")


def prepare(folder: Path, *, take_over: bool) -> Record:
    """Return the record of a folder whose lock is held, if a run may start there.

    Args:
        take_over: whether what is left of a run on another machine, or of a Snakemake that no
            supervisor started, is known to be dead and may be cleaned up.

    Raises:
        ReveilError: something may still run here that this supervisor cannot see or did not start.
    """
    record = Record.load(folder)
    host = record.foreign_host()
    if host and not take_over:
        raise ReveilError(
            f"{record.running()} worked in {folder} and did not end in order. Log in to {host} "
            "and start it there, or, if that machine is gone for good, add --take-over"
        )
    mine = [record.engine.pid] if record.engine is not None and record.engine.alive() else []
    if others := other_engines(folder, mine):
        numbers = ", ".join(str(process.pid) for process in others)
        raise ReveilError(
            f"a Snakemake that no supervisor started runs in {folder} (process {numbers}); wait "
            "for it or end it first"
        )
    if record.engine is None and locked(folder) and not take_over:
        raise ReveilError(
            f"{folder} is locked by a Snakemake that no supervisor started. If it runs on another "
            "machine, wait for it; if it is dead, add --take-over: its jobs are cancelled, then "
            "its lock is removed"
        )
    if Queue.exists():
        # A lock may be of more than one Snakemake, and one of these alive on another machine.
        if take_over or not locked(folder):
            record.runs = sorted({*record.runs, *earlier_runs(folder)})
    elif record.runs:
        raise ReveilError(
            f"jobs of an earlier run may be in Slurm's queue ({', '.join(record.runs)}), and "
            "squeue and scancel are not on PATH; start this where they are"
        )
    return record


def earlier_runs(folder: Path) -> set[str]:
    """Return the SLURM run IDs of each Snakemake of the last days in ``folder``.

    Jobs of theirs are orphans when no Snakemake holds a lock here, whoever started it.
    """
    found: set[str] = set()
    oldest = time.time() - KEPT_DAYS * 86400
    for log in (folder / ".snakemake" / "log").glob("*.log"):
        if log.stat().st_mtime > oldest:
            found |= runs_named_in(log)
    return found


def start(
    arguments: list[str],
    command: list[str],
    settings: Settings,
    *,
    foreground: bool,
    follow: bool,
    take_over: bool,
) -> int:
    """Supervise Snakemake in the current folder, detached from the terminal or not.

    Returns:
        the status to exit with; 0 once a detached Snakemake has planned, unless it is followed.

    Raises:
        ReveilError: it may not start here.
    """
    check_arguments(arguments)
    folder = Path.cwd()
    lock = take_folder(folder)
    record = prepare(folder, take_over=take_over)
    journal = Journal(folder / LOG, echo=foreground)
    supervisor = Supervisor(record, command, arguments, settings, journal)
    if foreground:
        return supervisor.run()
    journal.path.parent.mkdir(parents=True, exist_ok=True)
    known = journal.path.stat().st_size if journal.path.exists() else 0
    process = os.fork()
    if process == 0:
        _detached(supervisor.run, journal.path)
    lock.release()
    print(
        f"supervisor started (process {process}); it writes {LOG}\n"
        "make cluster-status says how far it is, make cluster-stop ends it",
        flush=True,
    )
    return _follow(process, journal.path, known, to_the_end=follow)


def _detached(run: Callable[[], int], log: Path) -> None:
    """Leave the terminal and never return."""
    status = 1
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDONLY)
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(nowhere, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        status = run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _follow(process: int, log: Path, position: int, *, to_the_end: bool) -> int:
    """Print the log until Snakemake has planned: what it cannot plan is said at the prompt."""
    try:
        while True:
            ended, status = os.waitpid(process, os.WNOHANG)
            new, position = _print_from(log, position)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if PLANNED in new and not to_the_end:
                print("you may log out")
                return 0
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("\nno longer followed; the run goes on (make cluster-stop ends it)")
        return 0


def _print_from(log: Path, position: int) -> tuple[str, int]:
    """Print what a log holds from ``position`` on, and return that and its end."""
    try:
        with log.open("rb") as lines:
            lines.seek(position)
            new = lines.read()
    except FileNotFoundError:
        return "", position
    # An entry that is still being written is left for the next time.
    new = new[: new.rfind(b"\n") + 1]
    text = new.decode(errors="replace")
    print(text, end="", flush=True)
    return text, position + len(new)


def status(folder: Path) -> int:
    """Say what runs in ``folder`` and how far it is; return 0 if a supervisor runs, else 1."""
    lock = FolderLock(folder)
    free = lock.take()
    lock.release()
    record = Record.load(folder)
    if not free:
        print(f"{record.running()} is at work")
        print(_last_entry(folder / LOG))
        return 0
    if record.supervisor is None:
        print(f"no supervisor has worked in {folder}")
    elif record.ended is None:
        print(f"{record.running()} did not end in order; make cluster goes on from there")
    else:
        print(f"no supervisor runs; the last one, of {record.since}, ended: {record.ended}")
    return 1


def _last_entry(log: Path) -> str:
    try:
        entries = [line for line in log.read_text(errors="replace").splitlines() if line[:1] != " "]
    except FileNotFoundError:
        return ""
    return entries[-1] if entries else ""


def stop(folder: Path, command: list[str], settings: Settings) -> int:
    """End the supervisor of ``folder``, its Snakemake and their jobs, and wait until all are gone.

    What a supervisor that was killed left is ended all the same.

    Raises:
        ReveilError: it runs on another machine.
    """
    lock = FolderLock(folder)
    record = Record.load(folder)
    if lock.take():
        return _stop_left(record, command, settings)
    runner = record.supervisor
    if host := record.foreign_host():
        raise ReveilError(f"{record.running()} runs on {host}; stop it there")
    if runner is None or not runner.alive():
        raise ReveilError(f"{folder} is locked, but its supervisor is not to be found; try again")
    known = (folder / LOG).stat().st_size if (folder / LOG).exists() else 0
    os.kill(runner.pid, signal.SIGTERM)
    print("told it to end; Snakemake takes up to three minutes to leave")
    try:
        while not lock.take():
            _, known = _print_from(folder / LOG, known)
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("\nnot waited for any longer; it ends all the same")
        return 0
    _print_from(folder / LOG, known)
    return 0


def _stop_left(record: Record, command: list[str], settings: Settings) -> int:
    if host := record.foreign_host():
        raise ReveilError(f"{record.running()} worked on {host}; stop what it left there")
    if record.engine is None and not record.runs:
        print("nothing runs here")
        return 0
    if record.runs and not Queue.exists():
        raise ReveilError("squeue and scancel are not on PATH; stop this where they are")
    journal = Journal(record.folder / LOG, echo=True)
    still = "still runs" if Engine.adopt(record) else "is gone, too"
    journal.say(f"the supervisor is gone, Snakemake {still}: ends what it left")
    cleared = Supervisor(record, command, record.arguments, settings, journal).clear()
    return 0 if cleared else 1
