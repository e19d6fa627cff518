"""Archives and pickles that are the same to the byte whoever makes them, wherever and whenever."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

LARGEST_STORED_BLOCK = 0xFFFF


def pickled(value: Mapping[str, object]) -> bytes:
    """Return a dict of texts, numbers, lists of these and byte arrays as Python 2 pickled it.

    The published CIFAR archives are such pickles: protocol 2, texts as byte strings, and arrays
    under the names that NumPy had then. ``pickle`` itself would write those of the NumPy at hand.
    """
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: object) -> bytes:
    if isinstance(value, str):
        return b"U" + bytes([len(value.encode())]) + value.encode()
    if isinstance(value, int):
        return b"M" + struct.pack("<H", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, np.ndarray):
        return _array_opcodes(value)
    items = (_opcodes(key) + _opcodes(item) for key, item in value.items())
    return b"}(" + b"".join(items) + b"u"


def _array_opcodes(array: np.ndarray) -> bytes:
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    empty += _opcodes(0) + b"\x85" + _opcodes("b") + b"\x87R"
    kind = b"cnumpy\ndtype\n" + _opcodes("u1") + _opcodes(0) + _opcodes(1) + b"\x87R"
    # Version 3, no byte order, no fields, and neither size nor alignment of its own.
    unset = struct.pack("<i", -1)
    kind += b"(" + _opcodes(3) + _opcodes("|") + b"NNN" + b"J" + unset + b"J" + unset
    kind += _opcodes(0) + b"tb"
    shape = b"".join(map(_opcodes, array.shape)) + b"\x86"
    content = b"T" + struct.pack("<I", array.nbytes) + array.tobytes()
    return empty + b"(" + _opcodes(1) + shape + kind + b"\x89" + content + b"tb"


def tar(members: Mapping[str, bytes]) -> bytes:
    """Return a tar archive of files, sorted by name, owned by nobody, of the year 1970."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(members):
            facts = tarfile.TarInfo(name)
            facts.size = len(members[name])
            archive.addfile(facts, io.BytesIO(members[name]))
    return stream.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of files as they are, sorted by name, of the year 1980."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            facts = zipfile.ZipInfo(name)
            facts.create_system = 3
            facts.external_attr = 0o644 << 16
            archive.writestr(facts, members[name])
    return stream.getvalue()


def stored_gzip(content: bytes) -> bytes:
    """Return gzip data in stored blocks; where to cut them would be each zlib's own choice."""
    header = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    pieces = [
        content[start : start + LARGEST_STORED_BLOCK]
        for start in range(0, len(content), LARGEST_STORED_BLOCK)
    ]
    blocks = [struct.pack("<BHH", 0, len(p), len(p) ^ 0xFFFF) + p for p in pieces]
    last = struct.pack("<BHH", 1, 0, 0xFFFF)
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return b"".join([header, *blocks, last, trailer])
