"""What the rule files say, read as text: which rules there are, and what each asks for."""

import re
from itertools import zip_longest
from pathlib import Path

from tests.workflow import ROOT

HEAD = re.compile(r"^(?:rule (\w+):|use rule (\w+) as (\w+) with:)$", re.MULTILINE)


def rule_bodies() -> dict[str, str]:
    """Return {rule: its text}; a rule made of another one has the other's text below its own."""
    bodies = {}
    for file in sorted([*(ROOT / "workflow").rglob("*.smk"), ROOT / "Snakefile"]):
        bodies |= _bodies(file, bodies)
    return bodies


def _bodies(file: Path, known: dict[str, str]) -> dict[str, str]:
    text = file.read_text()
    heads = list(HEAD.finditer(text))
    found: dict[str, str] = {}
    for head, following in zip_longest(heads, heads[1:]):
        body = text[head.end() : following.start() if following else len(text)]
        name, base, derived = head.groups()
        if base:
            body += ({**known, **found})[base]
        found[name or derived] = body
    return found


def is_local(body: str) -> bool:
    return "    localrule: True" in body


def wants_gpu(body: str) -> bool:
    return "        gpu=GPU," in body


def submitted_rules() -> dict[str, str]:
    """Return {rule: its text} of the rules whose jobs go to a cluster."""
    return {name: body for name, body in rule_bodies().items() if not is_local(body)}
