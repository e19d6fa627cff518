"""Processes by number and start, so that a number used again is never taken for ours."""

import os
import signal
import socket
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from reveil.preload.starting import SERVER

# Handed down to everything that a supervised Snakemake starts on this machine.
TOKEN = "REVEIL_SUPERVISED"
# Of a Snakemake that runs one job for another, or none at all.
NOT_MAIN = ("--target-jobs", "--mode", "-n", "--dry-run", "--dryrun", "--unlock")


@dataclass(frozen=True)
class Identity:
    """One process of one machine since its last start.

    Attributes:
        pid: its number.
        started: its start, in clock ticks after the machine's where /proc says so, else in
            seconds of the epoch.
        host: the machine's name.
        boot: what distinguishes the machine's starts; empty where that is unknown.
    """

    pid: int
    started: float
    host: str
    boot: str

    def alive(self) -> bool:
        """Return whether it still runs; False for a zombie, and for one of another machine."""
        return self == identify(self.pid)

    def as_dict(self) -> dict[str, Any]:
        """Return what :meth:`from_dict` reads."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any] | None) -> "Identity | None":
        """Return the process described by ``values``; None where there is none."""
        return None if values is None else Identity(**values)


def here() -> str:
    """Return the name of this machine."""
    return socket.gethostname()


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def identify(pid: int) -> Identity | None:
    """Return the process that has this number now, or None; a zombie is none."""
    path = Path("/proc", str(pid), "stat")
    try:
        if Path("/proc/self/stat").exists():
            # The name in brackets may hold blanks and brackets; what follows the last one is fixed.
            state, *rest = path.read_text().rpartition(")")[2].split()
            started = float(rest[18])
        else:
            process = psutil.Process(pid)
            state, started = process.status()[0].upper(), process.create_time()
    except (OSError, psutil.NoSuchProcess):
        return None
    return None if state == "Z" else Identity(pid, started, here(), _boot())


def _token(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(TOKEN)
    except (psutil.Error, OSError):
        return None


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except (ProcessLookupError, PermissionError):
        return None


def family(leader: Identity, token: str) -> list[psutil.Process]:
    """Return all that runs in the session of ``leader`` on this machine, whether it lives or not.

    Jobs of a cluster have the token too where they share the machine, but their own sessions.
    """
    if leader.host != here() or leader.boot != _boot():
        return []
    return [
        process
        for process in psutil.process_iter()
        if _session(process) == leader.pid and _running(process) and _token(process) == token
    ]


def _running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children(pid: int) -> list[psutil.Process]:
    """Return all that runs below a process, however deep, but for what waits for jobs to fork."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in below if _running(process) and not _preloads(process, pid)]


def _preloads(process: psutil.Process, engine: int) -> bool:
    """Return whether it is the server of reveil.preload; its forks have the same command line."""
    try:
        return process.ppid() == engine and any(
            Path(word).parts[-3:] == SERVER.parts[-3:] for word in process.cmdline()[1:2]
        )
    except psutil.Error:
        return False


def lasting_children(pid: int, seconds: float = 2.0) -> int:
    """Return how many processes a process started itself that are older than ``seconds``."""
    count = 0
    for process in children(pid):
        try:
            own = process.ppid() == pid
            count += own and time.time() - process.create_time() >= seconds
        except psutil.NoSuchProcess:
            continue
    return count


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far; 0 if it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def end(processes: Iterable[psutil.Process], seconds: float) -> None:
    """SIGTERM processes, SIGKILL those that live after ``seconds``, and wait until all are gone."""
    left = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        until = time.monotonic() + seconds
        while (left := [p for p in left if p.is_running() and _running(p)]) and (
            number == signal.SIGKILL or time.monotonic() < until
        ):
            time.sleep(0.05)


def other_engines(folder: Path, ours: Iterable[int] = ()) -> list[psutil.Process]:
    """Return the main processes of Snakemake that run in ``folder``, but for the numbers given."""
    found = []
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        try:
            words = process.cmdline()
            if _is_engine(words) and Path(process.cwd()) == folder and _running(process):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _is_engine(words: list[str]) -> bool:
    program = Path(words[0]).name if words else ""
    if program != "snakemake":
        if not program.startswith("python"):
            return False
        after = [word for word in words[1:] if word == "-m" or not word.startswith("-")][:2]
        module = after == ["-m", "snakemake"]
        if not module and Path((after or [""])[0]).name != "snakemake":
            return False
    return not any(word in NOT_MAIN for word in words)
