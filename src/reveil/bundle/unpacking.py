"""A bundle put back into a clone: every file checked, nothing overwritten."""

import hashlib
import json
import os
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from reveil.bundle.archive import DRAWN, described, safe_name, same
from reveil.bundle.contents import FOLDERS, METADATA
from reveil.errors import ReveilError
from reveil.files import atomic

# So much older is what can be drawn again: more than the clocks of file systems round.
BEFORE = 60.0
BLOCK = 2**20
# What the library raises of a damaged, encrypted or foreign archive, or of its metadata.
UNREADABLE = (OSError, EOFError, KeyError, RuntimeError, ValueError)
UNREADABLE += (zipfile.BadZipFile, zlib.error)


def unpack(bundle: str | Path, root: Path) -> list[str]:
    """Put the results of a bundle below ``root``, and return their names.

    Files that are there already, with the same content, stay as they are.
    Tables get the present time and what is drawn from them an earlier one, so that Snakemake draws
    it again when asked, and asks for nothing behind the tables.

    Raises:
        ReveilError: it is no bundle, a file in it is not what its metadata say or would leave
            ``results`` and ``logs``, or another file of its name is there already.
    """
    try:
        with zipfile.ZipFile(bundle) as archive:
            said = described(json.loads(archive.read(METADATA)))
            chosen = sorted(name for name in said if name.split("/")[0] in FOLDERS)
            _check_names(bundle, chosen)
            there = _already_there(root, chosen, said)
            now = time.time()
            for name in sorted(set(chosen) - there):
                _write(archive, name, root / name, said[name])
                drawn = archive.getinfo(name).date_time == DRAWN
                os.utime(root / name, (now - BEFORE * drawn,) * 2)
    except UNREADABLE as error:
        raise ReveilError(f"{bundle}: cannot be read as a bundle: {error}") from None
    return chosen


def _check_names(bundle: str | Path, names: list[str]) -> None:
    if odd := [name for name in names if not safe_name(name, FOLDERS)]:
        raise ReveilError(f"{bundle}: holds {odd[0]!r}, which would leave the folder; not unpacked")


def _already_there(root: Path, names: list[str], said: dict[str, str]) -> set[str]:
    taken = {name for name in names if os.path.lexists(root / name)}
    if other := [name for name in sorted(taken) if not same(root / name, said[name])]:
        raise ReveilError(
            f"{other[0]}: another file of this name is there already ({len(other)} in all); "
            "move that run out of the way, or unpack into another clone"
        )
    return taken


def _write(archive: zipfile.ZipFile, name: str, target: Path, digest: str) -> None:
    found = hashlib.sha256()
    with atomic(target) as temporary, temporary.open("wb") as out:
        for block in _blocks(archive, name):
            found.update(block)
            out.write(block)
        if found.hexdigest() != digest:
            raise ReveilError(f"{name}: is not what the bundle's metadata say; it is damaged")


def _blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as stream:
        while block := stream.read(BLOCK):
            yield block
