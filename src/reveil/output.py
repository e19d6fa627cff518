"""What commands that only print have in common: text out, or an error and status 1."""

import os
import sys
from collections.abc import Callable

from reveil.errors import ReveilError


def tell(make: Callable[[], str]) -> int:
    """Print the text that ``make()`` returns, ending in one line feed; return the exit status.

    A ``ReveilError`` goes to stderr, and the status is 1. A reader who closes the pipe, such as
    ``head``, has seen enough: that is no error.
    """
    try:
        text = make().rstrip("\n")
    except ReveilError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return printed(lambda: _print(text))


def printed(write: Callable[[], int]) -> int:
    """Return what ``write()``, which prints, returns: the exit status; 0 if its reader leaves."""
    try:
        return write()
    except BrokenPipeError:
        _give_up()
        return 0


def _print(text: str) -> int:
    try:
        print(text, end="\n" if text else "", flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"error: cannot print: {error.strerror}", file=sys.stderr)
        _give_up()
        return 1
    return 0


def _give_up() -> None:
    """Print nowhere from here on: Python would fail once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
