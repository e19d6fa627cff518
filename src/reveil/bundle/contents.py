"""Which files a bundle holds, and where each lies on disk."""

import mimetypes
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reveil.digest import file_digest
from reveil.errors import ReveilError
from reveil.files import write_text

METADATA = "ro-crate-metadata.json"
README = "README.txt"
CHECKPOINTS = "checkpoints.sha256"
# Of the repository: what ran, under which licence, in which versions, and whom to cite.
WORKFLOW = "Snakefile"
OF_REPOSITORY = (WORKFLOW, "LICENSE", "CITATION.cff", "envs/lock.txt")
# What `make unpack` puts back; the rest is for readers, and lies beside it in the archive.
FOLDERS = ("results", "logs")
FORMATS = {
    ".csv": "text/csv",
    ".npz": "application/x-npz",
    ".tsv": "text/tab-separated-values",
    ".yaml": "application/yaml",
    ".cff": "application/yaml",
    ".md": "text/markdown",
    ".sha256": "text/plain",
}


@dataclass(frozen=True)
class Entry:
    """One file of a bundle.

    Attributes:
        name: its path in the bundle; of a result that is its path below the root, too.
        path: where it lies.
        bytes: its size.
        sha256: its digest, in hex.
    """

    name: str
    path: Path
    bytes: int
    sha256: str

    @property
    def format(self) -> str:
        """Its media type."""
        known = FORMATS.get(Path(self.name).suffix)
        return known or mimetypes.guess_type(self.name)[0] or "text/plain"


def entries(
    results: Iterable[str], *, folder: Path, repository: Path, root: Path, added: Iterable[str]
) -> list[Entry]:
    """Return all files of a bundle but its metadata, in the order of their names.

    Args:
        results: paths below ``root``, each once or more; seals beside them come along.
        folder: of what was written for the bundle alone.
        repository: of the code.
        root: folder in which the run's results lie.
        added: names of the files in ``folder``.

    Raises:
        ReveilError: a file is missing.
    """
    places = {name: repository / name for name in OF_REPOSITORY}
    places |= {name: folder / name for name in added}
    for path in results:
        places |= {name: root / name for name in (path, *_seal(root, path))}
    return [_entry(name, path) for name, path in sorted(places.items())]


def measurements(root: Path, run: str) -> list[str]:
    """Return the paths of Snakemake's measurements of the jobs of a run, for plans elsewhere."""
    found = (root / "logs" / run).rglob("*.tsv")
    return sorted(path.relative_to(root).as_posix() for path in found)


def write_checkpoints(path: str, provenance: Mapping[str, Any]) -> None:
    """Write the digests of all trained weights, as ``sha256sum --check`` reads them."""
    lines = [
        f"{row['sha256']}  {row['path']}\n"
        for row in provenance["results"]
        if row["path"].endswith(".safetensors")
    ]
    write_text(path, "".join(lines))


def _seal(root: Path, path: str) -> Iterator[str]:
    name = Path(path)
    seal = name.with_name(f".{name.name}.sha256")
    if (root / seal).is_file():
        yield seal.as_posix()


def _entry(name: str, path: Path) -> Entry:
    try:
        return Entry(name, path, path.stat().st_size, file_digest(path))
    except OSError as error:
        raise ReveilError(f"bundle: {path} cannot be read: {error.strerror}") from None
