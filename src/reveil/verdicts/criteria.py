"""The claims and the criteria that decide them, read from YAML and checked."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from reveil.config.presets import read_yaml
from reveil.config.schema import problems
from reveil.digest import data_digest
from reveil.errors import ReveilError

SCHEMA_FILE = Path("workflow", "schemas", "claims.schema.yaml")
DECIDES, PREMISE, REPORTED = "decides", "premise", "reported"
SOURCES = ("original", "drabent2022", "warmerdam2022", "knijff2021", "guo2020")
# What decides; other protocols repeat the published ways of computing, and are for comparison.
JUDGED_PROTOCOLS: Mapping[str, tuple[str, ...]] = {
    "ats": ("fixed",),
    "cvnn": ("fixed-cvnn",),
    "unir": ("fixed-unir",),
}
# What the verdict follows from. Wording, sources and their numbers may be mended at any time.
_CRITERION = ("study", "experiment", "tests", "scope")


@dataclass(frozen=True)
class Test:
    """One comparison of a statistic with a margin, cell by cell.

    Attributes:
        name: within its claim.
        role: ``decides``, ``premise`` or ``reported``.
        table: of the run: ``images``, ``models``, ``attackers``, ``scores``, ``singles``,
            ``layers`` or ``correlation``.
        statistic: see the schema of claims.
        column: that it is of.
        select: column -> values that the rows must have.
        reference: column -> value of the rows compared with, all else equal.
        baseline: likewise, for ``recovered``: the rows that lost nothing.
        alternative: ``less`` or ``greater`` than ``margin``, or ``equivalent`` within it.
        margin: in the unit of the statistic.
        confidence: level of the two-sided interval.
        require: ``all`` cells, or ``most``.
        unit: ``seed`` where the n of ``mean`` counts those; else empty, and n counts what the table
            is of.
        more: ``with``, ``control``, ``list``, ``top`` and ``where`` of the statistics that take
            them.
        transformations: kinds of which every member of a policy has to have one; any policy counts
            where there are none.
    """

    # Not a class of tests, whatever pytest makes of its name.
    __test__ = False

    name: str
    role: str
    table: str
    statistic: str
    column: str
    alternative: str
    margin: float
    confidence: float
    require: str
    select: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    reference: Mapping[str, str] = field(default_factory=dict)
    baseline: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    transformations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """The least that must have been run: see the schema of claims.

    Attributes:
        as_run: whether presets that are cut short decide as well.
    """

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    min_images: int
    min_iterations: int
    min_seeds: int
    min_policies: int = 0
    as_run: bool = False


@dataclass(frozen=True)
class Source:
    """What one paper says of a claim: its conclusion and its published numbers.

    Attributes:
        words: the conclusion in our words; may be empty.
        quote: of the source, word for word; may be empty.
    """

    source: str
    conclusion: str
    words: str
    quote: str
    numbers: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Claim:
    """A claim with its criterion; ``digest`` is that of the criterion alone."""

    id: str
    study: str
    experiment: str
    statement: str
    criterion: str
    sources: tuple[Source, ...]
    tests: tuple[Test, ...]
    scope: Scope
    digest: str

    def of_role(self, role: str) -> list[Test]:
        """Return the tests of a role, in their order."""
        return [test for test in self.tests if test.role == role]


class Cut(NamedTuple):
    """A preset that has less than the one that is shipped, see :mod:`reveil.verdicts.cuts`.

    Attributes:
        where: Column -> value of the rows that it makes.
        text: What there is less of, such as ``recipe cvnn with 6 of 100 epochs``.
        tables: Those that are made with it; all of them without any.
    """

    where: Mapping[str, str]
    text: str
    tables: Sequence[str] = ()


def read_claims(
    paths: Iterable[str | os.PathLike[str]], root: str | os.PathLike[str]
) -> list[Claim]:
    """Read the claims of all files, in their order.

    Args:
        paths: Files of claims.
        root: Of the repository, which holds their schema.

    Raises:
        ReveilError: a file cannot be read or does not fit the schema, or two claims of one name.
    """
    schema = read_yaml(Path(root) / SCHEMA_FILE)
    claims: dict[str, tuple[Claim, str]] = {}
    for path in map(str, paths):
        content = read_yaml(Path(path))
        if found := problems(content, schema):
            raise ReveilError("\n".join(f"{path}: {problem}" for problem in found))
        for entry in content["claims"]:
            claim = _claim(entry)
            _check_tests(claim, path)
            if claim.id in claims:
                earlier = claims[claim.id][1]
                raise ReveilError(f"{path}: the claim {claim.id!r} is in {earlier}, too")
            claims[claim.id] = claim, path
    return [claim for claim, _ in claims.values()]


def read_stand_ins(
    paths: Iterable[str | os.PathLike[str]],
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return who may take whose place in a demonstration: column -> name -> names, of all files."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in map(str, paths):
        for column, names in read_yaml(Path(path)).get("stand_ins", {}).items():
            others = {name: tuple(standing) for name, standing in names.items()}
            found.setdefault(column, {}).update(others)
    return found


def criterion_digest(entry: Mapping[str, Any]) -> str:
    """Return the digest of what a verdict follows from: study, experiment, tests and scope.

    Args:
        entry: A claim as it is in its file; a key that is missing has no part in it.
    """
    return data_digest({key: entry[key] for key in _CRITERION if key in entry})


def _check_tests(claim: Claim, path: str) -> None:
    names = [test.name for test in claim.tests]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ReveilError(f"{path}: claim {claim.id!r}: tests: {twice[0]!r} is there twice")


def _claim(entry: Mapping[str, Any]) -> Claim:
    return Claim(
        id=entry["id"],
        study=entry["study"],
        experiment=entry["experiment"],
        statement=" ".join(entry["statement"].split()),
        criterion=" ".join(entry["criterion"].split()),
        sources=tuple(
            Source(
                source=source["source"],
                conclusion=source["conclusion"],
                words=source.get("words", ""),
                quote=source.get("quote", ""),
                numbers=tuple(source["numbers"]),
            )
            for source in entry["sources"]
        ),
        tests=tuple(map(_test, entry["tests"])),
        scope=Scope(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in entry["scope"].items()
            }
        ),
        digest=criterion_digest(json.loads(json.dumps(entry))),
    )


def _test(entry: Mapping[str, Any]) -> Test:
    plain = {"name", "role", "table", "statistic", "column", "alternative", "require"}
    return Test(
        **{key: entry[key] for key in plain},
        margin=float(entry["margin"]),
        unit=entry.get("unit", ""),
        transformations=tuple(entry.get("transformations", ())),
        confidence=float(entry["confidence"]),
        select={key: tuple(values) for key, values in entry.get("select", {}).items()},
        reference=entry.get("reference", {}),
        baseline=entry.get("baseline", {}),
        more={
            key: entry[key] for key in ("with", "control", "list", "top", "where") if key in entry
        },
    )
