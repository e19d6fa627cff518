"""``make bundle`` asks if a run can be packed; ``make unpack`` puts a bundle into this clone."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reveil.errors import ReveilError

# What `make bundle` makes itself.
RULES = ("record_config", "collect_provenance", "export_crate", "pack_bundle")
SHOWN = 4


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit status."""
    options = parser().parse_args(words)
    try:
        print(options.act(options))
    except ReveilError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    made = argparse.ArgumentParser(prog="python -m reveil.bundle", description=__doc__)
    commands = made.add_subparsers(required=True)
    check = commands.add_parser("check", help="is the run finished, so that it can be packed?")
    check.add_argument("--configfile", nargs="+", default=[], metavar="FILE")
    check.set_defaults(act=checked)
    put = commands.add_parser("unpack", help="put the results of a bundle into this folder")
    put.add_argument("bundle", metavar="FILE")
    put.set_defaults(act=unpacked)
    made.add_argument("--root", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    return made


def checked(options: argparse.Namespace) -> str:
    """Return a word on a finished run.

    Raises:
        ReveilError: jobs of the run are still to be done, or the dry run failed.
    """
    from reveil.forecast.dryrun import dry_run

    jobs = dry_run(options.root, [RULES[-1]], options.configfile)
    left = Counter(job.rule for job in jobs if job.rule not in RULES)
    if left:
        raise ReveilError(unfinished(left, options.configfile))
    return "the run is finished: packing it"


def unfinished(left: Counter[str], configs: Sequence[str]) -> str:
    """Return what is to be done before a run can be packed, and how."""
    count = left.total()
    most = ", ".join(f"{rule} {number}" for rule, number in left.most_common(SHOWN))
    more = f" and {len(left) - SHOWN} other rules" if len(left) > SHOWN else ""
    laid = f" --configfile {' '.join(configs)}" if configs else ""
    return (
        f"bundle: {count} {'job of its run is' if count == 1 else 'jobs of its run are'} still to "
        f"be done ({most}{more}); make the run first: .venv/bin/snakemake{laid}; if its tables "
        f"were copied here: docs/guides/bundle.md"
    )


def unpacked(options: argparse.Namespace) -> str:
    """Return what was unpacked, and what can be done with it.

    Raises:
        ReveilError: no file is named; or see :func:`reveil.bundle.unpacking.unpack`.
    """
    from reveil.bundle.unpacking import unpack

    if not options.bundle:
        raise ReveilError("unpack: no file is named: make unpack BUNDLE=reveil-demo.crate.zip")
    names = unpack(options.bundle, options.root)
    configs = [name for name in names if name.count("/") == 2 and name.endswith("/config.yaml")]
    return (
        f"unpacked {len(names)} files, each as it was packed; to draw all of it again:\n"
        f".venv/bin/snakemake --cores all --configfile {' '.join(configs)}"
    )


if __name__ == "__main__":
    sys.exit(main())
