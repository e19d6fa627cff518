"""Signals to the supervisor, taken as orders."""

import signal
import time


class Orders:
    """SIGTERM and SIGINT: the first asks for an orderly end, the second for haste.

    Attributes:
        signal: number of the first one, or 0.
    """

    def __init__(self, tick_seconds: float) -> None:
        self.signal = 0
        self._count = 0
        self._tick = tick_seconds

    def listen(self) -> None:
        """Take signals from now on; the end of the terminal is none."""
        signal.signal(signal.SIGTERM, self._take)
        signal.signal(signal.SIGINT, self._take)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _take(self, number: int, frame: object) -> None:
        self.signal = self.signal or number
        self._count += 1

    def stopping(self) -> bool:
        """Return whether the end was asked for."""
        return self._count > 0

    def hurried(self) -> bool:
        """Return whether it was asked for twice."""
        return self._count > 1

    def sleep(self, seconds: float, *, through: bool = False) -> None:
        """Sleep, but not on when the end is asked for; with ``through``, for the second time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.hurried() or (self.stopping() and not through):
                return
            time.sleep(min(left, self._tick))
