"""The verdicts of a run for the front page of its report, read without pandas."""

import csv
import os
import re

from reveil.errors import ReveilError


def report_rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Return claim, statement, verdict, number and demonstration of each row of verdicts.csv.

    The texts are escaped for reStructuredText. There is no row before the table is made.

    Raises:
        ReveilError: the table lacks a column.
    """
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return [
            {
                "claim": row["claim"],
                "study": row["study"],
                "statement": escaped(row["statement"]),
                "verdict": escaped(row["verdict"]),
                "ours": escaped(_ours(row)),
                "demonstration": escaped(row["demonstration"]),
                "of": escaped(row["demonstration_of"]),
            }
            for row in rows
        ]
    except FileNotFoundError:
        return []
    except KeyError as error:
        raise ReveilError(f"{path}: column {error} is missing; remake it") from None


def escaped(text: str) -> str:
    """Return a text as reStructuredText that reads the same, on one line."""
    return re.sub(r"([\\*_`|])", r"\\\1", " ".join(text.split()))


def _ours(row: dict[str, str]) -> str:
    if not row["value"]:
        return ""
    value, low, high = (row[key] and f"{float(row[key]):.3g}" for key in ("value", "low", "high"))
    interval = f" [{low}, {high}]" if low else ""
    return f"{value}{interval}, n = {int(float(row['n'])):,}"
