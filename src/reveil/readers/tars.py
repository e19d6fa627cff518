"""Members of compressed tar archives, read one at a time; nothing is ever unpacked to disk."""

import gzip
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from reveil.errors import ReveilError
from reveil.readers.blocks import reading

# The largest member of ours, the training images of CIFAR-100, has 155 MB; the largest archive,
# CUB-200-2011, 1.2 GB. An archive that says otherwise is not ours, whatever its compressed size.
LONGEST_READ = 1 << 28
LONGEST_ARCHIVE = 1 << 33


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Yield the archive; what goes wrong with it is one ``ReveilError`` that names it."""
    with (
        reading(path),
        gzip.open(path) as stream,
        tarfile.open(fileobj=_Bounded(stream), mode="r:") as archive,
    ):
        yield archive


def wanted_members(
    path: Path, archive: tarfile.TarFile, names: Collection[str], longest: int
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of some members, in the order of the archive.

    Args:
        path: of the archive, for messages.
        names: of the members; others are passed over.
        longest: bytes that one of them may have.

    Raises:
        ReveilError: one of them is a link, a device or a folder, is there twice, or is longer.
    """
    seen: set[str] = set()
    for member in archive:
        if member.name not in names:
            continue
        if member.name in seen:
            raise ReveilError(f"{path}: member {member.name} is there twice")
        seen.add(member.name)
        stream = archive.extractfile(member) if member.isfile() else None
        if stream is None:
            raise ReveilError(f"{path}: member {member.name} is no plain file")
        if member.size > longest:
            raise ReveilError(f"{path}: member {member.name} has {member.size} bytes")
        yield member.name, stream


class _Bounded:
    """A decompressed stream that refuses what no archive of ours asks of it.

    A header of a few bytes may claim a name of gigabytes, which ``tarfile`` would read at once,
    and a small archive may decompress for ever.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST_READ:
            raise tarfile.ReadError(f"has a part of {size} bytes; allowed: up to {LONGEST_READ}")
        self._check(self._stream.tell() + size)
        return self._stream.read(size)

    def seek(self, position: int) -> int:
        self._check(position)
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, position: int) -> None:
        if position > LONGEST_ARCHIVE:
            raise tarfile.ReadError(f"is longer than {LONGEST_ARCHIVE} bytes once decompressed")
