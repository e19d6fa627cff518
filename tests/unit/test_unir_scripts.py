"""Every drawing script of unir, run on made-up tables with a stand-in for Snakemake."""

import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from reveil.files import write_csv
from tests import unir_figures, unir_tables
from tests.unir_figures import SUBJECT, faces, history, reached, scored, write_pictures
from tests.workflow import ROOT

SCRIPTS = ROOT / "workflow/scripts"
PUBLISHED = ROOT / "config/published.csv"
SHARES = ("remove-pixel-dark-50", "remove-pixel-dark-90")
OPERATOR = SHARES[0]
# Item -> (input tables, columns of its pages beside protocol, dataset and model).
FIGURES = {
    "exp01": ("histories", {"policy": OPERATOR}),
    "exp02": ("samples drawn", {"policy": OPERATOR, "recipe": "ambientgan"}),
    "exp03_grid": ("pictures", {"policy": OPERATOR}),
    "exp03_curves": ("histories", {"policy": OPERATOR}),
    "exp04": ("images", {}),
    "exp04_grid": ("pictures", {"policy": OPERATOR}),
    "exp05": ("images", {}),
    "exp06": ("images", {}),
    "exp08": ("images", {}),
    "exp08_curves": ("histories", {"policy": OPERATOR}),
    "exp10": ("scores", {}),
    "exp11": ("samples drawn", {"policy": OPERATOR, "recipe": "ambientgan"}),
    "exp13": ("images", {"policy": OPERATOR}),
    "exp14": ("images", {}),
    "grid": ("pictures", {"policy": OPERATOR}),
    "curves": ("histories", {"policy": OPERATOR}),
}
# Recipes of the networks on a page, where these are not `unir` and `regress`.
RECIPES = {
    "exp06": ("unir", "unir-weight-0"),
    "exp13": ("unir", "unir-assumed"),
    "exp14": ("unir", "unir-1k"),
}
PLACES = (("fashion-mnist", "unet"), ("celeba-64", "dcgan"), ("fashion-mnist", "ambient-mnist"))
SCORED = {"policy": "block-pixels-50", "model": "ambient-mnist", "protocol": "bora2018"}


def settings_of(name):
    own = {"assumed": unir_tables.operators()[SHARES[1]]} if name == "unir-assumed" else {}
    return {"reconstruction": unir_tables.TRAINING | unir_tables.RECIPES.get(name, own)}


def images_of(recipes):
    parts = [unir_figures.rows(recipe, policy=policy) for recipe in recipes for policy in SHARES]
    return pd.concat([*parts, reached({"keep": 10.0}), reached({"keep": 9.0}, policy=SHARES[1])])


def inputs(kind, folder, recipes):
    """Return the input files of a kind of figure."""
    pictures = str(write_pictures(folder / "pictures.npz"))
    made = {
        "histories": {"histories": pd.concat([history(recipe) for recipe in recipes])},
        "scores": {"samples": scored("ambientgan", 6.0, **SCORED)},
        "images": {
            "images": images_of(recipes),
            "models": pd.concat(
                [
                    unir_tables.network(recipe, n_train=1000 * (number + 1))
                    for number, recipe in enumerate(recipes)
                ]
            ),
        },
        "pictures": {"images": images_of(recipes).assign(image=lambda t: t["image"].map(
            dict(enumerate((3, 5, 8)))))},
    }.get(kind, {})  # fmt: skip
    files = {name: str(folder / f"{name}.csv") for name in made}
    for name, table in made.items():
        write_csv(files[name], table)
    if kind == "samples drawn":
        real = faces(64)
        sheet = {"real": real, "samples": real[::-1], "measured": unir_figures.measured(real)}
        np.savez(folder / "samples.npz", **sheet)
        return {"arrays": [str(folder / "samples.npz")]}
    return files | {"arrays": [pictures]}


def test_every_drawing_script_is_run_here() -> None:
    scripts = {p.stem.removeprefix("unir_figure_") for p in SCRIPTS.glob("unir_figure_*.py")}
    assert scripts == set(FIGURES)
    printed = {p.stem.removeprefix("unir_table_") for p in SCRIPTS.glob("unir_table_*.py")}
    assert printed == set(TABLES)


