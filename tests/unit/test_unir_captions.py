"""Captions of the figures and tables of unir: what to look at, whose it is, and what is made up."""

import re

import pytest

from tests import captions
from tests.workflow import ROOT

EXPERIMENTS = [f"exp{number:02}" for number in range(1, 18)]
TABLES = [name for name in EXPERIMENTS if name != "exp02"] + ["exp03_losses", "methods"]
GRIDS = ["exp02", "exp03_grid", "exp04_grid", "exp11", "grid"]
CURVES = ["exp01", "exp03_curves", "exp08_curves", "curves"]
FIGURES = [*(f"exp{n:02}" for n in (4, 5, 6, 8, 10, 13, 14)), *GRIDS, *CURVES]
ITEMS = [f"unir_table_{name}" for name in TABLES] + [f"unir_figure_{name}" for name in FIGURES]
SOURCES = r"Pajot et al\. 2019|Guo et al\. 2020|Bora et al\. 2018|\bours\b"


@pytest.mark.parametrize("item", ITEMS)
def test_captions_say_where_to_look_the_source_and_what_is_synthetic(item):
    captions.check("unir", item, "celeba-64", SOURCES)


def test_every_caption_is_one_of_the_study():
    found = {path.stem for path in (ROOT / "workflow/report").glob("unir_*.rst")}
    assert found == set(ITEMS)


def test_every_rule_that_draws_has_its_caption():
    files = (ROOT / "workflow/studies").glob("unir*.smk")
    rules = {
        name
        for path in files
        for name in re.findall(r"^rule (unir_(?:table|figure)_\w+):", path.read_text(), re.M)
    }
    assert rules == set(ITEMS)


@pytest.mark.parametrize("name", GRIDS)
def test_illustrations_name_their_seed(name):
    assert "one seed, 7" in captions.rendered("unir", f"unir_figure_{name}", "celeba-64")


@pytest.mark.parametrize("name", CURVES)
def test_curves_are_lines_of_seeds_without_an_interval(name):
    caption = captions.rendered("unir", f"unir_figure_{name}", "celeba-64")
    assert "there is no interval; n, in seeds" in caption


@pytest.mark.parametrize("name", ["methods", "exp04", "exp10", "exp11", "exp15"])
def test_tables_without_the_papers_numbers_say_so(name):
    assert "*not available*" in captions.rendered("unir", f"unir_table_{name}", "celeba-64")


@pytest.mark.parametrize("name", ["exp02", "exp11"])
def test_samples_are_called_no_reconstructions(name):
    caption = captions.rendered("unir", f"unir_figure_{name}", "celeba-64")
    assert re.search(r"[Nn]o sample belongs to any image", caption)


@pytest.mark.parametrize("name", ["exp04", "exp05", "exp07", "exp12", "exp15"])
def test_tables_of_errors_give_both_scales(name):
    assert re.search(
        r"\[-1, 1\].*\[0, 1\]", captions.rendered("unir", f"unir_table_{name}", "celeba-64")
    )
