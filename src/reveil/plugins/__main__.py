"""``python -m reveil.plugins my_attack.py``: what plug-in files give, each tried once.

Everything goes through the code and the checks of jobs, on a few made-up images and on the CPU, so
that a mistake is told before any run. Nothing is written.
"""

import argparse
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reveil import datasets
from reveil.config import plugin_checks
from reveil.errors import ReveilError
from reveil.output import printed
from reveil.plugins import known
from reveil.plugins.known import Declared

if TYPE_CHECKING:
    from reveil.plugins.trials.made_up import Form

# What the papers' images look like.
FORMS = ("1x28x28", "3x32x32")
CLASSES = 10
_FORM = re.compile(r"([13])x([1-9]\d*)x\2")
# From the window of SSIM.
_SIZES = range(11, 1025)


def main(words: Sequence[str] | None = None) -> int:
    """Try what the named files give, and return the exit status."""
    options = parser().parse_args(words)
    with _alone(), _quiet() as warned:
        files = list(dict.fromkeys(options.files))
        wrong = plugin_checks.make_known(files, options.root)
        datasets.register([])
        forms = [(*form, options.classes) for form in options.images or map(_form, FORMS)]
        # All files are tried, whatever is wrong with one.
        right = [
            _try_file(
                Path(file),
                [message for place, message in wrong if place == index],
                forms,
                options.root,
                warned,
            )
            for index, file in enumerate(files)
        ]
    return 0 if all(right) else 1


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m reveil.plugins",
        description="What plug-in files give, each tried once as jobs use it, on made-up images: "
        "0 where all is right, 1 where something is wrong. The files are run.",
    )
    made.add_argument("files", nargs="+", type=_file, metavar="FILE", help="a plug-in")
    made.add_argument(
        "--images",
        action="append",
        type=_form,
        metavar="CxHxW",
        help=f"of the made-up images, may be given again (default: {' and '.join(FORMS)})",
    )
    made.add_argument(
        "--classes",
        type=_count,
        default=CLASSES,
        metavar="N",
        help=f"of the made-up images (default: {CLASSES})",
    )
    root = Path(__file__).resolve().parents[3]
    made.add_argument("--root", type=Path, default=root, help=argparse.SUPPRESS)
    return made


def _try_file(
    file: Path, wrong: Sequence[str], forms: Sequence["Form"], root: Path, warned: list[str]
) -> bool:
    """Print what a file gives and what came of trying it; return whether all of it is right."""
    given = [one for one in known.every() if Path(one.path) == file]
    for one in given:
        print(f"{file.name}, line {one.line}: {_described(one)}", flush=True)
    for message in wrong:
        _tell("error", message)
    return all([_try(one, forms, root, warned) for one in given]) and not wrong


def _try(one: Declared, forms: Sequence["Form"], root: Path, warned: list[str]) -> bool:
    # The first of what loads PyTorch, for which nobody waits who asks for help.
    from reveil.plugins.trials import tried

    warned.clear()
    started = time.perf_counter()
    try:
        found = tried(one, forms, root)
    except ReveilError as error:
        _tell("error", str(error))
        return False
    finally:
        for message in warned:
            _tell("warning", message)
    seconds = time.perf_counter() - started
    print(f"ok {one.kind} {one.name} (line {one.line}): {found} in {seconds:.1f} s", flush=True)
    return True


def _described(one: Declared) -> str:
    said = {key: value for key, value in one.facts.items() if key != "methods"}
    values = [f"{key}={value!r}" for key, value in {**said, **one.parameters}.items()]
    study = f" of {one.study}" if one.study else ""
    return ", ".join([f"{one.kind} {one.name}{study}", *values])


def _tell(what: str, message: str) -> None:
    print(f"{what}: {message}", file=sys.stderr, flush=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Leave the names that were known before as they were, and no compiled helper on the disk."""
    before, folders = known.every(), [d for d in datasets.DATASETS.values() if d.folder]
    compiled, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = compiled
        known.register(before)
        datasets.register(folders)


class _Warnings(logging.Handler):
    """Keeps warnings about plug-ins; others are about how little a trial does.

    What is above a warning is a traceback, whose last line is told by the error.
    """

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING and record.name.startswith("reveil.plugins"):
            self.kept.append(record.getMessage())


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Yield the warnings that code here logs, in place of showing them."""
    kept: list[str] = []
    log, handler = logging.getLogger("reveil"), _Warnings(kept)
    passes_on, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield kept
    finally:
        log.removeHandler(handler)
        log.propagate = passes_on


def _file(text: str) -> str:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: a file that is there")
    # One spelling of a folder; a link to a file stays one.
    return str(path.parent.resolve() / path.name)


def _form(text: str) -> tuple[int, int]:
    found = _FORM.fullmatch(text)
    if not found or int(found[2]) not in _SIZES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not allowed; allowed: 1 or 3 channels and equal sides from "
            f"{_SIZES[0]} to {_SIZES[-1]}, such as {FORMS[-1]}"
        )
    return int(found[1]), int(found[2])


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: 2 or more")
    return int(text)


if __name__ == "__main__":
    # Jobs do not find what lies beside a plug-in by its bare name, wherever they run.
    sys.path[:] = [folder for folder in sys.path if folder not in ("", os.getcwd())]
    sys.exit(printed(main))
