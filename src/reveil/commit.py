"""The commit that a working copy is at, read from its files."""

from pathlib import Path

_REF, _FOLDER = "ref: ", "gitdir: "


def commit_of(root: str | Path) -> str:
    """Return the first 12 digits of the commit checked out at ``root``, or "" where there is none.

    An archive of the sources has none, and a broken one is no reason to make nothing.
    """
    try:
        folder = Path(root, ".git")
        if folder.is_file():
            folder = Path(root, folder.read_text(encoding="utf-8").strip().removeprefix(_FOLDER))
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        return (_named(folder, head.removeprefix(_REF)) if head.startswith(_REF) else head)[:12]
    except OSError:
        return ""


def _named(folder: Path, name: str) -> str:
    """Return the commit that a branch points to, in a file of its own or among the packed ones."""
    # A further working tree has its own HEAD, and its branches with the others.
    link = folder / "commondir"
    common = folder / link.read_text(encoding="utf-8").strip() if link.is_file() else folder
    if (common / name).is_file():
        return (common / name).read_text(encoding="utf-8").strip()
    packed = (common / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
