"""When each criterion was written down, so that a later edit of one shows beside its verdict.

Beside a file of claims, ``config/claims.yaml``, lies ``config/claims-registered.csv`` with a row
for each version of a criterion: claim, digest, date. Rows are added and never taken away:

    python -m reveil.verdicts.registry                    # what is new or edited, with today's date
    python -m reveil.verdicts.registry my-claims.yaml     # likewise, into my-claims-registered.csv
"""

import csv
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from reveil.errors import ReveilError
from reveil.files import atomic
from reveil.verdicts.criteria import Claim, read_claims

COLUMNS = ("claim", "digest", "date")
NOT_REGISTERED = "not registered"


class Registration(NamedTuple):
    """One version of a criterion: claim, digest and the day that it was written down."""

    claim: str
    digest: str
    date: str


def beside(claims: str | os.PathLike[str]) -> Path:
    """Return the path of the registrations of a file of claims, whether or not there are any."""
    path = Path(claims)
    return path.with_name(f"{path.stem}-registered.csv")


def of_files(claims: Iterable[str | os.PathLike[str]]) -> list[Registration]:
    """Read the registrations beside all files of claims; a file without any has none.

    Raises:
        ReveilError: registrations that cannot be read.
    """
    return [entry for path in map(beside, claims) if path.exists() for entry in read(path)]


def read(path: str | os.PathLike[str]) -> list[Registration]:
    """Read the registered criteria, oldest first.

    Raises:
        ReveilError: the file cannot be read or has other columns.
    """
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
            return [Registration(*(row[column] for column in COLUMNS)) for row in rows]
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise ReveilError(
            f"{path}: cannot be read as registered criteria ({error!r}); its columns are "
            f"{', '.join(COLUMNS)}"
        ) from None


def standing(claim: Claim, registered: Iterable[Registration]) -> str:
    """Return in words whether a criterion is what was registered first.

    Args:
        claim: The claim.
        registered: All registrations, oldest first.

    Returns:
        ``registered 2026-11-20``; ``edited 2026-11-21, registered 2026-11-20`` if it is a later
        version; and that it differs from any, or was never registered.
    """
    own = [entry for entry in registered if entry.claim == claim.id]
    if not own:
        return NOT_REGISTERED
    version = next((entry for entry in reversed(own) if entry.digest == claim.digest), None)
    if version is None:
        return f"edited and not registered since {own[-1].date}"
    if version.digest == own[0].digest:
        return f"registered {own[0].date}"
    return f"edited {version.date}, registered {own[0].date}"


def added(
    claims: Sequence[Claim], registered: Sequence[Registration], date: str
) -> list[Registration]:
    """Return the registrations of the claims whose criterion is not the last registered one."""
    last = {entry.claim: entry.digest for entry in registered}
    return [
        Registration(claim.id, claim.digest, date)
        for claim in claims
        if last.get(claim.id) != claim.digest
    ]


def write(path: str | os.PathLike[str], registered: Iterable[Registration]) -> None:
    """Write registrations in their order."""
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([COLUMNS, *registered])


def main() -> None:
    """Register what is new or edited in the named files, or else in config/claims.yaml."""
    root = Path(__file__).resolve().parents[3]
    today = datetime.now(UTC).date().isoformat()
    for claims in sys.argv[1:] or [root / "config" / "claims.yaml"]:
        registered = of_files([claims])
        new = added(read_claims([claims], root), registered, today)
        write(beside(claims), [*registered, *new])
        for entry in new:
            print(f"{beside(claims)}: registered {entry.claim} {entry.digest}")


if __name__ == "__main__":
    try:
        main()
    except ReveilError as error:
        sys.exit(f"error: {error}")
