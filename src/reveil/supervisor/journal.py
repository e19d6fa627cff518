"""The supervisor's own log."""

import time
from pathlib import Path


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 step", "2 steps"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Journal:
    """Writes lines with the time of day to a file, and to the terminal where asked.

    A full disk or a closed terminal must not end the watch over a run: what cannot be written is
    left out.
    """

    def __init__(self, path: Path, *, echo: bool = False) -> None:
        self.path, self.echo = path, echo

    def say(self, text: str) -> None:
        """Write one entry; further lines of ``text`` are indented."""
        first, *more = text.splitlines()
        entry = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {first}\n"
        entry += "".join(f"    {line}\n" for line in more)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as log:
                log.write(entry)
        except OSError:
            pass
        if self.echo:
            try:
                print(entry, end="", flush=True)
            except OSError:
                self.echo = False
