"""GPUs of this machine, handed out one to a job."""

import fcntl
import logging
import os
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from reveil.errors import ReveilError

log = logging.getLogger(__name__)


def visible(environ: Mapping[str, str] = os.environ, devices: str | Path = "/dev") -> list[str]:
    """Return the names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them.

    Like CUDA itself, the list in that variable ends before the first ``-1`` or empty entry; where
    the variable is not set, all of NVIDIA's devices count. Nothing is asked of a driver, so that a
    plan can be made in no time.
    """
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        numbers = (path.name.removeprefix("nvidia") for path in Path(devices).glob("nvidia[0-9]*"))
        return [str(number) for number in sorted(int(n) for n in numbers if n.isdigit())]
    cards: list[str] = []
    for part in map(str.strip, named.split(",")):
        if part in ("", "-1"):
            break
        cards.append(part)
    return cards


def lock_folder() -> Path:
    """Return the folder of this user's locks, shared by all clones of the repository.

    Raises:
        ReveilError: what lies there is not a folder of this user's own.
    """
    folder = Path(tempfile.gettempdir()) / f"reveil-cards-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ReveilError(f"{folder}: is not a folder of user {os.getuid()}; remove it")
    return folder


class Card:
    """One GPU, held by this process until it ends or lets go."""

    def __init__(self, name: str, handle: int) -> None:
        self.name, self._handle = name, handle

    def release(self) -> None:
        """Let other jobs have it."""
        os.close(self._handle)


def take(cards: Sequence[str], folder: str | Path, every: float = 1.0) -> Card:
    """Wait for a GPU that no other job holds, and hold it.

    The kernel drops the lock of a process that ends, however it ends.

    Args:
        cards: names as in CUDA_VISIBLE_DEVICES, at least one; earlier ones are taken first.
        folder: where the locks lie, a file for each card.
        every: seconds between two looks while all are held.
    """
    told = False
    while True:
        for name in cards:
            if (handle := _locked(Path(folder) / f"{name.replace('/', '-')}.lock")) is not None:
                return Card(name, handle)
        if not told:
            log.info("waiting for a GPU: other jobs hold %s", ", ".join(cards))
            told = True
        time.sleep(every)


def _locked(path: Path) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
