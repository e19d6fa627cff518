"""Policies that a search gave: from the tables of its selection to a policy file."""

import csv
from collections.abc import Iterable
from pathlib import Path

from reveil import policies, seals
from reveil.aliases import FOUND, PASSED, Searched
from reveil.errors import ReveilError
from reveil.policies import Policy

# The column that counts the rows of each kind of selection.
NUMBERS = {FOUND: "rank", PASSED: "number"}


def define(name: str, selections: Iterable[str] = ()) -> Policy:
    """Return the policy called ``name``, its searched members read from the searches' selections.

    Args:
        name: canonical name, spelled out or of searched members.
        selections: paths of ``selected.csv`` and ``passing.csv``, those that the name refers to.

    Raises:
        ReveilError: the name is not valid, or no selection holds a member of it.
    """
    members = policies.member_names(name)
    if not any(map(policies.parse_searched, members)):
        return policies.parse(name)
    rows = [row for path in selections for row in _read(path)]
    chosen = [_row_of(member, rows) for member in members]
    operations = tuple(member for row in chosen for member in policies.parse(row["policy"]).members)
    first = chosen[0]
    source = "search {protocol} {dataset} {model} seed{seed}".format(**first)
    return Policy(name, operations, policies.augment_of(name), source)


def _read(path: str) -> list[dict[str, str]]:
    """Return the rows of a selection, each with its kind."""
    needed = {"protocol", "dataset", "model", "seed", "rank", "policy"}
    seals.check(path)
    with Path(path).open(newline="", encoding="utf-8") as stream:
        table = csv.DictReader(stream)
        columns = set(table.fieldnames or ())
        if missing := needed - columns:
            raise ReveilError(f"{path}: not a selection; columns missing: {sorted(missing)}")
        kind = PASSED if NUMBERS[PASSED] in columns else FOUND
        return [{**row, "kind": kind} for row in table]


def _row_of(member: str, rows: list[dict[str, str]]) -> dict[str, str]:
    searched = policies.parse_searched(member)
    if searched is None:
        raise ReveilError(f"policy {member!r} is spelled out; hybrids mix found policies only")
    kind, protocol, seed, number = searched
    there = [row for row in rows if row["kind"] == kind]
    for row in there:
        found = (row["protocol"], row["seed"], int(float(row[NUMBERS[kind]])))
        if found == (protocol, str(seed), number):
            return row
    raise ReveilError(_absent(member, searched, len(there)))


def _absent(member: str, searched: Searched, count: int) -> str:
    search = (
        f"policy {member!r}: the search of protocol {searched.protocol!r}, seed {searched.seed}"
    )
    if searched.kind == FOUND:
        return (
            f"{search}, selected no rank {searched.number}; allowed: 1 to {count} (search.final of "
            "the protocol)"
        )
    return (
        f"{search}, has {count} candidates that are accurate enough and no two alike; allowed: 1 "
        "to that, or more candidates (search.candidates of the protocol)"
    )
