"""Write the verdicts on the kept results, docs/reproduction/verdicts.{csv,md} and README's table.

The kept tables and what they are of are listed in docs/reproduction/verdicts.yaml. Run
``python -m reveil.reproduction_docs`` after a change to them or to a criterion.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd

from reveil import config as settings
from reveil.errors import ReveilError
from reveil.files import write_text
from reveil.stages.judging_claims import judge_study
from reveil.verdicts import shown, words
from reveil.verdicts.criteria import read_claims
from reveil.verdicts.cuts import cuts
from reveil.verdicts.decide import Verdict
from reveil.verdicts.judged import NO_DATA

FOLDER = Path("docs", "reproduction")
SOURCES = FOLDER / "verdicts.yaml"
CLAIMS = Path("config", "claims.yaml")
README = Path("README.md")
BEGIN, END = "<!-- verdicts: written by reveil.reproduction_docs -->", "<!-- end of verdicts -->"
_SAID = {
    "supports": "**supports** it",
    "contradicts": "**contradicts** it",
    "undecided": "leaves it **undecided**",
}
INTRODUCTION = """\
# Verdicts on what has been run so far

<!-- Written by `python -m reveil.reproduction_docs` from docs/reproduction/verdicts.yaml. -->

Every claim of the papers, by criteria that were written down before our numbers, or are marked as
edited ([config/claims.yaml](../../config/claims.yaml), [how](../reference/verdicts.md)), on the
tables that are kept here: {summary}. Where a verdict is *not run*, less was run than the criterion
asks for, and the demonstration is what the smaller runs say. Every number:
[verdicts.csv](verdicts.csv).
"""


def judged(root: Path) -> pd.DataFrame:
    """Return the verdicts on the kept tables, one row a claim, all studies.

    Raises:
        ReveilError: a claim that does not exist, or a table or configuration that cannot be read.
    """
    kept: Mapping[str, Mapping[str, Any]] = settings.read_yaml(root / SOURCES)
    claims = read_claims([root / CLAIMS], root)
    known = {claim.id: claim for claim in claims}
    if odd := sorted(set(kept) - set(known)):
        raise ReveilError(f"{SOURCES}: {odd[0]!r} is no claim; allowed: {', '.join(known)}")
    files, short = {}, {}
    for name, made in kept.items():
        if missing := [key for key in ("config", "tables") if not made.get(key)]:
            raise ReveilError(
                f"{SOURCES}: {name}.{missing[0]}: is missing; allowed: files of a run"
            )
        files[name] = {key: [str(root / FOLDER / path)] for key, path in made["tables"].items()}
        laid = [settings.read_yaml(root / path) for path in ("config.yaml", *made["config"])]
        config = reduce(settings.merge, laid)
        short[name] = [cut._asdict() for cut in cuts(config, root, known[name])]
    presets = settings.preset_paths(root, "attacks")
    iterations = {
        name: settings.resolve_attack({}, root, name)["iterations"]
        for name in presets
        if name != "default"
    }
    how = {"iterations": iterations, "cuts": short}
    parts = []
    for study in dict.fromkeys(claim.study for claim in claims):
        verdicts, _ = judge_study(study, "kept", [root / CLAIMS], root, files, **how)
        parts.append(verdicts)
    return pd.concat(parts, ignore_index=True)


def readme_table(table: pd.DataFrame) -> str:
    """Return the claims that there are numbers on, in a table for the top of the README.

    Args:
        table: The verdicts.
    """
    told = table[table["demonstration"] != NO_DATA]
    heads = ("claim", "verdict", "asked", "found", "of what", "papers")
    lines = [f"| {' | '.join(heads)} |", "| --- | --- | --- | --- | --- | --- |"]
    for study, part in told.groupby("study", sort=False):
        lines.append(f"| **{shown.STUDIES[str(study)]}** | | | | | |")
        for row in part.to_dict("records"):
            verdict = f"**{row['verdict']}**"
            if row["verdict"] == Verdict.NOT_RUN:
                verdict = f"{row['verdict']}; a smaller run {_SAID[row['demonstration']]}"
            number = words.ours(row)
            of = words.text(row["demonstration_of"]) or row["cell"]
            cells = [shown.claim(row), verdict, row["statistic"] if number else "", number, of]
            cells.append(shown.sources(row))
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    rest = len(table) - len(told)
    summary = shown.summary(table).capitalize()
    lines += ["", f"{summary}; for {rest} of them no rows are kept to judge by."]
    return "\n".join(lines)


def pages(root: Path, table: pd.DataFrame) -> dict[Path, str]:
    """Return path below the top of the repository -> text of every page.

    Args:
        root: Of the repository.
        table: The verdicts.

    Raises:
        ReveilError: README.md lacks the lines that the table stands between.
    """
    text = (root / README).read_text(encoding="utf-8")
    start, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ReveilError(f"{README}: the lines {BEGIN!r} and {END!r} are missing")
    return {
        FOLDER / "verdicts.csv": _rounded(table).to_csv(index=False, lineterminator="\n"),
        FOLDER / "verdicts.md": "\n".join(
            [INTRODUCTION.format(summary=shown.summary(table)), shown.to_markdown(table)]
        ),
        README: f"{start}{BEGIN}\n\n{readme_table(table)}\n\n{END}{after}",
    }


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    numbers = table[["value", "low", "high"]].apply(pd.to_numeric, errors="coerce")
    return table.assign(**{name: numbers[name].map("{:.6g}".format) for name in numbers}).replace(
        {name: "nan" for name in numbers}, ""
    )


def main() -> None:
    """Write the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(), help="folder of the repository")
    root = parser.parse_args().root
    for path, text in pages(root, judged(root)).items():
        write_text(root / path, text)


if __name__ == "__main__":
    try:
        main()
    except ReveilError as error:
        sys.exit(f"error: {error}")
