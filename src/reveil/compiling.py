"""Functions compiled by numba for one CPU core, so that threads of Python share the work.

Importing this module needs numba, which renews what it keeps on disk when the file of a compiled
function changes. It does not know of this file: when the options here change, so must those files.
"""

from collections.abc import Callable
from typing import Any

import numba

_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function``; what others take in needs no place of its own on disk."""
    return numba.njit(**_OPTIONS)(function)


def compiled_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` and keep the result on disk, where a place for it can be written."""
    try:
        return numba.njit(**_OPTIONS, cache=True)(function)
    except RuntimeError:
        return compiled(function)
