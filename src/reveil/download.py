"""Get an archive from the first place that has it, whole and verified.

Local folders come first, then the addresses of ``config/datasets.csv`` in order. Whatever the
source, size and digests are checked before the archive takes its final name.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from reveil.datasets import DATASETS, Dataset, Source, sources_of
from reveil.disk import explain
from reveil.errors import ReveilError
from reveil.files import atomic
from reveil.transfer import Part, Patience, RefusedError, download, mismatch

log = logging.getLogger(__name__)

NO_FOLDER = "a folder that the config lists for local copies"


class _AbsentError(RefusedError):
    """This source has nothing, as a user's folders mostly do."""


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
            except RefusedError as reason:
                expected = isinstance(reason, _AbsentError)
                log.log(logging.INFO if expected else logging.WARNING, "%s: %s", place, reason)
                failures.append(f"{place}: {reason}")
                continue
            Part(target).discard()
            log.info("%s: %s from %s, verified", dataset, archive, place)
            return source
    except OSError as error:
        raise explain(target, error) from error
    raise ReveilError(_nothing_left(target, sources, registry, folders, Path(root), failures))


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
            path = local_file(folder, sources[0].name, name)
            # A user's copy may be packed as any of the sources packs it.
            yield str(path), lambda path=path: _copy(path, target, sources)
    for source in sources:
        if source.role == "local":
            continue
        if source.remote:
            yield source.url, lambda source=source: download(source, target, patience)
        else:
            path = root / source.url
            yield str(path), lambda path=path, source=source: _copy(path, target, [source])


def local_file(folder: Path, dataset: str, name: str) -> Path:
    """Return where an archive lies, or would: in a user's folder, or there in the dataset's."""
    direct, inside = folder / name, folder / dataset / name
    # os.path.isfile is False, and Path.is_file an error, where a folder may not be entered.
    return inside if os.path.isfile(inside) and not os.path.isfile(direct) else direct


def _copy(path: Path, target: Path, accepted: Sequence[Source]) -> Source:
    try:
        if not path.is_file():
            raise _AbsentError("no such file")
        problems = [mismatch(path, source) for source in accepted]
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}") from error
    if all(problems):
        raise RefusedError(" and ".join(dict.fromkeys(problems)))
    source = accepted[problems.index(None)]
    with atomic(target) as temporary:
        shutil.copyfile(path, temporary)
        problem = mismatch(temporary, source)
        if problem:
            raise RefusedError(f"changed while it was copied: {problem}")
    return source


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
