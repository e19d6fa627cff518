"""Atomic writes: a file under its final name is always whole."""

import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from reveil.disk import REFUSED, code_of, explain
from reveil.errors import ReveilError
from reveil.records import FLOAT, Records


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name if the block succeeds.

    The temporary name keeps the suffix, because writers such as ``numpy.savez`` and
    ``Figure.savefig`` choose the format by it. On an error nothing is left behind.

    Raises:
        ReveilError: the folder cannot be written, or its disk is full.
    """
    target = Path(path)
    temporary = _temporary(target)
    problem: BaseException | None = None
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except Exception as error:
        if code_of(error) not in REFUSED:
            raise
        problem = error
    finally:
        temporary.unlink(missing_ok=True)
    # Said once the half-written file is gone, as its space is free again.
    if problem is not None:
        raise explain(target, problem) from problem


def _temporary(target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent
        )
    except OSError as error:
        raise explain(target, error) from error
    os.close(handle)
    return Path(name)


def _umask() -> int:
    # The only portable way to read the mask is to set it; jobs of one process do not race here.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_yaml(path: str | os.PathLike[str], value: Any) -> None:
    """Write ``value`` as YAML with sorted keys, which says the same wherever it is read."""
    import yaml

    write_text(path, yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=100))


def write_csv(path: str | os.PathLike[str], table: Any) -> None:
    """Write a table without an index, numbers with 10 significant digits.

    Args:
        path: of the file.
        table: a pandas ``DataFrame``, or :class:`reveil.records.Records`.
    """
    with atomic(path) as temporary:
        if isinstance(table, Records):
            table.write(temporary)
        else:
            table.to_csv(temporary, index=False, float_format=FLOAT, lineterminator="\n")


def write_npy(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write one array in NumPy's format, never with pickled objects."""
    with atomic(path) as temporary:
        np.save(temporary, array, allow_pickle=False)


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays in one compressed archive, never with pickled objects."""
    with atomic(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def read_npz(
    path: str | os.PathLike[str],
    names: Collection[str] | None = None,
    *,
    optional: Collection[str] = (),
    what: str = "arrays",
) -> dict[str, np.ndarray]:
    """Return arrays of an archive that :func:`write_npz` wrote.

    Args:
        path: of the archive.
        names: of the arrays that it must have; None for all that are there.
        optional: names of further arrays, returned if they are there.
        what: the archive is of, for the message.

    Raises:
        ReveilError: it is missing, cut off or changed, lacks an array, or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            chosen = archive.files if names is None else [*names]
            chosen += [name for name in optional if name in archive and name not in chosen]
            arrays = {name: archive[name] for name in chosen}
            # What is no array in there, NumPy hands on as its bytes.
            if odd := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
                raise ValueError(f"{odd[0]!r} is no array")
            return arrays
    except Exception as error:  # a damaged archive may raise anything
        raise ReveilError(
            f"{os.fspath(path)}: not an archive of {what}: {error}; {remake(path)}"
        ) from error


def remake(path: str | os.PathLike[str]) -> str:
    """Return how a damaged result is made again."""
    return f"delete it, or run `snakemake -f {os.fspath(path)}`, to have it made again"
