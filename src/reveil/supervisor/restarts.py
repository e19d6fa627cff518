"""How often Snakemake is started again, and what counts as progress."""

from pathlib import Path


class Restarts:
    """Counts restarts, and those in a row that brought nothing.

    Args:
        futile_limit: so many in a row without progress are the end.
        limit: so many in all are the end.
    """

    def __init__(self, futile_limit: int, limit: int) -> None:
        self.futile_limit, self.limit = futile_limit, limit
        self.count = 0
        self.futile = 0
        self._remaining: int | None = None

    def allow(self, *, remaining: int | None, done: int, saved: bool) -> str | None:
        """Count the end of one Snakemake; return None to start again, or why not.

        Targets without files are steps that each Snakemake finishes again, so what counts is that
        fewer steps are left than at the end of the one before, not that some were finished.

        Args:
            remaining: steps that were left at its end; None if it had not planned.
            done: steps that it had finished.
            saved: whether its jobs saved resumable state, where that counts as progress.
        """
        if self._remaining is None or remaining is None:
            progress = done > 0
        else:
            progress = remaining < self._remaining
        if remaining is not None:
            self._remaining = remaining
        if progress or saved:
            self.futile = 0
        elif self.count:
            self.futile += 1
        if self.futile >= self.futile_limit:
            return f"{self.futile} restarts in a row brought no progress"
        if self.count >= self.limit:
            return f"{self.count} restarts are the limit (--restarts)"
        self.count += 1
        return None


def state_saved_since(folder: Path, moment: float) -> bool:
    """Return whether any file under ``folder`` was written after ``moment``, in epoch seconds."""
    for path in folder.rglob("*"):
        try:
            if path.is_file() and path.stat().st_mtime > moment:
                return True
        except OSError:
            continue
    return False
