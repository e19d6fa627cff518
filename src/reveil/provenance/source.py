"""Which commit of the repository computes."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

# Set while a run is planned: jobs have it from there, on a cluster without asking git again.
VARIABLE = "REVEIL_COMMIT"
# What results are made of; a note among the documents makes no other result.
SOURCES = ("Snakefile", "config.yaml", "config", "envs", "src", "workflow")
CHANGED = "+changed"


class Commit(NamedTuple):
    """A commit, as far as it is known.

    Attributes:
        commit: its name in hex, or None where git or its folder is missing.
        dirty: whether code or configuration differed from it; None where there is no commit.
    """

    commit: str | None
    dirty: bool | None


def find_commit(root: str | os.PathLike[str]) -> str:
    """Return the commit checked out at ``root``, for :data:`VARIABLE`.

    The name is followed by ``+changed`` where code or configuration differ from it. Empty where
    there is no git, or ``root`` is not the top of a working tree of its own.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != Path(root).resolve():
        return ""
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", *SOURCES)
    if commit is None or changed is None:
        return ""
    return commit + (CHANGED if changed else "")


def parse(text: str) -> Commit:
    """Return what :func:`find_commit` found."""
    if not text:
        return Commit(None, None)
    return Commit(text.removesuffix(CHANGED), text.endswith(CHANGED))


def short(text: str) -> str:
    """Return what :func:`find_commit` found for a line on a page: the first 12 digits.

    ``0123456789ab``, or ``0123456789ab+changed``; empty where there is none.
    """
    return text.removesuffix(CHANGED)[:12] + (CHANGED if text.endswith(CHANGED) else "")


def known_commit() -> Commit:
    """Return the commit that this job's run was planned under."""
    return parse(os.environ.get(VARIABLE, ""))


def _git(root: str | os.PathLike[str], *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", os.fspath(root), *words],
            capture_output=True,
            text=True,
            timeout=30,
            # To look is not to write: another git may hold the lock of the index.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
