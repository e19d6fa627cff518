"""Recipes that need no preset: another recipe under a defence, or stopped early."""

import re
from collections.abc import Container
from typing import Any

from reveil import defence_names
from reveil.errors import ReveilError

WITH = "-with-"
AFTER = "-after-"
_AFTER = re.compile(rf"(.+){AFTER}(\d+)")


def split(name: str, known: Container[str]) -> tuple[str, dict[str, Any]]:
    """Return the recipe that a name starts from, and the keys that it changes.

    ``full-with-prune-70`` is ``full`` under a defence, ``full-after-100`` is ``full`` stopped after
    100 steps, and ``full-with-prune-70-after-100`` is both. A name that is known, or starts from
    no known one, stands for itself.

    Raises:
        ReveilError: the defence or the number of steps is not written as it has to be.
    """
    if name in known:
        return name, {}
    match = _AFTER.fullmatch(name)
    rest, steps = (match[1], match[2]) if match else (name, None)
    base, _, defence = (rest, "", None) if rest in known else rest.rpartition(WITH)
    if base not in known:
        return name, {}
    changes: dict[str, Any] = {}
    if defence is not None:
        changes["defence"] = _defence(name, base, defence)
    if steps is not None:
        if str(int(steps)) != steps:
            raise ReveilError(
                f"recipe: {name!r} is written with a leading zero; did you mean "
                f"{f'{rest}{AFTER}{int(steps)}'!r}?"
            )
        changes["stop_after"] = int(steps)
    return base, changes


def _defence(name: str, base: str, defence: str) -> str:
    if defence == defence_names.NONE:
        raise ReveilError(f"recipe: {name!r} is {base!r} without a defence; did you mean {base!r}?")
    try:
        return defence_names.parse(defence).name
    except ReveilError as error:
        raise ReveilError(f"recipe: {name!r}: {error}") from error
