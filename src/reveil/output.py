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
    try:
        print(text, end="\n" if text else "", flush=True)
    except BrokenPipeError:
        # Python would fail once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
