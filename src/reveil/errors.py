"""The one exception a user is meant to read, and the hints that go into it."""

from collections.abc import Iterable
from difflib import get_close_matches


class ReveilError(Exception):
    """A mistake the user can mend: it names the key or file, the value and what is allowed."""


def nearest(name: object, allowed: Iterable[object]) -> str | None:
    """Return the allowed name closest to ``name``, or None when nothing resembles it."""
    matches = get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.5)
    return matches[0] if matches else None


def not_allowed(key: str, value: object, allowed: Iterable[object]) -> str:
    """Return the sentence for a value outside a closed set, with the nearest valid name."""
    choices = [str(a) for a in allowed]
    hint = nearest(value, choices)
    message = f"{key}: {value!r} is not allowed; allowed: {', '.join(choices)}"
    return f"{message}; did you mean {hint!r}?" if hint else message
