"""Members of zip archives, read one at a time."""

import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from reveil.errors import ReveilError

# A picture takes kilobytes, a list of names at most a few megabytes; an archive that says otherwise
# is not ours.
LONGEST_MEMBER = 1 << 24


def check_names(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise a ``ReveilError`` for a member that points outside the archive, or is there twice."""
    for name, count in Counter(archive.namelist()).items():
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ".." in parts or ":" in name:
            raise ReveilError(f"{path}: member {name!r} points outside the archive")
        if not name.isprintable():
            raise ReveilError(f"{path}: member {name!r} has characters that no name of ours has")
        if count > 1:
            raise ReveilError(f"{path}: member {name!r} is there {count} times")


def member_of(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of a member.

    Raises:
        ReveilError: there is none of that name, or it is longer than any of ours.
    """
    try:
        size = archive.getinfo(name).file_size
    except KeyError:
        raise ReveilError(f"{archive.filename}: has no member {name}") from None
    if size > LONGEST_MEMBER:
        raise ReveilError(f"{archive.filename}: member {name} has {size} bytes")
    return archive.read(name)
