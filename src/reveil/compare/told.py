"""What two runs were made with, as Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reveil.compare import notes, settings
from reveil.compare.runs import Pair, counted
from reveil.tables import to_markdown
from reveil.tables.markup import Form

# A list of a hundred policies is not read in a cell.
LONGEST = 80
MOST_CONTRADICTIONS = 3
NOT_SAID = "-"
UNCHECKED = "Not both left notes beside their attacks to check that by."
LACKING = f"not both runs keep a {settings.CONFIG}"
Names = tuple[str, str]


def configurations(first: Path, second: Path, names: Names, found: Sequence[Pair]) -> str:
    """Return what two runs were made with, as far as it differs.

    Raises:
        ReveilError: a configuration, a note, the provenance or a policy cannot be read, or the
            notes tell that the images are not the same.
    """
    folders = first, second
    noted = notes.common(first, second, found)
    kept = [
        name for name in (settings.CONFIG, settings.IN_FORCE) if settings.both_keep(name, *folders)
    ]
    count = sum(one.in_both for one in noted)
    told = ["## What the configurations differ in\n"]
    for side, name in enumerate(names):
        if odd := notes.contradictions(noted, side, settings.said_by(folders[side])):
            told.append(_older(name, odd))
    if not kept and not count:
        told.append(f"Not known: {LACKING}, and their attacks left no notes.\n")
    else:
        told += _differences(folders, names, noted, kept)
    if line := _commits(folders, names, noted):
        told.append(line)
    if policies := settings.other_policies(first, second, list(found)):
        told.append(f"Policies of one name that are not the same in both: {'; '.join(policies)}.\n")
    return "\n".join(told)


def _differences(
    folders: tuple[Path, Path], names: Names, noted: Sequence[notes.Noted], kept: list[str]
) -> list[str]:
    keys = settings.differing_keys(*folders)
    count = sum(one.in_both for one in noted)
    rest = notes.differing(noted, keys)
    beside = f"s noted beside {counted(count, 'attack')} that both have"
    lacking = "" if settings.CONFIG in kept else f" {LACKING.capitalize()}, with every key."
    unchecked = "" if count else f" {UNCHECKED}"
    if not keys and not rest:
        if not kept:
            return [f"Nothing, a{beside}.{lacking}\n"]
        return [f"Nothing. The run's name aside.{unchecked or f' Nor a{beside}.'}{lacking}\n"]
    ours = f"Of {' and '.join(kept)}, the run's name aside.{unchecked}"
    told = [_table(keys, names, ours)] if keys else []
    if rest:
        told.append(_table(rest, names, f"A{beside}{', beyond that' * bool(kept)}.{lacking}"))
    return told


def _table(found: Sequence[tuple[Any, ...]], names: Names, note: str) -> str:
    # Runs may be called as these columns are.
    columns = ["key", "first", "second", "where"][: len(found[0])]
    table = pd.DataFrame(found, columns=columns, dtype=object)

    def cells(row: Mapping[str, Any]) -> dict[str, str]:
        where = {"Attacks": row["where"]} if "where" in row else {}
        values = {name: _value(row[side]) for name, side in zip(names, columns[1:3], strict=True)}
        return {"Key": f"`{row['key']}`", **values, **where}

    return to_markdown(table, form=Form(cells, lambda _: note, frozenset()))


def _older(name: str, odd: list[notes.Difference]) -> str:
    said = "; ".join(
        f"`{key}` is {_value(said)} there and {_value(noted)} beside an attack"
        for key, said, noted in odd[:MOST_CONTRADICTIONS]
    )
    rest = len(odd) - MOST_CONTRADICTIONS
    more = f"; and {counted(rest, 'key')} more" if rest > 0 else ""
    return (
        f"{settings.CONFIG} of {name} is older than its results, or never was theirs: "
        f"{said}{more}. What is noted beside the attacks is what made them.\n"
    )


def _commits(folders: tuple[Path, Path], names: Names, noted: Sequence[notes.Noted]) -> str:
    """Return the commits where they differ, or where one was modified, which may differ, too."""
    both = [notes.commits(folder, noted, side) for side, folder in enumerate(folders)]
    modified = any("modified" in one for one in (*both[0], *both[1]))
    if not all(both) or (both[0] == both[1] and not modified):
        return ""
    said = "; ".join(f"{name} {' and '.join(one)}" for name, one in zip(names, both, strict=True))
    return f"Commits that made the attacks, which may differ in code and presets: {said}.\n"


def _value(value: Any) -> str:
    if value is notes.MISSING:
        return NOT_SAID
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
