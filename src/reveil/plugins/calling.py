"""Plug-in files run in a job, and what goes wrong in them told as theirs, with file and line."""

import importlib.util
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

from reveil.digest import data_digest
from reveil.errors import ReveilError
from reveil.plugins import known, listening
from reveil.plugins.known import Declared, Key
from reveil.plugins.reading import read

log = logging.getLogger(__name__)

YOURS = "(your file, not reveil)"
# Of PyTorch's class, which light jobs do not load: whoever bounds memory mends it.
_MENDED = "OutOfMemoryError"


class PluginError(ReveilError):
    """A mistake in a plug-in: it names the file, the line and what went wrong."""


def call(one: Declared, *arguments: Any, **named: Any) -> Any:
    """Call what a plug-in gives.

    Raises:
        PluginError: it cannot be loaded, or raises anything.
    """
    function = load(one)
    with blaming(one):
        return function(*arguments, **named)


def load(one: Declared) -> Callable[..., Any]:
    """Return the function or class that a plug-in gives; its file is run once in a process.

    Raises:
        PluginError: the file raises something, is not the one that was planned with, or does not
            register what its syntax says.
    """
    found = _run(one.path, one.digest)
    if one.key not in found:
        raise PluginError(
            f"plug-in {one.where}: {one.kind} {one.name!r} is not registered when the file is run "
            f"{YOURS}"
        )
    return found[one.key]


def loaded() -> dict[str, str]:
    """Return the digests of the plug-ins that this process has run, by the name of their file."""
    return {Path(path).name: digest for path, digest in _RUN}


def refuse(one: Declared, message: str) -> NoReturn:
    """Raise a ``PluginError`` for what a plug-in returned: what it is, and what was expected."""
    raise PluginError(f"plug-in {one.where}, {one.kind} {one.name!r}: {message} {YOURS}")


@contextmanager
def blaming(one: Declared) -> Iterator[None]:
    """Tell what goes wrong within the block as the plug-in's."""
    try:
        yield
    except Exception as error:
        if isinstance(error, PluginError) or type(error).__name__ == _MENDED:
            raise
        raise blamed(error) or PluginError(
            f"plug-in {one.where}, {one.kind} {one.name!r}: {_said(error)} {YOURS}"
        ) from error


def blamed(error: BaseException) -> PluginError | None:
    """Return the message about an error that began in a plug-in's code, or None for any other.

    The part of the traceback from its code on goes to the log.
    """
    if isinstance(error, PluginError) or not isinstance(error, Exception):
        return None
    if type(error).__name__ == _MENDED:
        return None
    folders = {Path(one.path).parent: one for one in known.every()}
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [place for place, f in enumerate(frames) if Path(f.filename).parent in folders]
    if not theirs:
        return None
    last = frames[theirs[-1]]
    told = "".join(traceback.format_list(frames[theirs[0] :]))
    log.error("traceback in a plug-in:\n%s%s", told, _said(error))
    within = "while it was loaded" if last.name == "<module>" else f"in {last.name}"
    return PluginError(
        f"plug-in {Path(last.filename).name}, line {last.lineno}, {within}: {_said(error)} {YOURS}"
    )


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


class _Source(SourceFileLoader):
    """A loader that takes the source: a compiled copy may be of what it said a second ago."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


_RUN: set[tuple[str, str]] = set()


@cache
def _run(path: str, digest: str) -> dict[Key, Callable[..., Any]]:
    """Run a file as a package of its own folder, from which it can import by ``from . import``."""
    declared = read(Path(path))
    one = declared[0]
    if one.digest != digest:
        raise PluginError(
            f"plug-in {Path(path).name}: was changed since the run was planned; start it again"
        )
    name = f"reveil_plugin_{data_digest([path, digest])}"
    spec = importlib.util.spec_from_file_location(
        name, path, loader=_Source(name, path), submodule_search_locations=[str(Path(path).parent)]
    )
    if spec is None or spec.loader is None:
        raise PluginError(f"plug-in {path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _RUN.add((path, digest))
    with listening() as found, blaming(one):
        spec.loader.exec_module(module)
    return found
