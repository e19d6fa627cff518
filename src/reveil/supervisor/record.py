"""One supervisor per folder: a lock, and a record of what it started."""

import errno
import fcntl
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from reveil.errors import ReveilError
from reveil.supervisor.processes import Identity, here, identify

LOCK = Path(".snakemake", "supervisor.lock")
RECORD = Path(".snakemake", "supervisor.json")
# What file systems without locks answer, Lustre for one as it is often mounted.
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
LOGS = Path("logs", "cluster")


@dataclass
class Record:
    """What a supervisor leaves for the next one, and for ``--status`` and ``--stop``.

    Attributes:
        folder: the folder that Snakemake runs in.
        supervisor: the process that wrote this.
        since: when it began, as a person reads it.
        arguments: those of Snakemake.
        engine: Snakemake, until it and all it left are gone.
        token: what marks processes that Snakemake started on this machine.
        log: Snakemake's output, relative to ``folder``.
        runs: SLURM run IDs whose jobs are not known to be gone.
        ended: the last word; None while it is at work, or if it was killed.
    """

    folder: Path
    supervisor: Identity | None = None
    since: str = ""
    arguments: list[str] = field(default_factory=list)
    engine: Identity | None = None
    token: str = ""
    log: str = ""
    runs: list[str] = field(default_factory=list)
    ended: str | None = None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the record of ``folder``, an empty one where there is none.

        Raises:
            ReveilError: the file is damaged; it is not guessed at, because jobs may hang on it.
        """
        path = folder / RECORD
        try:
            values: dict[str, Any] = json.loads(path.read_text())
            for key in ("supervisor", "engine"):
                values[key] = Identity.from_dict(values[key])
            return cls(folder=folder, **values)
        except FileNotFoundError:
            return cls(folder)
        except OSError as error:
            raise ReveilError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise ReveilError(
                f"{path} is damaged ({error}); see with `squeue --me` that no job of this folder "
                "is left, then remove the file"
            ) from error

    def save(self) -> None:
        """Write the record, whole or not at all."""
        # Not above: it brings NumPy, whose threads must not exist when the supervisor detaches.
        from reveil.files import write_json

        values = {key: value for key, value in vars(self).items() if key != "folder"}
        for key in ("supervisor", "engine"):
            values[key] = None if values[key] is None else values[key].as_dict()
        write_json(self.folder / RECORD, values)

    def begin(self, arguments: list[str]) -> None:
        """Record that this process supervises the folder from now on."""
        self.supervisor, self.ended = identify(os.getpid()), None
        self.since, self.arguments = time.strftime("%Y-%m-%d %H:%M:%S"), arguments
        self.save()

    def foreign_host(self) -> str | None:
        """Return the other machine on which what was recorded may still run, or None."""
        if self.engine is not None:
            return None if self.engine.host == here() else self.engine.host
        open_end = self.supervisor is not None and self.ended is None
        return self.supervisor.host if open_end and self.supervisor.host != here() else None

    def running(self) -> str:
        """Return who runs here, for a message."""
        if self.supervisor is None:
            return "a supervisor"
        words = " ".join(self.arguments) or "no arguments"
        return (
            f"a supervisor (process {self.supervisor.pid} on {self.supervisor.host}, since "
            f"{self.since}, snakemake {words})"
        )


class FolderLock:
    """Held by the one supervisor of a folder; the system releases it when that one dies.

    Where the file system knows no locks, the record says whether that one lives.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / LOCK
        self._file: Any = None

    def take(self) -> bool:
        """Try to take the lock; return False if another process holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = self.path.open("a")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        except OSError as error:
            handle.close()
            if error.errno not in NO_LOCKS:
                raise
            holder = Record.load(self.folder)
            return holder.supervisor is None or not (
                holder.ended is None and holder.supervisor.alive()
            )
        self._file = handle
        return True

    def release(self) -> None:
        """Give the lock back, or this process's share in one that it handed to a child."""
        if self._file is not None:
            self._file.close()
            self._file = None


def take_folder(folder: Path) -> FolderLock:
    """Take the lock of ``folder``.

    Raises:
        ReveilError: another supervisor holds it; the message names it.
    """
    lock = FolderLock(folder)
    if not lock.take():
        raise ReveilError(
            f"{Record.load(folder).running()} is at work in {folder} already. To see how far it "
            "is: make cluster-status; to end it: make cluster-stop"
        )
    return lock
