"""Policies that a search found: from the table of its selection to a policy file."""

import csv
from collections.abc import Iterable
from pathlib import Path

from reveil import policies
from reveil.errors import ReveilError
from reveil.policies import Policy


def define(name: str, selections: Iterable[str] = ()) -> Policy:
    """Return the policy called ``name``, its found members read from the searches' selections.

    Args:
        name: canonical name, spelled out or of found members.
        selections: paths of ``selected.csv``, one per search that the name refers to.

    Raises:
        ReveilError: the name is not valid, or no selection holds a member of it.
    """
    members = policies.member_names(name)
    if not any(map(policies.parse_found, members)):
        return policies.parse(name)
    rows = [row for path in selections for row in _read(path)]
    chosen = [_row_of(member, rows) for member in members]
    operations = tuple(member for row in chosen for member in policies.parse(row["policy"]).members)
    first = chosen[0]
    source = "search {protocol} {dataset} {model} seed{seed}".format(**first)
    return Policy(name, operations, policies.augment_of(name), source)


def _read(path: str) -> list[dict[str, str]]:
    needed = {"protocol", "dataset", "model", "seed", "rank", "policy"}
    with Path(path).open(newline="", encoding="utf-8") as stream:
        table = csv.DictReader(stream)
        missing = needed - set(table.fieldnames or ())
        if missing:
            raise ReveilError(f"{path}: not a selection; columns missing: {sorted(missing)}")
        return list(table)


def _row_of(member: str, rows: list[dict[str, str]]) -> dict[str, str]:
    found = policies.parse_found(member)
    if found is None:
        raise ReveilError(f"policy {member!r} is spelled out; hybrids mix found policies only")
    protocol, seed, rank = found
    wanted = (protocol, str(seed), str(rank))
    for row in rows:
        if (row["protocol"], row["seed"], str(int(float(row["rank"])))) == wanted:
            return row
    raise ReveilError(
        f"policy {member!r}: the search of protocol {protocol!r}, seed {seed}, selected no rank "
        f"{rank}; allowed: 1 to {len(rows)} (search.final of the protocol)"
    )
