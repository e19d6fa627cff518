"""Where archives are to be found: the rows of ``config/datasets.csv``."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import urlsplit

from reveil.errors import ReveilError, nearest, not_allowed

REGISTRY_COLUMNS = ("name", "version", "archive", "role", "url", "digest", "bytes", "licence")
ROLES = ("local", "primary", "mirror")
DIGEST_LENGTHS = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Source:
    """One row of ``config/datasets.csv``: a place where an archive may be found.

    Attributes:
        name: dataset.
        version: of the dataset, or of this packing of it.
        archive: file name under which the archive is kept.
        role: ``local`` (looked up in the local folders), ``primary`` or ``mirror``.
        url: http(s) address; without a scheme, a path below the root of the repository, or for
            ``local`` the file name to look for.
        digests: algorithm -> hex digest; all of them must agree.
        bytes: size of the archive.
        licence: of the data.
    """

    name: str
    version: str
    archive: str
    role: str
    url: str
    digests: Mapping[str, str]
    bytes: int
    licence: str

    @property
    def remote(self) -> bool:
        """Whether the archive comes over the network."""
        return bool(urlsplit(self.url).scheme)


def read_registry(path: str | Path) -> tuple[Source, ...]:
    """Read ``config/datasets.csv``, in the order of its rows.

    Raises:
        ReveilError: the file cannot be read, or has rows that are not valid; all are named.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
            columns = tuple(table.fieldnames or ())
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReveilError(f"{path}: cannot be read as a table of datasets: {error}") from error
    if columns != REGISTRY_COLUMNS:
        raise ReveilError(
            f"{path}: columns are {', '.join(columns) or 'missing'}; "
            f"they must be {', '.join(REGISTRY_COLUMNS)}"
        )
    sources: list[Source] = []
    problems: list[str] = []
    for line, row in enumerate(rows, start=2):
        wrong = _row_problems(row)
        problems += [f"line {line}: {problem}" for problem in wrong]
        if not wrong:
            sources.append(_source(row))
    if problems:
        raise ReveilError(f"{path}: " + "; ".join(problems))
    return tuple(sources)


def sources_of(dataset: str, archive: str, registry: Sequence[Source]) -> tuple[Source, ...]:
    """Return the rows for one archive, in order.

    Raises:
        ReveilError: the registry has none.
    """
    found = tuple(s for s in registry if s.name == dataset and s.archive == archive)
    if not found:
        known = sorted({f"{s.name}/{s.archive}" for s in registry})
        hint = nearest(f"{dataset}/{archive}", known)
        raise ReveilError(
            f"datasets.csv lists no source for {archive!r} of dataset {dataset!r}"
            + (f"; did you mean {hint}?" if hint else "")
        )
    return found


def _source(row: Mapping[str, str]) -> Source:
    digests = dict(digest.split(":", 1) for digest in row["digest"].lower().split())
    return Source(
        name=row["name"],
        version=row["version"],
        archive=row["archive"],
        role=row["role"],
        url=row["url"],
        digests=MappingProxyType(digests),
        bytes=int(row["bytes"]),
        licence=row["licence"],
    )


def _row_problems(row: Mapping[str | None, str | None]) -> list[str]:
    if None in row or None in row.values():
        return [f"has not exactly the {len(REGISTRY_COLUMNS)} columns"]
    problems = [f"{column} is empty" for column in REGISTRY_COLUMNS if not row[column]]
    if problems:
        return problems
    if row["role"] not in ROLES:
        problems.append(not_allowed("role", row["role"], ROLES))
    if not is_plain_name(row["archive"]):
        problems.append(f"archive: {row['archive']!r} is not a file name")
    if not re.fullmatch(r"[1-9]\d*", row["bytes"]):
        problems.append(f"bytes: {row['bytes']!r} is not a positive number")
    problems += _url_problems(row["role"], row["url"])
    problems += _digest_problems(row["digest"])
    if row["url"].lower().startswith("http:") and "sha256:" not in row["digest"].lower():
        problems.append(
            f"url: {row['url']!r} is http, which anyone on the way can change, and the digest has "
            "no sha256; allowed: https, or http with a sha256"
        )
    return problems


def _url_problems(role: str, url: str) -> list[str]:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [f"url: {url!r} is no address ({error})"]
    if role == "local":
        return [] if is_plain_name(url) else [f"url: {url!r} of a local source is not a file name"]
    if parts.scheme:
        valid = parts.scheme in ("http", "https") and bool(parts.netloc)
        return [] if valid else [f"url: {url!r} is neither http nor https"]
    path = PurePosixPath(url)
    if path.is_absolute() or ".." in path.parts:
        return [f"url: {url!r} is not a path below the root of the repository"]
    return []


def _digest_problems(cell: str) -> list[str]:
    problems = []
    for digest in cell.split():
        algorithm, _, value = digest.partition(":")
        length = DIGEST_LENGTHS.get(algorithm.lower())
        if length is None or not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", value):
            problems.append(f"digest: {digest!r} is neither md5:<32 hex> nor sha256:<64 hex>")
    return problems


def is_plain_name(name: str) -> bool:
    """Return whether ``name`` is a file name and nothing else: no folder, no ``..``."""
    return name not in ("", ".", "..") and not re.search(r"[/\\\x00]", name)
