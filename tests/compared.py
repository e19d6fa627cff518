"""Folders of made-up runs, for the tests of their comparison."""

from pathlib import Path
from typing import Any

import pandas as pd

from reveil import rows
from reveil.compare.cells import cell_table
from reveil.compare.runs import pairs
from reveil.files import write_json
from tests.attacked import attack_rows

PLACE = "ats/attacks/fixed/cifar100/resnet20-4/none/full/seed0"


def run(folder: Path, **studies: pd.DataFrame) -> Path:
    """Write the tables of a run, and return its folder."""
    for study, table in studies.items():
        (folder / study / "tables").mkdir(parents=True)
        named = table.assign(run=folder.name, study=study, label=table["image"] % 10)
        rows.write(str(folder / study / "tables/images.csv"), named)
    return folder


def two(tmp_path: Path, first: pd.DataFrame, second: pd.DataFrame) -> tuple[Path, Path]:
    """Return the folders of two runs of ats."""
    return run(tmp_path / "demo", ats=first), run(tmp_path / "mine", ats=second)


def seeded(policy: str, *psnr: list[float]) -> pd.DataFrame:
    """Return the rows of one policy, a seed for each list."""
    return pd.concat([attack_rows(policy, values, seed=seed) for seed, values in enumerate(psnr)])


def only(first: Path, second: Path, measure: str = "psnr_db") -> pd.Series:
    """Return the row of a measure of the one cell of two runs."""
    (pair,) = pairs(first, second)
    table = cell_table(pair)
    return table[table["measure"] == measure].squeeze()


def note(folder: Path, iterations: int = 160, attack: str = "inversed", **said: Any) -> None:
    """Write the note beside an attack of a run."""
    switches = {"attack": {"iterations": iterations}, "reference": "original"}
    whole = {**switches, "run": folder.name, "versions": {"torch": folder.name}, **said}
    write_json(folder / PLACE / attack / "none/00000-00001.json", whole)
