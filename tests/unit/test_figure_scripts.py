"""Every drawing script of an experiment, run on made-up tables with a stand-in for Snakemake."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from reveil import rows, tables
from reveil.files import write_csv
from tests.figure_tables import (
    SUBJECT,
    correlated,
    costs,
    defended,
    experiment_images,
    history,
    interpolation,
    page,
    pictures,
    search_scores,
    single_scores,
    traces,
)
from tests.workflow import ROOT

PUBLISHED = ROOT / "config/published.csv"
SCRIPTS = ROOT / "workflow/scripts"
OLD = {"candidates", "curves", "gradsim", "grid", "psnr", "singles"}
ATTACKS = {"inversed": 0.0, "inversed-aware": 2.0}


def archive(folder: Path) -> str:
    path = folder / "pictures.npz"
    np.savez(path, **pictures([0, 1]))
    return str(path)


def several(**columns: list) -> pd.DataFrame:
    """Return attacked images for each value of one column."""
    ((name, values),) = columns.items()
    return pd.concat([experiment_images(**{name: value}) for value in values])


def with_batches() -> pd.DataFrame:
    parts = {"fixed": 1, "fixed-batch-4": 4}
    return pd.concat([experiment_images(protocol=name, batch=b) for name, b in parts.items()])


def shown(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**SUBJECT)


def estimates() -> pd.DataFrame:
    return tables.correlation_table(
        correlated(), rows.read(PUBLISHED), experiments=["ats-exp10", "ats-w-claim1"]
    )


def grouped() -> pd.DataFrame:
    scores = pd.concat([search_scores(), search_scores().assign(policy="3-15-1", group="list")])
    return tables.grouped_scores(scores)


def printed() -> pd.DataFrame:
    return pd.DataFrame(
        [SUBJECT | {"policy": "3-1-7", "attack": "inversed", "warmerdam2022_psnr_db": "6.28"}]
    )


PICTURED = {"images": lambda: experiment_images(("3-1-7",))}
ATTACKED = {"images": experiment_images}
CORRELATED = {"correlation": correlated, "table": estimates}
HISTORIES = {"histories": lambda: shown(history().assign(recipe="full"))}
SEARCHED = {
    "scores": search_scores,
    "singles": lambda: shown(single_scores().assign(s_acc_rows=50.0)),
}
# Script -> its input tables.
INPUTS = {
    "exp01": {"interpolation": lambda: shown(interpolation())},
    "exp02": PICTURED,
    "exp03": ATTACKED,
    "exp04": {"table": defended},
    "exp07": HISTORIES,
    "exp08": {},
    "exp09": {"singles": single_scores},
    "exp10": CORRELATED,
    "ext02": {"singles": single_scores},
    "w_claim1": CORRELATED,
    "w_claim2_curves": HISTORIES,
    "w_claim2_grid": PICTURED,
    "w_insight1": {"images": lambda: several(attack=list(ATTACKS)), "table": printed},
    "w_insight1_grid": PICTURED,
    "w_insight2": SEARCHED,
    "w_insight3": {"singles": single_scores, "grouped": grouped},
    "search": SEARCHED,
    "cost": {"costs": costs},
    "random": ATTACKED,
    "early": {"images": lambda: several(recipe=["full-after-1", "full"])},
    "draws": {"images": lambda: several(protocol=["fixed-draws-1", "fixed-draws-2"])},
    "batches": {"images": with_batches},
    "settings": {"images": lambda: several(attack=["inversed", "inversed-idlg"])},
    "leaks": {"images": lambda: experiment_images(images=20)},
}


def params(folder: Path) -> SimpleNamespace:
    """Return what the rules hand to the scripts; each takes some of it."""
    attack = {"policy": "3-1-7", "attack": "inversed", "arrays": [archive(folder)], "seed": 0}
    return SimpleNamespace(
        pages=[page()],
        arrays=[[attack]],
        models=[[("none", "full"), ("3-1-7", "full")]],
        seed=0,
        positions=[0, 1],
        final={"fixed": 1},
        filters={"fixed": (False, -85.0)},
    )


def test_every_drawing_script_is_run_here():
    scripts = {path.stem.removeprefix("ats_figure_") for path in SCRIPTS.glob("ats_figure_*.py")}
    assert set(INPUTS) == scripts - OLD


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_scripts_draw_their_page(name: str, tmp_path: Path) -> None:
    files = {}
    for item, table in INPUTS[name].items():
        files[item] = str(tmp_path / f"{item}.csv")
        write_csv(files[item], table())
    svg, png = tmp_path / "page.svg", tmp_path / "page.png"
    given = params(tmp_path)
    if name == "exp08":
        given.arrays[0][0]["arrays"] = [traces(tmp_path / "trace.npz")]
    snakemake = SimpleNamespace(
        input=SimpleNamespace(**files),
        output=SimpleNamespace(svg=[svg], png=[png], layers=tmp_path / "layers.csv"),
        params=given,
        resources=SimpleNamespace(published=str(PUBLISHED)),
        log=[str(tmp_path / "log.txt")],
    )
    runpy.run_path(str(SCRIPTS / f"ats_figure_{name}.py"), {"snakemake": snakemake})
    assert svg.read_bytes().startswith(b"<?xml")
    assert png.read_bytes().startswith(b"\x89PNG")
    if name == "exp08":
        written = rows.read(tmp_path / "layers.csv")
        assert set(written["layer"]) == {"shallow", "deep"}
        assert len(written) == 2 * 2 * 11
