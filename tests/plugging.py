"""Plug-in files that tests make up."""

from pathlib import Path

from reveil import datasets
from reveil.plugins import known, reading

HEAD = "from reveil.plugins import attack, dataset, defence, model, policy\n"


def written(folder: Path, code: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(HEAD + code)
    return path


def use(folder: Path, code: str) -> None:
    """Make what a plug-in gives known."""
    known.register(reading.read(written(folder, code)))
    datasets.register([])


def forget() -> None:
    """Make all plug-ins unknown."""
    known.register([])
    datasets.register([])
