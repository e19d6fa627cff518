"""The page about the tables of unir names every column, as they are written."""

from functools import cache

import pandas as pd
import pytest

from reveil import rows
from reveil.unir import tables
from reveil.unir.tables.varied import SWEEPS
from tests import unir_tables as made_up
from tests.markdown import markdown_tables
from tests.unit.test_docs_cvnn import documented, names
from tests.workflow import ROOT

PAGE = ROOT / "docs/reference/tables-unir.md"
PUBLISHED = rows.read(ROOT / "config/published.csv")
DIGITS = {"dataset": "fashion-mnist", "model": "ambient-mnist"}
COMMON = "The tables of results"


@cache
def written() -> dict[str, pd.DataFrame]:
    """Return a table of results under each heading."""
    images, models = made_up.study(("keep", "unir")), made_up.networks("unir")
    told = {"recipes": made_up.recipes(), "operators": made_up.operators()}
    faces = made_up.recipes(subjects=(made_up.FACES | {"model": "dcgan"},))
    drawn = {**told, "recipes": made_up.recipes(subjects=(DIGITS,))}
    swept = {name: tables.sweep_table(images, models, sweep=name, **told) for name in SWEEPS}
    return swept | {
        "methods": tables.methods_table(images, models, PUBLISHED, recipes=told["recipes"]),
        "losses": tables.loss_table(made_up.lines(), PUBLISHED, recipes=faces),
        "scores": tables.score_table(made_up.drawn(), PUBLISHED, **drawn),
    }


@pytest.mark.parametrize(
    ("title", "table"),
    [
        ("images.csv", made_up.reconstructed()),
        ("models.csv", made_up.network()),
        ("histories.csv", made_up.lines()),
        ("samples.csv", made_up.drawn()),
    ],
)
def test_columns_of_the_tidy_tables_are_documented_as_they_are_written(title, table):
    assert documented(PAGE)[title] == list(table.columns)


@pytest.mark.parametrize("title", [*SWEEPS, "methods", "losses", "scores"])
def test_columns_of_results_are_documented_as_they_are_written(title):
    found, table = documented(PAGE), written()[title]
    told = list(found[title])
    if title not in ("losses", "scores"):
        told += found[COMMON]
    if title in SWEEPS:
        told += found["sweeps"]
    assert sorted(told) == sorted(table.columns)


def test_every_heading_is_of_a_table():
    tidy = {"images.csv", "models.csv", "histories.csv", "samples.csv"}
    assert set(documented(PAGE)) == {*written(), *tidy, COMMON, "sweeps"}


def test_every_experiment_but_that_of_grids_has_its_columns():
    (listed,) = (t for t in markdown_tables(PAGE.read_text()) if t[0][0] == "experiment")
    assert {row[1] for row in listed[1:]} == set(written())
    told = {name for row in listed[1:] for name in names(row[0])}
    experiments = {path.stem for path in (ROOT / "config/experiments").glob("unir-*.yaml")}
    assert told == experiments - {"unir-exp02"}


def test_the_page_names_every_sweep():
    (row,) = (line for line in PAGE.read_text().splitlines() if line.startswith("| `sweep` |"))
    assert all(f"`{name}`" in row for name in SWEEPS)
