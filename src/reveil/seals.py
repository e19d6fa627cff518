"""Whether a table is still the one that its job wrote.

A table that was cut off between two rows is as good a table as any other. So what a job wrote is
noted with its digest: in its provenance, under ``outputs``, or, for a table that has none, in a
hidden file beside it. A table with neither, such as one from elsewhere, is taken as it is.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from reveil.digest import file_digest
from reveil.errors import ReveilError
from reveil.files import remake, write_text

OUTPUTS = "outputs"
PROVENANCE = "provenance.json"

Name = str | os.PathLike[str]


def digests(paths: Iterable[Name]) -> dict[str, str]:
    """Return file name -> SHA-256 of those of the files that exist, for the provenance."""
    return {Path(path).name: file_digest(path) for path in paths if Path(path).is_file()}


def seal(path: Name) -> None:
    """Note the digest of a file in a hidden file beside it."""
    write_text(_beside(Path(path)), file_digest(path) + "\n")


def check(path: Name) -> None:
    """Refuse a file that is not what its job wrote.

    Raises:
        ReveilError: its digest differs from the one that was noted, or the note is damaged.
    """
    path = Path(path)
    expected = noted(path)
    if expected is not None and expected != file_digest(path):
        raise ReveilError(
            f"{path}: is not what its job wrote, but was cut off or changed since; {remake(path)}"
        )


def noted(path: Path) -> str | None:
    """Return the digest that was noted of a file when it was written, if any was.

    Raises:
        ReveilError: the note is damaged.
    """
    if _beside(path).is_file():
        return _beside(path).read_text(encoding="utf-8").strip()
    for record in (path.with_suffix(".json"), path.with_name(PROVENANCE)):
        if record.is_file():
            try:
                return json.loads(record.read_text(encoding="utf-8"))[OUTPUTS].get(path.name)
            except KeyError:
                continue
            except (OSError, ValueError, AttributeError, TypeError) as error:
                raise ReveilError(
                    f"{record}: cannot be read as provenance ({error}); {remake(record)}"
                ) from None
    return None


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")
