"""Bring one archive from one server, whole and verified, in as many transfers as it takes.

Size and digests are checked before the archive takes its final name.
"""

import hashlib
import json
import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from reveil.datasets import Source
from reveil.files import write_json
from reveil.progress import Progress

log = logging.getLogger(__name__)

BLOCK = 1 << 16
# An attempt that brought this much counts as the first again: a line that breaks every few
# megabytes still gets there, a server that sends a byte at a time does not keep us for ever.
WORTHWHILE = 1 << 20
BUSY = (408, 425, 429)
INVALID_ADDRESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)


@dataclass(frozen=True)
class Patience:
    """How long a server is tried.

    Attributes:
        attempts: in a row without worthwhile progress, before the next source.
        delay: seconds before the second attempt; doubled before each further one.
        longest: upper limit of the delay, in seconds.
        timeout: seconds to connect, and seconds without a byte.
    """

    attempts: int = 5
    delay: float = 1.0
    longest: float = 30.0
    timeout: tuple[float, float] = (10.0, 60.0)


class RefusedError(Exception):
    """This source cannot deliver; go on to the next."""


class _BrokenTransferError(Exception):
    """This source may deliver yet; try again."""


def mismatch(path: Path, source: Source) -> str | None:
    """Return how the file differs from what the registry says of it, or None if it does not."""
    size = path.stat().st_size
    if size != source.bytes:
        return f"has {size} bytes instead of {source.bytes}"
    for algorithm, expected in source.digests.items():
        with path.open("rb") as stream:
            actual = hashlib.file_digest(stream, algorithm).hexdigest()
        if actual != expected:
            return f"has {algorithm} {actual} instead of {expected}"
    return None


def download(source: Source, target: Path, patience: Patience) -> Source:
    """Transfer until the archive is whole, with growing pauses between attempts.

    What is broken off stays beside ``target``, for the next call to go on from.

    Returns:
        ``source``.

    Raises:
        RefusedError: the server has another file, or broke off more often than ``patience`` allows.
        OSError: the folder of ``target`` cannot be written.
    """
    part = Part(target)
    failed = 0
    while True:
        before = part.resumable(source)
        try:
            resumed = _transfer(source, part, before, patience)
            problem = mismatch(part.path, source)
            if problem is None:
                part.finish(target)
                return source
            part.discard()
            if not resumed:
                raise RefusedError(problem)
            raise _BrokenTransferError(f"the continued transfer {problem}")
        except _BrokenTransferError as reason:
            failed = 1 if part.size() - before >= WORTHWHILE else failed + 1
            if failed >= patience.attempts:
                raise RefusedError(f"{reason} (gave up after attempt {failed})") from reason
            delay = min(patience.delay * 2 ** (failed - 1), patience.longest)
            log.warning("%s: %s; trying again in %.3g s", source.url, reason, delay)
            time.sleep(delay)


def _transfer(source: Source, part: "Part", held: int, patience: Patience) -> bool:
    """Bring the missing bytes into ``part``; return whether it went on from earlier bytes."""
    if held == source.bytes:
        return True
    # Without "identity" a server may compress on the way, and sizes and ranges lose their meaning.
    headers = {"Accept-Encoding": "identity"}
    if held:
        headers["Range"] = f"bytes={held}-"
        if part.validator:
            headers["If-Range"] = part.validator
    try:
        with requests.get(
            source.url, headers=headers, stream=True, timeout=patience.timeout
        ) as response:
            _refuse_detour(response)
            start = _start(response, source, part, held)
            if not start:
                part.begin(source, _validator(response))
            _receive(response, source, part, start)
    except INVALID_ADDRESS as error:
        raise RefusedError(str(error)) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _BrokenTransferError(_innermost(error)) from error
    if part.size() < source.bytes:
        raise _BrokenTransferError(f"stopped after {part.size()} of {source.bytes} bytes")
    return bool(start)


def _refuse_detour(response: requests.Response) -> None:
    """Refuse an answer that another server than an encrypted one took part in."""
    hops = [urlsplit(answer.url).scheme for answer in (*response.history, response)]
    if hops[0] == "https" and set(hops) != {"https"}:
        raise RefusedError(f"leads from https to http, to {response.url}")


def _start(response: requests.Response, source: Source, part: "Part", held: int) -> int:
    """Return the offset of the first byte of the answer.

    Raises:
        RefusedError: the server does not have this archive.
        _BrokenTransferError: it cannot say now, or not for this range; a part that is to blame
            is dropped.
    """
    status = response.status_code
    if status == 200:
        offered = response.headers.get("Content-Length", "")
        if offered.isdigit() and int(offered) != source.bytes:
            raise RefusedError(f"offers {offered} bytes instead of {source.bytes}")
        return 0
    if status == 206 and held:
        match = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
        )
        fits = match and int(match[1]) == held and match[2] in (str(source.bytes), "*")
        theirs = _validator(response)
        if fits and (not theirs or not part.validator or theirs == part.validator):
            return held
        part.discard()
        raise _BrokenTransferError("continues another file or from another byte")
    if status == 416:
        part.discard()
        raise _BrokenTransferError("cannot continue from the bytes that are here")
    answer = f"HTTP {status} {response.reason or ''}".strip()
    if status >= 500 or status in BUSY:
        raise _BrokenTransferError(answer)
    raise RefusedError(answer)


def _receive(response: requests.Response, source: Source, part: "Part", start: int) -> None:
    what = f"{source.name}: {source.archive} (kB)"
    progress = Progress(what, source.bytes // 1000, done=start // 1000)
    held = start
    with part.path.open("ab", buffering=0) as stream:
        for block in response.raw.stream(BLOCK, decode_content=False):
            stream.write(block)
            held += len(block)
            if held > source.bytes:
                part.discard()
                raise RefusedError(f"sends more than the {source.bytes} bytes expected")
            kilobytes = held // 1000 - progress.done
            if kilobytes:
                progress.step(kilobytes)


def _validator(response: requests.Response) -> str:
    """Return what names this version of the file for ``If-Range``: a strong ETag or a date."""
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified", "")


def _innermost(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


class Part:
    """The bytes of an unfinished transfer, and the record of what they are part of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + ".part")
        self._record = target.with_name(target.name + ".part.json")
        self.validator = ""

    def size(self) -> int:
        """Return how many bytes are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def resumable(self, source: Source) -> int:
        """Return how many bytes of ``source`` are here; bytes of anything else are dropped."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            same = record["url"] == source.url and record["digests"] == dict(source.digests)
            self.validator = str(record["validator"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            same = False
        if not same or self.size() > source.bytes:
            self.discard()
        return self.size()

    def begin(self, source: Source, validator: str) -> None:
        """Start afresh with an empty part."""
        self.discard()
        record = {"url": source.url, "digests": dict(source.digests), "validator": validator}
        write_json(self._record, record)
        self.validator = validator

    def discard(self) -> None:
        """Remove the bytes and their record."""
        self.path.unlink(missing_ok=True)
        self._record.unlink(missing_ok=True)
        self.validator = ""

    def finish(self, target: Path) -> None:
        """Give the verified bytes their final name."""
        with self.path.open("rb") as stream:
            os.fsync(stream.fileno())
        self.path.replace(target)
        self.discard()
