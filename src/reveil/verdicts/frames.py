"""Verdicts as tables: one row per claim, and one per number of each of its tests."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from reveil.crossed import CrossedEstimate
from reveil.verdicts import words
from reveil.verdicts.criteria import SOURCES, Claim, Source
from reveil.verdicts.judged import Judged, Number, facts
from reveil.verdicts.registry import Registration, standing
from reveil.verdicts.units import unit_of

_CELL = ("dataset", "model", "policy", "recipe", "attack", "defence", "victim", "layer", "part")
# What a reader takes for granted unless it is said.
_USUAL = {"defence": "none", "recipe": "full"}
NOT_PRINTED = "no number"


def verdict_table(
    judged: Iterable[Judged], run: str, registered: Sequence[Registration]
) -> pd.DataFrame:
    """Return one row a claim: the verdict, the number it hangs on, and what each source says."""
    return pd.DataFrame([_verdict_row(entry, run, registered) for entry in judged])


def test_table(judged: Iterable[Judged], run: str) -> pd.DataFrame:
    """Return one row for each test and cell of each claim, whatever its scope and role."""
    found = [_number_row(entry.claim, n, run) for entry in judged for n in entry.numbers]
    return pd.DataFrame(found, columns=_TEST_COLUMNS)


def _verdict_row(entry: Judged, run: str, registered: Sequence[Registration]) -> dict[str, Any]:
    claim, number = entry.claim, entry.deciding()
    row: dict[str, Any] = {
        "run": run,
        "claim": claim.id,
        "study": claim.study,
        "experiment": claim.experiment,
        "statement": claim.statement,
        "verdict": str(entry.verdict),
        "reason": entry.reason,
        "demonstration": entry.demonstration,
        "demonstration_of": entry.demonstrated,
        "verdict_adjusted": str(entry.adjusted),
        "comparisons": entry.comparisons,
        **_ours(number),
        "criterion": claim.criterion,
        "criterion_standing": standing(claim, registered),
        "criterion_digest": claim.digest,
    }
    by_source = {source.source: source for source in claim.sources}
    for name in dict.fromkeys([*SOURCES, *by_source]):
        source = by_source.get(name)
        row[f"{name}_conclusion"] = _conclusion(source)
        row[f"{name}_numbers"] = _numbers(source)
    return row


def _ours(number: Number | None) -> dict[str, Any]:
    """Return the number that a verdict hangs on."""
    if number is None:
        empty = ("test", "cell", "statistic", "value", "low", "high", "n", "n_seeds", "unit")
        return dict.fromkeys((*empty, "interval", "needed", "needed_unit"), "")
    return {
        "test": number.test.name,
        "cell": cell_name(number),
        "statistic": words.asked(number.test),
        "value": number.estimate.value,
        "low": number.estimate.low,
        "high": number.estimate.high,
        "n": number.estimate.n,
        "n_seeds": _seeds(number),
        "unit": unit_of(number.test),
        "interval": number.estimate.method,
        **_needed(number),
    }


def _seeds(number: Number) -> int | str:
    """Return how many trainings an interval speaks of, beside what n counts."""
    estimate = number.estimate
    return estimate.layout.seeds if isinstance(estimate, CrossedEstimate) else ""


def _needed(number: Number) -> dict[str, Any]:
    count, unit = number.needed or ("", "")
    return {"needed": count, "needed_unit": unit}


def cell_name(number: Number) -> str:
    """Return what tells a cell from others: ``cifar100, resnet20-4, 3-1-7, inversed``."""
    named = number.cell.named
    shown = [named[key] for key in _CELL if named.get(key, "") not in ("", "nan", _USUAL.get(key))]
    return ", ".join(shown)


def _conclusion(source: Source | None) -> str:
    if source is None:
        return ""
    said = [source.words, f'"{source.quote}"' if source.quote else ""]
    more = "; ".join(filter(None, said))
    return f"{source.conclusion}: {more}" if more else source.conclusion


def _numbers(source: Source | None) -> str:
    """Return the published numbers in a line."""
    if source is None:
        return ""
    if not source.numbers:
        return NOT_PRINTED
    return "; ".join(map(_published, source.numbers))


def _published(number: Mapping[str, Any]) -> str:
    keys = ("dataset", "model", "policy", "defence", "attack")
    where = ", ".join(str(number[key]) for key in keys if key in number)
    return f"{number['metric']} {number['value']:g} ({where})"


_TEST_COLUMNS = [
    *("run", "claim", "study", "test", "role", "protocol", *_CELL),
    *("statistic", "column", "alternative", "margin", "confidence"),
    *("value", "low", "high", "n", "n_seeds", "unit", "interval", "failed"),
    *("verdict", "needed", "needed_unit", "in_scope", "outside", "premise"),
    *("low_adjusted", "high_adjusted", "verdict_adjusted"),
]


def _number_row(claim: Claim, number: Number, run: str) -> dict[str, Any]:
    test, estimate, adjusted = number.test, number.estimate, number.adjusted
    return {
        "run": run,
        "claim": claim.id,
        "study": claim.study,
        "test": test.name,
        "role": test.role,
        **facts(number),
        "statistic": test.statistic,
        "column": test.column,
        "alternative": test.alternative,
        "margin": test.margin,
        "confidence": test.confidence,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "n_seeds": _seeds(number),
        "unit": unit_of(test),
        "interval": estimate.method,
        "failed": number.cell.failed,
        "verdict": str(number.verdict),
        **_needed(number),
        "in_scope": int(not number.short),
        "outside": "; ".join(number.short),
        "premise": int(number.premise),
        "low_adjusted": adjusted.low,
        "high_adjusted": adjusted.high,
        "verdict_adjusted": str(number.adjusted_verdict),
    }
