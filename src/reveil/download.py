"""Get an archive from the first place that has it, whole and verified.

Local folders come first, then the addresses of ``config/datasets.csv`` in order. Whatever the
source, size and digests are checked before the archive takes its final name.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from reveil.datasets import DATASETS, Dataset, Source, sources_of
from reveil.disk import explain
from reveil.errors import ReveilError
from reveil.files import atomic, write_json
from reveil.progress import Progress

log = logging.getLogger(__name__)

BLOCK = 1 << 16
# An attempt that brought this much counts as the first again: a line that breaks every few
# megabytes still gets there, a server that sends a byte at a time does not keep us for ever.
WORTHWHILE = 1 << 20
BUSY = (408, 425, 429)
NO_FOLDER = "a folder that the config lists for local copies"
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


class _RefusedError(Exception):
    """This source cannot deliver; go on to the next."""


class _AbsentError(_RefusedError):
    """This source has nothing, as a user's folders mostly do."""


class _BrokenTransferError(Exception):
    """This source may deliver yet; try again."""


def fetch(
    dataset: str,
    archive: str,
    destination: str | Path,
    registry: Sequence[Source],
    *,
    local_folders: Iterable[str | Path] = (),
    root: str | Path = ".",
    patience: Patience | None = None,
) -> Source:
    """Put an archive at ``destination``, complete and verified.

    A broken transfer leaves ``destination`` + ``.part`` and a record of where it came from; the
    next attempt, or the next run, goes on from there.

    Args:
        dataset, archive: which archive, as in the registry.
        destination: path of the archive.
        registry: rows of :func:`reveil.datasets.read_registry`.
        local_folders: searched first, for the archive itself or for it in a folder named after
            the dataset; ``~`` is the home directory.
        root: what addresses without a scheme are relative to.
        patience: see :class:`Patience`.

    Returns:
        The row that the archive agrees with.

    Raises:
        ReveilError: no source delivered; every one is named with the reason, and what to do.
            Or the destination cannot be written.
    """
    target, folders = Path(destination), [Path(f).expanduser() for f in local_folders]
    sources = sources_of(dataset, archive, registry)
    failures: list[str] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        found = _present(target, sources)
        if found is not None:
            return found
        for place, deliver in _places(sources, folders, target, Path(root), patience or Patience()):
            try:
                source = deliver()
            except _RefusedError as reason:
                expected = isinstance(reason, _AbsentError)
                log.log(logging.INFO if expected else logging.WARNING, "%s: %s", place, reason)
                failures.append(f"{place}: {reason}")
                continue
            _Part(target).discard()
            log.info("%s: %s from %s, verified", dataset, archive, place)
            return source
    except OSError as error:
        raise explain(target, error) from error
    raise ReveilError(_nothing_left(target, sources, registry, folders, Path(root), failures))


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


def _present(target: Path, sources: Sequence[Source]) -> Source | None:
    if not target.is_file():
        return None
    return next((source for source in sources if mismatch(target, source) is None), None)


def _places(
    sources: Sequence[Source],
    folders: Sequence[Path],
    target: Path,
    root: Path,
    patience: Patience,
) -> Iterator[tuple[str, Callable[[], Source]]]:
    """Yield (what to call it, how to get it) of every place, in the order they are tried."""
    for name in dict.fromkeys(s.url for s in sources if s.role == "local"):
        for folder in folders:
            path = _in_folder(folder, sources[0].name, name)
            # A user's copy may be packed as any of the sources packs it.
            yield str(path), lambda path=path: _copy(path, target, sources)
    for source in sources:
        if source.role == "local":
            continue
        if source.remote:
            yield source.url, lambda source=source: _download(source, target, patience)
        else:
            path = root / source.url
            yield str(path), lambda path=path, source=source: _copy(path, target, [source])


def _in_folder(folder: Path, dataset: str, name: str) -> Path:
    direct, inside = folder / name, folder / dataset / name
    # os.path.isfile is False, and Path.is_file an error, where a folder may not be entered.
    return inside if os.path.isfile(inside) and not os.path.isfile(direct) else direct


def _copy(path: Path, target: Path, accepted: Sequence[Source]) -> Source:
    try:
        if not path.is_file():
            raise _AbsentError("no such file")
        problems = [mismatch(path, source) for source in accepted]
    except OSError as error:
        raise _RefusedError(f"cannot be read: {error.strerror}") from error
    if all(problems):
        raise _RefusedError(" and ".join(dict.fromkeys(problems)))
    source = accepted[problems.index(None)]
    with atomic(target) as temporary:
        shutil.copyfile(path, temporary)
        problem = mismatch(temporary, source)
        if problem:
            raise _RefusedError(f"changed while it was copied: {problem}")
    return source


