"""Disks that are full or may not be written: what to say, and asking for the space first."""

import errno
import os
import re
import shutil
from pathlib import Path
from typing import IO

from reveil.errors import ReveilError

# Of a write that fails for want of space, or of the right to write.
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
AGAIN = "then start again: what is finished stays, and no half-written file is left under its name"


def explain(path: str | os.PathLike[str], error: BaseException) -> ReveilError:
    """Return the sentence for a file that could not be written, with the space that is left.

    Args:
        path: the name that the file was to have.
        error: what the system, or a library, said.
    """
    code = code_of(error)
    folder = _existing(Path(path).parent)
    if code in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(folder).free
        quota = "; a quota may allow less" if code == errno.EDQUOT else ""
        return ReveilError(
            f"{path}: cannot be written: the disk of {folder} is full, {free} bytes are free there "
            f"and it needs more{quota}; make space, {AGAIN}"
        )
    if code in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ReveilError(
            f"{path}: cannot be written: {folder} is read-only for this user "
            f"({os.strerror(code)}); allow it, {AGAIN}"
        )
    return ReveilError(f"{path}: cannot be written: {error}")


def code_of(error: BaseException) -> int | None:
    """Return the number of the system's error, also where a library hands on its text alone."""
    # NumPy tells how much of an array it could not write, and not why.
    if isinstance(error, OSError) and re.search(r"\d+ requested and \d+ written", str(error)):
        return errno.ENOSPC
    if isinstance(error, OSError):
        return error.errno
    # As the file formats written in Rust tell it: "... (os error 28)".
    return next((code for code in REFUSED if f"(os error {code})" in str(error)), None)


def reserve(stream: IO[bytes], size: int) -> None:
    """Take the space of a file of ``size`` bytes that is going to be written as memory.

    Without it, the system ends a process that writes to a mapped file on a full disk, with no
    error that could be told.

    Raises:
        OSError: there is not so much space.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(stream.fileno(), 0, size)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that exists."""
    return next((f for f in (folder, *folder.parents) if os.path.isdir(f)), Path("."))
