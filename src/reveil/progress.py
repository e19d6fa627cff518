"""One readable line inside long jobs: what, how far, how fast, how long still.

The lines go to the job's log. A terminal shows them, too, and nothing else does: a run whose words
are kept in a file keeps the words of Snakemake and of its jobs, not thousands of lines on the way.
"""

import logging
import threading
import time

log = logging.getLogger(__name__)


class Progress:
    """Count steps towards ``total`` and log a line at most every ``every`` seconds.

    Several threads may count.

    Args:
        what: what is counted, such as ``"attack inversed, 16 images"``.
        total: how many steps there are.
        done: steps that an earlier, interrupted run had taken already.
        every: seconds between two lines.
        ends: whether the last step is told of even if it comes before any line is due.
    """

    def __init__(
        self, what: str, total: int, *, done: int = 0, every: float = 10.0, ends: bool = True
    ) -> None:
        self.what, self.total, self.done, self.every, self.ends = what, total, done, every, ends
        self._first = done
        self._start = self._last = time.monotonic()
        self._counting = threading.Lock()

    def step(self, count: int = 1, note: str = "") -> None:
        """Record ``count`` finished steps; ``note`` ends the line, if one is due."""
        with self._counting:
            self.done += count
            now = time.monotonic()
            if now - self._last < self.every and not (self.ends and self.done >= self.total):
                return
            self._last = now
            self._tell(now, note)

    def _tell(self, now: float, note: str) -> None:
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
