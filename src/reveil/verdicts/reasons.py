"""Why a verdict is what it is, and what would make it another, in words."""

from collections.abc import Iterable, Sequence

from reveil.verdicts import decide
from reveil.verdicts.criteria import DECIDES, PREMISE, Claim, Test
from reveil.verdicts.decide import Verdict
from reveil.verdicts.judged import Number
from reveil.verdicts.words import plural


def not_run(numbers: Sequence[Number], gone: Sequence[str]) -> str:
    """Return in words why there is no verdict."""
    short = dict.fromkeys(
        text for n in numbers if n.test.role == DECIDES and n.estimate.n for text in n.short
    )
    left = f"not run within the scope: {_gathered(gone)}"
    return f"outside of the scope: {_gathered(short)}. {left}" if short else left


def _gathered(texts: Iterable[str]) -> str:
    """Return ``dataset a; dataset b; 8 of 100 images`` as ``dataset a, b; 8 of 100 images``."""
    found: dict[str, list[str]] = {}
    for text in texts:
        kind, _, name = text.partition(" ")
        if kind in ("dataset", "model", "policy", "recipe", "attack", "protocol"):
            found.setdefault(kind, []).append(name)
        else:
            found[text] = []
    return "; ".join(
        f"{kind} {', '.join(names)}" if names else kind for kind, names in found.items()
    )


def reason(claim: Claim, numbers: Sequence[Number], verdict: Verdict) -> str:
    """Return what a verdict within the scope follows from, and what it leaves out."""
    deciding = [n for n in numbers if n.test.role == DECIDES and not n.short]
    out = [n for n in deciding if not n.premise]
    left = f"{failing(claim, numbers)} in {len(out)} of {len(deciding)} cells, which decide nothing"
    parts = [left] if out else []
    if verdict is Verdict.CONTRADICTED:
        named = [
            test.name
            for test in claim.of_role(DECIDES)
            if _verdict(test, numbers) is Verdict.CONTRADICTED
        ]
        return "; ".join([f"by {', '.join(named)}", *parts])
    if verdict is Verdict.UNDECIDED:
        return "; ".join([*_too_wide(claim, [n for n in deciding if n.premise]), *parts])
    return "; ".join(parts)


def _too_wide(claim: Claim, numbers: Sequence[Number]) -> Iterable[str]:
    """Yield what would decide each undecided test."""
    for test in claim.of_role(DECIDES):
        own = [n for n in numbers if n.test is test]
        if _verdict(test, own) is not Verdict.UNDECIDED:
            continue
        if not own:
            yield f"no cell whose premise holds for {test.name}"
            continue
        wide = [n for n in own if n.verdict is Verdict.UNDECIDED]
        told = f"intervals too wide for {test.name}"
        needed = [n.needed for n in wide if n.needed]
        for unit in dict.fromkeys(entry.unit for entry in needed):
            most = max(entry.count for entry in needed if entry.unit == unit)
            told += f", {most:,} {plural(unit)} would decide"
        if needed and len(needed) < len(wide):
            told += f" all but {len(wide) - len(needed)} of {len(wide)} cells"
        yield told if wide else f"cells disagree on {test.name}"


def failing(claim: Claim, numbers: Sequence[Number]) -> str:
    """Return which premises fail somewhere, and which are undecided only."""
    found = []
    for test in claim.of_role(PREMISE):
        verdicts = {n.verdict for n in numbers if n.test is test}
        if Verdict.CONTRADICTED in verdicts:
            found.append(f"the premise {test.name} fails")
        elif Verdict.UNDECIDED in verdicts:
            found.append(f"the premise {test.name} is undecided")
    return " and ".join(found) or "a premise has no number"


def _verdict(test: Test, numbers: Iterable[Number]) -> Verdict:
    found = [n.verdict for n in numbers if n.test is test and n.counts]
    return decide.of_test(found, test.require)
