"""Policy files of all studies: JSON, whose meaning is each study's own.

Used while the graph is planned, so it does not import torch.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from reveil.errors import ReveilError
from reveil.files import remake

Policy = TypeVar("Policy")


def read(path: str | os.PathLike[str], from_json: Callable[[Any], Policy]) -> Policy:
    """Return the policy of a file.

    Args:
        path: of the file.
        from_json: makes a policy of what the file holds, or raises a ``ReveilError``.

    Raises:
        ReveilError: the file is missing, is no JSON, or does not say a valid policy.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReveilError(
            f"policy file {os.fspath(path)}: cannot be read: {error}; {remake(path)}"
        ) from error
    try:
        return from_json(content)
    except ReveilError as error:
        raise ReveilError(f"policy file {os.fspath(path)}: {error}") from error
