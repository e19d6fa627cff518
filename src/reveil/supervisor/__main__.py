"""Run Snakemake unattended: ``python -m reveil.supervisor [options] -- snakemake arguments``.

It is detached from the terminal, watched, and started again after faults; docs/guides/unattended.md
says after which. ``make cluster`` calls it.
"""

import argparse
import shlex
import sys
from dataclasses import fields
from pathlib import Path

from reveil.errors import ReveilError
from reveil.supervisor import commands
from reveil.supervisor.engine import default_command
from reveil.supervisor.settings import Settings


def parser() -> argparse.ArgumentParser:
    """Return the parser of all that stands before ``--``."""
    made = argparse.ArgumentParser(
        prog="python -m reveil.supervisor",
        usage="%(prog)s [options] -- snakemake arguments",
        description="Run Snakemake detached, watch it, and start it again after known faults.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    what = made.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="say what runs and how far it is")
    what.add_argument("--stop", action="store_true", help="end the run and all its jobs")
    what.add_argument("--foreground", action="store_true", help="do not detach")
    what.add_argument("--follow", action="store_true", help="detach, and print the log here")
    made.add_argument(
        "--take-over",
        action="store_true",
        help="clean up after a run of another machine or a Snakemake started by hand, known dead",
    )
    made.add_argument("--snakemake", metavar="COMMAND", help="instead of this Python's Snakemake")
    for entry in fields(Settings):
        made.add_argument(
            "--" + entry.name.replace("_", "-"),
            type=entry.type,
            default=entry.default,
            metavar="N" if entry.type is int else "S",
            help=entry.metadata["help"],
        )
    return made


def main(words: list[str]) -> int:
    """Do what the command line says and return the status to exit with."""
    split = words.index("--") if "--" in words else len(words)
    options = parser().parse_args(words[:split])
    arguments = words[split + 1 :]
    command = shlex.split(options.snakemake) if options.snakemake else default_command()
    try:
        settings = Settings(**{f.name: getattr(options, f.name) for f in fields(Settings)})
        if options.status:
            return commands.status(Path.cwd())
        if options.stop:
            return commands.stop(Path.cwd(), command, settings)
        return commands.start(
            arguments,
            command,
            settings,
            foreground=options.foreground,
            follow=options.follow,
            take_over=options.take_over,
        )
    except ReveilError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