def _download(source: Source, target: Path, patience: Patience) -> Source:
    """Transfer until the archive is whole, with growing pauses between attempts."""
    part = _Part(target)
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
                raise _RefusedError(problem)
            raise _BrokenTransferError(f"the continued transfer {problem}")
        except _BrokenTransferError as reason:
            failed = 1 if part.size() - before >= WORTHWHILE else failed + 1
            if failed >= patience.attempts:
                raise _RefusedError(f"{reason} (gave up after attempt {failed})") from reason
            delay = min(patience.delay * 2 ** (failed - 1), patience.longest)
            log.warning("%s: %s; trying again in %.3g s", source.url, reason, delay)
            time.sleep(delay)


def _transfer(source: Source, part: "_Part", held: int, patience: Patience) -> bool:
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
        raise _RefusedError(str(error)) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _BrokenTransferError(_innermost(error)) from error
    if part.size() < source.bytes:
        raise _BrokenTransferError(f"stopped after {part.size()} of {source.bytes} bytes")
    return bool(start)


def _refuse_detour(response: requests.Response) -> None:
    """Refuse an answer that another server than an encrypted one took part in."""
    hops = [urlsplit(answer.url).scheme for answer in (*response.history, response)]
    if hops[0] == "https" and set(hops) != {"https"}:
        raise _RefusedError(f"leads from https to http, to {response.url}")


def _start(response: requests.Response, source: Source, part: "_Part", held: int) -> int:
    """Return the offset of the first byte of the answer.

    Raises:
        _RefusedError: the server does not have this archive.
        _BrokenTransferError: it cannot say now, or not for this range; a part that is to blame
            is dropped.
    """
    status = response.status_code
    if status == 200:
        offered = response.headers.get("Content-Length", "")
        if offered.isdigit() and int(offered) != source.bytes:
            raise _RefusedError(f"offers {offered} bytes instead of {source.bytes}")
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
    raise _RefusedError(answer)


def _receive(response: requests.Response, source: Source, part: "_Part", start: int) -> None:
    what = f"{source.name}: {source.archive} (kB)"
    progress = Progress(what, source.bytes // 1000, done=start // 1000)
    held = start
    with part.path.open("ab", buffering=0) as stream:
        for block in response.raw.stream(BLOCK, decode_content=False):
            stream.write(block)
            held += len(block)
            if held > source.bytes:
                part.discard()
                raise _RefusedError(f"sends more than the {source.bytes} bytes expected")
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


class _Part:
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


def _nothing_left(
    target: Path,
    sources: Sequence[Source],
    registry: Sequence[Source],
    folders: Sequence[Path],
    root: Path,
    failures: Sequence[str],
) -> str:
    first = sources[0]
    lines = [f"{target}: none of {len(failures)} sources delivered it:", *failures]
    embedded = [source.url for source in sources if source.role != "local" and not source.remote]
    known = next((data for data in DATASETS.values() if data.home == first.name), None)
    if known is not None and known.by_hand:
        lines += _by_hand(known, registry, folders)
    elif any(source.role == "local" for source in sources):
        where = ", ".join(map(str, folders)) or NO_FOLDER
        lines.append(f"To go on, put the file {_file(first)} into one of these folders: {where}")
    elif embedded:
        lines.append(f"To go on, restore the file {_file(first)} as {root / embedded[0]}")
    else:
        lines.append(f"To go on, put the file {_file(first)} where it is wanted: {target}")
    if known is not None and known.synthetic:
        lines.append("`PYTHONPATH=src python -m reveil.synthetic build FOLDER` makes it there")
    return "\n  ".join(lines)


def _by_hand(
    dataset: Dataset, registry: Sequence[Source], folders: Sequence[Path]
) -> Iterator[str]:
    """Yield what a person has to do for a dataset that no program can fetch."""
    where = ", ".join(str(folder / dataset.home) for folder in folders) or NO_FOLDER
    yield f"{dataset.title} must be downloaded by hand, from {dataset.by_hand}"
    yield f"To go on, put these {len(dataset.archives)} files, as they are, into one of: {where}"
    for archive in dataset.archives:
        yield f"  {_file(sources_of(dataset.home, archive, registry)[0])}"


def _file(source: Source) -> str:
    digests = " ".join(f"{name}:{value}" for name, value in source.digests.items())
    return f"{source.archive} ({source.bytes} bytes, {digests})"
