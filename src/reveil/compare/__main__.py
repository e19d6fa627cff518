"""``python -m reveil.compare``: two runs side by side, as Markdown."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reveil.compare.shown import compare
from reveil.output import tell


def main(words: Sequence[str] | None = None) -> int:
    """Print the comparison that the command line asks for, and return the exit status."""
    options = parser().parse_args(words)
    return tell(lambda: compare(options.first, options.second))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m reveil.compare",
        description="Two runs side by side as Markdown: the keys in which their configurations "
        "differ, and the differences of their images, the second run less the first. Nothing is "
        "written.",
    )
    for name in ("first", "second"):
        made.add_argument(name, type=Path, metavar=name.upper(), help="results/{run} of a run")
    return made


if __name__ == "__main__":
    sys.exit(main())
