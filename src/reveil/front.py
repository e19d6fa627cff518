"""What the front page of a report shows, in its markup; read without pandas.

Snakemake hands the configuration to that page and nothing else, so all of it is put there while
a run is planned.
"""

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reveil.config.presets import DEFAULT, read_yaml
from reveil.digest import data_digest
from reveil.errors import ReveilError
from reveil.verdicts import words

# Where verdicts.json tells who made the results, from :func:`reveil.provenance.run.made_by`.
MADE_BY = "made_by"
NOT_NOTED = "not noted: judge_claims, which has not run yet, does that"


def report_rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Return what the front page says of each row of verdicts.csv.

    Keys: claim, statement, verdict, why, asked, ours, demonstration, and of: what the last was
    made with.

    The texts are escaped for reStructuredText. There is no row before the table is made.

    Raises:
        ReveilError: the table lacks a column, or is damaged.
    """
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, restval=""))
        return [
            {
                "claim": ", criterion ".join(filter(None, (row["claim"], words.edited(row)))),
                "statement": escaped(row["statement"]),
                "verdict": escaped(row["verdict"]),
                "why": escaped("" if row["verdict"] == "not run" else row["reason"]),
                "asked": escaped(f"{row['statistic']} ({row['cell']})" if row["statistic"] else ""),
                "ours": escaped(words.ours(row)),
                "demonstration": escaped(row["demonstration"]),
                "of": escaped(row["demonstration_of"]),
            }
            for row in rows
        ]
    except FileNotFoundError:
        return []
    except KeyError as error:
        raise ReveilError(f"{path}: column {error} is missing; {_AGAIN}") from None
    except (OSError, ValueError, csv.Error) as error:
        raise ReveilError(f"{path}: cannot be read ({error}); {_AGAIN}") from None


# Nothing runs, and so nothing remakes the file, while it is refused.
_AGAIN = "delete it, and it is made again"


def ran(
    config: Mapping[str, Any], files: Sequence[str], notes: Iterable[str | os.PathLike[str]]
) -> list[tuple[str, str]]:
    """Return label and escaped text of what was run: run, studies, configuration, commit, hardware.

    Args:
        config: The merged configuration, as the user gave it.
        files: What its files are called.
        notes: The files verdicts.json of all studies; those that are not there, or cannot be read,
            tell nothing.
    """
    made = list(_made_by(notes))
    told = {
        "Run": config["run"],
        "Studies": ", ".join(config["studies"]),
        "Configuration": f"{', '.join(files)}; digest of all of it {data_digest(config)}",
        "Commit": _counted(entry.get("commits", {}) for entry in made),
        "Hardware": _counted(entry.get("machines", {}) for entry in made),
    }
    return [(label, escaped(text)) for label, text in told.items()]


def changed(
    in_force: Mapping[str, Mapping[str, Mapping[str, Any]]], root: str | os.PathLike[str]
) -> list[tuple[str, str]]:
    """Return the switches that are not those of their kind's default.

    Args:
        in_force: Kind of presets -> name -> every switch.
        root: Of the repository, which holds ``config/{kind}/default.yaml``.

    Returns:
        Which presets, ``protocols fixed``, and the switches of each, ``search.candidates 30,
        seed 1``, both escaped; nothing of presets that change none.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for kind, presets in in_force.items():
        default = dict(flat(read_yaml(Path(root, "config", kind, f"{DEFAULT}.yaml"))))
        for name, settings in presets.items():
            others = [
                f"{key} {value}"
                for key, value in sorted(flat(settings))
                if key not in default or default[key] != value
            ]
            if others:
                found.setdefault((kind.replace("_", " "), ", ".join(others)), []).append(name)
    return [
        (escaped(f"{kind} {'; '.join(names)}"), escaped(switches))
        for (kind, switches), names in found.items()
    ]


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each switch of nested settings with its path: ``("search.s_pri.points", 20)``."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def escaped(text: str) -> str:
    """Return a text as reStructuredText that reads the same, on one line."""
    return re.sub(r"([\\*_`|])", r"\\\1", " ".join(text.split()))


def _made_by(notes: Iterable[str | os.PathLike[str]]) -> Iterator[dict[str, dict[str, int]]]:
    for path in notes:
        try:
            said = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if MADE_BY in said:
            yield said[MADE_BY]


def _counted(found: Iterable[Mapping[str, int]]) -> str:
    """Return ``0123456789ab (12 jobs); unknown (1 job)``, the most jobs first."""
    jobs: dict[str, int] = {}
    for entry in found:
        # Each study counted all jobs that were done by then.
        jobs = {name: max(entry.get(name, 0), jobs.get(name, 0)) for name in {**jobs, **entry}}
    ordered = sorted(jobs.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{name} ({n:,} job{'s' * (n != 1)})" for name, n in ordered) or NOT_NOTED
