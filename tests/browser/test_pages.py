"""The front page of the report and the page of verdicts in a real browser."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
import snakemake.report.html_reporter

from reveil.verdicts import shown
from tests.browser import chromium
from tests.front_pages import front_page
from tests.workflow import ROOT

if os.environ.get("REVEIL_REQUIRE_CHROMIUM") != "1" and not chromium.found():
    pytest.skip("no Chromium here", allow_module_level=True)

# What the classes of Snakemake's frame do, of the style sheet that it takes from elsewhere.
FRAME = (
    ".flex{display:flex}.grow{flex-grow:1}.items-center{align-items:center}"
    ".justify-center{justify-content:center}.h-screen{height:100vh}.overflow-auto{overflow:auto}"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.started(tmp_path_factory.mktemp("chromium")) as one:
        yield one


def frame_of_reports() -> str:
    """Return the classes of the frame that Snakemake puts the front page into."""
    home = Path(snakemake.report.html_reporter.__file__).parent
    code = (home / "template/components/content.js").read_text()
    return re.search(r'className: "([^"]*h-screen[^"]*)"', code).group(1)


def test_the_front_page_of_a_report_is_seen_from_its_top(browser, tmp_path):
    many = {"recipes": {f"recipe-{n}": {"epochs": n} for n in range(90)}}
    config = {"run": "long", "studies": {}, "seeds": [0], "verdicts": [], "ran": []}
    config |= {"in_force": many, "changed": [(name, "epochs") for name in many["recipes"]]}
    path = tmp_path / "report.html"
    body = f'<div id="frame" class="{frame_of_reports()}"><div>{front_page(config)}</div></div>'
    path.write_text(f"<!doctype html><style>body{{margin:0}}{FRAME}</style>{body}")
    browser.size(1280, 900)
    browser.open(path)
    heights = browser.run("[frame.scrollHeight, frame.clientHeight]")
    assert heights[0] > 1.5 * heights[1]
    assert browser.run("frame.querySelector('h1').getBoundingClientRect().top") >= 0
    short = re.sub(r"<style>.*?</style>", "", path.read_text().split("</style>", 1)[1], flags=re.S)
    path.write_text(f"<!doctype html><style>body{{margin:0}}{FRAME}</style>{short}")
    browser.open(path)
    # Without ours it is not, or there is nothing to mend any more.
    assert browser.run("frame.querySelector('h1').getBoundingClientRect().top") < 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_verdicts_fit_any_width_in_the_readers_colours(browser, tmp_path, width, scheme):
    table = pd.read_csv(ROOT / "docs/reproduction/verdicts.csv", keep_default_na=False)
    path = tmp_path / "verdicts.html"
    path.write_text(f"<!doctype html>{shown.to_html(table)}")
    browser.size(width, 900)
    browser.prefer(scheme)
    browser.open(path)
    assert browser.run("document.documentElement.scrollWidth") <= width
    column = browser.run("getComputedStyle(document.querySelector('td')).display")
    assert column == ("block" if width == 400 else "table-cell")
    colour = browser.run("getComputedStyle(document.querySelector('td')).color")
    bright = sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
    assert (bright > 150) == (scheme == "dark")
