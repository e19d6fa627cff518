"""One readable line inside long jobs: what, how far, how fast, how long still."""

import logging
import time

log = logging.getLogger(__name__)


class Progress:
    """Count steps towards ``total`` and log a line at most every ``every`` seconds.

    Args:
        what: what is counted, such as ``"attack inversed, 16 images"``.
        total: how many steps there are.
        done: steps that an earlier, interrupted run had taken already.
        every: seconds between two lines.
    """

    def __init__(self, what: str, total: int, *, done: int = 0, every: float = 10.0) -> None:
        self.what, self.total, self.done, self.every = what, total, done, every
        self._first = done
        self._start = self._last = time.monotonic()

    def step(self, count: int = 1, note: str = "") -> None:
        """Record ``count`` finished steps; ``note`` ends the line, if one is due."""
        self.done += count
        now = time.monotonic()
        if now - self._last < self.every and self.done < self.total:
            return
        self._last = now
        rate = (self.done - self._first) / max(now - self._start, 1e-9)
        left = (self.total - self.done) / rate if rate else float("inf")
        log.info(
            "%s: %d/%d (%.0f %%), %.3g/s, %.0f s left%s",
            self.what,
            self.done,
            self.total,
            100 * self.done / max(self.total, 1),
            rate,
            left,
            f", {note}" if note else "",
        )
