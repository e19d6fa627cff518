"""The bytes of a bundle: the same files make the same archive, wherever and whenever."""

import json
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from reveil.bundle.contents import METADATA, Entry
from reveil.digest import file_digest
from reveil.errors import ReveilError
from reveil.files import atomic

# What is drawn is the older: Snakemake, asked for it, draws it again from the tables beside it.
DRAWN = (1980, 1, 1, 0, 0, 0)
OTHERS = (1980, 1, 2, 0, 0, 0)
# Compressed already.
STORED = {".npz", ".png", ".zip"}
UNIX = 3
READABLE = 0o100644 << 16


def pack(target: str | Path, metadata: Path, files: Iterable[Entry], drawn: Collection[str]) -> int:
    """Write a zip archive of the files, in the order of their names, after its metadata.

    Args:
        target: path of the archive.
        metadata: of the crate, which becomes the first file.
        files: the other files.
        drawn: names of those that can be made again from the rest.

    Returns:
        How many files there are in it.

    Raises:
        ReveilError: a file is not what the metadata say.
    """
    said = described(json.loads(metadata.read_text(encoding="utf-8")))
    packed = sorted(files, key=lambda entry: entry.name)
    if odd := sorted({entry.name for entry in packed} ^ said.keys()):
        raise ReveilError(f"bundle: {odd[0]} is not in both the metadata and the files")
    with atomic(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _add(archive, METADATA, metadata.read_bytes(), OTHERS)
        for entry in packed:
            if said[entry.name] != entry.sha256:
                raise ReveilError(
                    f"bundle: {entry.path} is not what the metadata describe; "
                    f"delete {metadata} to have it described again"
                )
            time = DRAWN if entry.name in drawn else OTHERS
            _add(archive, entry.name, entry.path.read_bytes(), time)
    return 1 + len(packed)


def described(metadata: dict) -> dict[str, str]:
    """Return name -> SHA-256 of the files in a bundle, by its metadata.

    Raises:
        ReveilError: they are no metadata of a bundle of ours.
    """
    try:
        entities = {entity["@id"]: entity for entity in metadata["@graph"]}
        parts = [part["@id"] for part in entities["./"]["hasPart"]]
        files = [entities[part] for part in parts if "://" not in part]
        return {unquote(entity["@id"]): entity["sha256"] for entity in files}
    except (KeyError, TypeError) as error:
        raise ReveilError(f"{METADATA}: is not that of a bundle ({error!r})") from None


def safe_name(name: str, folders: Collection[str]) -> bool:
    """Return whether a file of this name stays in one of the folders when it is unpacked."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and "\\" not in name
    return plain and path.as_posix() == name and path.parts[0] in folders and len(path.parts) > 1


def same(path: Path, digest: str) -> bool:
    """Return whether a file is there and has this digest."""
    return path.is_file() and file_digest(path) == digest


def _add(archive: zipfile.ZipFile, name: str, content: bytes, time: tuple[int, ...]) -> None:
    info = zipfile.ZipInfo(name, time)
    info.create_system, info.external_attr = UNIX, READABLE
    stored = PurePosixPath(name).suffix in STORED
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    archive.writestr(info, content, compresslevel=None if stored else 9)
