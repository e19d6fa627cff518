"""Plug-in files that tests make up."""

from pathlib import Path

import pytest

from reveil import datasets
from reveil.plugins import calling, known, reading

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


def refused(call: object, *arguments: object, line: int = 2) -> str:
    """Return what is told of a plug-in whose decorator stands on this line."""
    with pytest.raises(calling.PluginError) as error:
        call(*arguments)
    assert f"mine.py, line {line}" in str(error.value)
    assert str(error.value).endswith("(your file, not reveil)")
    return str(error.value)
