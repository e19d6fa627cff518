"""Judge the claims of a study from the tables of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reveil.errors import ReveilError
from reveil.verdicts import frames, registry, tables
from reveil.verdicts.criteria import Cut, read_claims, read_stand_ins
from reveil.verdicts.judge import judge


def judge_study(
    study: str,
    run: str,
    claims: Sequence[str | Path],
    root: str | Path,
    files: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    iterations: Mapping[str, int],
    cuts: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge every claim of a study.

    Args:
        study: Name of the study.
        run: Name of the run.
        claims: Files of claims; what is registered of them lies beside each.
        root: Of the repository.
        files: Claim -> table -> files, which are stacked; claims and tables may be missing.
        iterations: Attack -> iterations of its preset.
        cuts: Claim -> presets that have less than they are shipped with, each as the mapping of
            a :class:`reveil.verdicts.criteria.Cut`; claims may be missing.

    Returns:
        One row a claim, and one row for each test and cell.

    Raises:
        ReveilError: claims or tables that cannot be read.
    """
    of_claim = tables.reader()
    registered = registry.of_files(claims)
    of_study = [claim for claim in read_claims(claims, root) if claim.study == study]
    # Of files that are checked by now.
    stand_ins = read_stand_ins(claims)
    judged = [
        judge(
            claim,
            of_claim(files.get(claim.id, {})),
            iterations=iterations,
            cuts=[Cut(**cut) for cut in cuts.get(claim.id, ())],
            stand_ins=stand_ins,
        )
        for claim in of_study
    ]
    if not judged:
        raise ReveilError(f"claims: {', '.join(map(str, claims))}: no claim of the study {study}")
    return frames.verdict_table(judged, run, registered), frames.test_table(judged, run)