@pytest.mark.parametrize("item", sorted(FIGURES))
def test_scripts_draw_their_page(item, tmp_path) -> None:
    kind, more = FIGURES[item]
    recipes = RECIPES.get(item, ("unir", "regress"))
    page = {"protocol": "fixed-unir", **SUBJECT, **more}
    if kind == "scores":
        page |= {"protocol": SCORED["protocol"], "model": SCORED["model"]}
    files = inputs(kind, tmp_path, recipes)
    resolved = {name: settings_of(name) for name in recipes}
    entries = [{"recipe": r, "attack": "network", "arrays": files["arrays"]} for r in recipes]
    params = SimpleNamespace(
        pages=[page],
        recipes=[resolved if item in ("exp06", "exp13") else list(recipes)],
        operators=unir_tables.operators(),
        attacks=[entries],
        seed=0,
        positions=[0, 1],
    )
    svg, png = tmp_path / "page.svg", tmp_path / "page.png"
    snakemake = SimpleNamespace(
        input=SimpleNamespace(**files),
        output=SimpleNamespace(svg=[svg], png=[png]),
        params=params,
        resources=SimpleNamespace(published=str(PUBLISHED)),
        log=[str(tmp_path / "log.txt")],
    )
    runpy.run_path(str(SCRIPTS / f"unir_figure_{item}.py"), {"snakemake": snakemake})
    assert svg.read_bytes().startswith(b"<?xml")
    assert png.read_bytes().startswith(b"\x89PNG")


def compared(*recipes):
    """Return images.csv and models.csv of recipes and of the measurement as it is."""
    images = [unir_tables.reconstructed(name) for name in (*recipes, "keep")]
    models = [
        unir_tables.network(name, n_train=1000 * (number + 1))
        for number, name in enumerate(recipes)
    ]
    return {"images": pd.concat(images), "models": pd.concat(models)}


LOSSES = {"histories": lambda: unir_tables.lines()}
SCORES = {"samples": lambda: unir_tables.drawn()}
ASSUMED = {"unir-assumed": {"assumed": "remove-pixel-dark-30"}}
# Item -> what makes its input tables, or the recipes that it compares.
TABLES = {
    "exp01": LOSSES,
    "exp03_losses": LOSSES,
    "exp10": SCORES,
    "exp11": SCORES,
    "exp09": {"images": lambda: unir_tables.study(("keep", "mean-fill", "tv"))},
    **dict.fromkeys(("exp03", "exp04", "exp05", "exp15", "exp16", "methods"), ("unir", "regress")),
    "exp06": ("unir", "unir-weight-0"),
    "exp07": ("unir", "unir-detach-both", "unir-released"),
    "exp08": ("unir", "unir-hinge"),
    "exp12": ("unir", "unir-fresh"),
    "exp13": ("unir", "unir-assumed"),
    "exp14": ("unir", "unir-1k"),
    "exp17": ("unir", "cond-ambient"),
}


@pytest.mark.parametrize("item", sorted(TABLES))
def test_scripts_print_their_table(item, tmp_path) -> None:
    asked = TABLES[item]
    made = compared(*asked) if isinstance(asked, tuple) else {n: f() for n, f in asked.items()}
    files = {name: str(tmp_path / f"{name}.csv") for name in made}
    for name, table in made.items():
        write_csv(files[name], table)
    subjects = [{"dataset": d, "model": m} for d, m in PLACES]
    output = {name: tmp_path / f"table.{name}" for name in ("csv", "html", "markdown")}
    snakemake = SimpleNamespace(
        input=SimpleNamespace(**files),
        output=SimpleNamespace(**output),
        params=SimpleNamespace(
            recipes=unir_tables.recipes(subjects=subjects, **ASSUMED),
            operators=unir_tables.operators(),
        ),
        resources=SimpleNamespace(published=str(PUBLISHED)),
        log=[str(tmp_path / "log.txt")],
    )
    runpy.run_path(str(SCRIPTS / f"unir_table_{item}.py"), {"snakemake": snakemake})
    assert len(pd.read_csv(output["csv"])) > 0
    assert output["markdown"].read_text().startswith("|")
    assert "<table" in output["html"].read_text()
