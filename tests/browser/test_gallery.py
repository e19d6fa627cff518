"""The gallery in a real browser: what is shown, sorted and read, with mouse, keyboard and sizes."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from reveil import gallery
from tests import pages
from tests.browser import chromium
from tests.galleries import Run, every_study, pictures

REQUIRED = os.environ.get("REVEIL_REQUIRE_CHROMIUM") == "1"
MANY = 10_000
BLACK, WHITE = 0, 255

if not REQUIRED and not chromium.found():
    pytest.skip("no Chromium here", allow_module_level=True)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.started(tmp_path_factory.mktemp("chromium")) as one:
        yield one


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return every_study(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "gallery.html"
    gallery.write(str(path), made.studies(), run="made-up", images=200, commit="0123456789ab")
    return path


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """A page of ten thousand images of one cell."""
    run = Run(tmp_path_factory.mktemp("crowd"))
    count = np.arange(MANY)
    run.ats(gains=count / 1000, images=tuple(count))
    path = tmp_path_factory.mktemp("page") / "crowd.html"
    gallery.write(str(path), run.studies(), run="crowd", images=MANY, largest=40_000_000)
    return path


@pytest.fixture
def opened(browser, page):
    """The page as it is at first, on a wide screen; nothing may go wrong on it."""
    browser.problems.clear()
    browser.size(1280, 900)
    browser.prefer("light")
    browser.open(page)
    yield browser
    assert browser.problems == []
    assert [url for url in browser.requests if not url.startswith("data:")] == [page.as_uri()]


def shown(browser):
    """Return the number that the page says it shows."""
    return int(browser.run("document.getElementById('shown').textContent").replace(",", ""))


def cards(browser):
    return browser.run(
        "[...document.querySelectorAll('.card')].map(c => c.getAttribute('aria-label'))"
    )


def texts(browser, selector):
    return browser.run(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)"
    )


def focused(browser, what="getAttribute('aria-label')"):
    return browser.run(f"document.activeElement.{what}")


def as_number(text):
    return float(text.split("\u00a0")[0].replace("\u2212", "-").replace("+", ""))


def test_filters_show_as_many_images_as_the_table_has(opened, made):
    table = made.table("ats")
    assert shown(opened) == len(table)
    opened.choose("#facet-model", "LeNetZhu")
    on_model = table[table["model"] == "lenetzhu"]
    assert shown(opened) == len(on_model)
    opened.choose("#facet-policy", "None")
    unprotected = on_model[on_model["policy"] == "none"]
    assert shown(opened) == len(unprotected)
    opened.choose("#facet-seed", "1")
    assert shown(opened) == len(unprotected[unprotected["seed"] == 1]) == len(cards(opened))
    opened.click("#clear")
    assert shown(opened) == len(table)
    for place, study in ((1, "cvnn"), (2, "unir")):
        opened.click(f"#studies button:nth-child({place + 1})")
        assert shown(opened) == len(made.table(study))


def test_the_worst_leak_comes_first_and_any_order_can_be_had(opened, made):
    gains = made.table("ats")["gain_db"].dropna()
    assert f"Gain +{gains.max():.2f}" in cards(opened)[0]
    opened.choose("#facet-order", "gain")
    assert f"Gain \u2212{-gains.min():.2f}" in cards(opened)[0]
    opened.choose("#facet-order", "image")
    assert cards(opened)[0].startswith("Image 3,")


def test_the_table_of_images_sorts_by_its_heads(opened, made):
    opened.click("#views button:nth-child(2)")
    rows = "#images-table tbody tr:not(.gap)"
    table = made.table("ats")
    counted = opened.run(
        "document.querySelector('#images-table table').getAttribute('aria-rowcount')"
    )
    assert int(counted) == len(table) + 1
    opened.choose("#facet-model", "LeNetZhu")
    table = table[table["model"] == "lenetzhu"]
    assert len(texts(opened, rows)) == len(table)
    for way, direction in (("descending", -1), ("ascending", 1)):
        opened.click('[data-sort="psnr_db"]')
        assert (
            opened.run("document.querySelector('[data-sort=psnr_db]').parentElement.ariaSort")
            == way
        )
        values = [as_number(t) for t in texts(opened, "td[data-key=psnr_db]") if t != "\u2013"]
        assert values == sorted(values, key=lambda value: direction * value)
        assert sorted(values) == pytest.approx(sorted(table["psnr_db"].dropna()), abs=0.0051)
        assert focused(opened, "dataset.sort") == "psnr_db"
    heads = texts(opened, "th[aria-sort] button")
    assert len(heads) > 5 and texts(opened, "th[aria-sort=ascending]") == ["PSNR, dB"]


@pytest.mark.parametrize("view", ["images", "summary"])
def test_every_head_sorts(opened, page, view):
    opened.open(page, f"#study=ats&view={view}")
    keys = opened.run("[...document.querySelectorAll('[data-sort]')].map(e => e.dataset.sort)")
    assert len(keys) > 5
    for key in keys:
        opened.run(f"document.querySelector('[data-sort={key}]').click()")
        way = opened.run(f"document.querySelector('[data-sort={key}]').parentElement.ariaSort")
        assert way in ("ascending", "descending")
        if view == "images":
            assert opened.run("document.getElementById('facet-order').value").lstrip("-") == key


def test_an_exact_guess_is_the_worst_leak(browser, tmp_path):
    run = Run(tmp_path / "run")
    run.ats(gains=(1.0, np.inf, 5.0, -2.0))
    path = tmp_path / "exact.html"
    gallery.write(str(path), run.studies(), run="exact", images=9)
    browser.open(path)
    assert [label.split(",")[0] for label in cards(browser)] == [
        "Image 8", "Image 11", "Image 3", "Image 14"
    ]  # fmt: skip
    browser.choose("#facet-order", "gain")
    assert [label.split(",")[0] for label in cards(browser)] == [
        "Image 14", "Image 3", "Image 11", "Image 8"
    ]  # fmt: skip


def test_the_summary_has_means_intervals_and_n_and_leads_to_its_images(opened, page):
    opened.click("#views button:nth-child(3)")
    cells = pages.study(pages.content(page), "ats")["cells"]
    assert len(texts(opened, "#summary-table tbody tr")) == len(cells)
    best = max(cells, key=lambda cell: cell["means"]["gain"][0])
    mean, low, high, n = best["means"]["gain"]
    first = opened.run("document.querySelector('#summary-table tbody tr').innerText")
    for number in (mean, low, high):
        assert f"{number:+.2f}".replace("-", "\u2212") in first
    assert str(n) in first.split()
    opened.click("#summary-table tbody tr .open")
    assert shown(opened) == best["shown"]
    assert all(best["names"]["policy"] in label for label in cards(opened))


def test_the_keyboard_walks_opens_and_comes_back(opened):
    opened.run("document.querySelector('.card').focus()")
    order = cards(opened)
    columns = opened.run("wall.columns")
    assert columns == 3
    opened.press("ArrowRight")
    assert focused(opened) == order[1]
    opened.press("ArrowDown")
    assert focused(opened) == order[1 + columns]
    opened.press("ArrowUp")
    opened.press("ArrowLeft")
    opened.press("ArrowLeft")
    assert focused(opened) == order[0]
    opened.press("Enter")
    assert opened.run("document.getElementById('detail').open")
    assert focused(opened, "id") == "close"
    opened.press("ArrowRight")
    opened.press("ArrowRight")
    opened.press("Escape")
    assert not opened.run("document.getElementById('detail').open")
    assert focused(opened) == order[2]
    opened.press("End")
    assert focused(opened) == cards(opened)[-1]
    opened.press("Home")
    assert focused(opened) == order[0]


def test_tab_goes_through_the_page_in_its_order_and_stops_once_at_the_wall(opened):
    visited = []
    for _ in range(16):
        opened.press("Tab")
        visited.append(opened.run("document.activeElement.id || document.activeElement.className"
                                  " || document.activeElement.textContent"))  # fmt: skip
        assert opened.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        if visited[-1] == "card":
            break
    assert visited[0] == "skip" and visited[-1] == "card"
    places = [visited.index(name) for name in ("theme", "facet-model", "facet-order")]
    assert places == sorted(places)
    assert visited.count("card") == 1


def test_the_cost_curve_comes_with_the_mouse_and_with_the_focus(opened):
    opened.hover(".card")
    assert not opened.run("document.getElementById('tip').hidden")
    assert texts(opened, "#tip text")[3] == "iteration 245"
    opened.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
    opened.settle()
    assert opened.run("document.getElementById('tip').hidden")
    opened.run("document.querySelector('.card').focus()")
    assert not opened.run("document.getElementById('tip').hidden")
    opened.click(".card")
    assert opened.run("!!document.querySelector('#detail .chart')")
    opened.press("Escape")


def test_pictures_are_drawn_with_the_pixels_of_the_archive(opened, page):
    label = json.dumps(cards(opened)[0])
    found = pages.content(page)
    ats = pages.study(found, "ats")
    row = opened.run("Number(document.querySelector('.card').dataset.row)")
    opened.run("Promise.all([...sheets.values()])")
    drawn = opened.run(
        f"[...document.querySelector('.card[aria-label=' + JSON.stringify({label}) + ']')"
        ".querySelectorAll('canvas')].map(c => [...c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0))"
    )
    expected = [
        pages.tile(found, ats["images"]["tiles"][name][row]) for name in ("clean", "seen", "guess")
    ]
    for pixels, tile in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(np.reshape(pixels, tile.shape), tile)
    assert (
        opened.run("getComputedStyle(document.querySelector('canvas')).imageRendering")
        == "pixelated"
    )


def test_details_say_what_the_table_says(opened, made):
    opened.click(".card")
    values = {
        key: texts(opened, f"#detail dd[data-key={key}]")[0]
        for key in ("gain", "psnr_db", "floor_db")
    }
    table = made.table("ats")
    best = table.loc[table["gain_db"].idxmax()]
    for key, column in {"gain": "gain_db", "psnr_db": "psnr_db", "floor_db": "floor_db"}.items():
        assert as_number(values[key]) == pytest.approx(best[column], abs=0.0051)
    opened.press("Escape")


def test_a_failure_says_why_and_its_words_are_no_markup(opened):
    opened.choose("#facet-model", "LeNetZhu")
    opened.choose("#facet-seed", "0")
    place = next(n for n, label in enumerate(cards(opened)) if label.endswith("failed"))
    opened.run(f"document.querySelectorAll('.card')[{place}].click()")
    assert "Failed: not finite </script><b>" in opened.run(
        "document.getElementById('detail').innerText"
    )
    opened.press("Escape")


def test_the_address_keeps_what_is_looked_at(opened, page, browser):
    opened.click("#studies button:nth-child(3)")
    opened.choose("#facet-attack", "Mean of observed values")
    opened.click("#views button:nth-child(2)")
    address = opened.run("location.hash")
    before = shown(opened)
    browser.open(page, address)
    assert shown(browser) == before
    assert browser.run("state.view") == "images"


def test_another_address_closes_the_image_that_was_opened(opened, made):
    opened.click(".card")
    # What every object has is no view.
    opened.run("location.hash = '#study=unir&view=toString'")
    opened.wait("state.study === 2")
    opened.settle()
    assert not opened.run("document.getElementById('detail').open")
    assert opened.run("state.view") == "pictures"
    assert shown(opened) == len(made.table("unir"))


def test_who_resizes_the_window_stays_at_his_image(opened):
    opened.run("document.querySelector('.card').focus()")
    opened.press("ArrowRight")
    before = focused(opened)
    opened.size(640, 450)
    opened.wait("wall.columns === 1")
    assert focused(opened) == before


def brightness(browser):
    """Return the mean brightness of a corner of the window."""
    shot = Image.open(io.BytesIO(browser.screenshot())).convert("L")
    return np.asarray(shot)[:20, :8].mean()


def test_light_and_dark_follow_the_system_and_the_button(opened):
    assert brightness(opened) > 0.9 * WHITE
    opened.prefer("dark")
    assert brightness(opened) < 0.2 * WHITE
    opened.click("#theme")
    assert brightness(opened) > 0.9 * WHITE
    opened.click("#theme")
    assert brightness(opened) < 0.2 * WHITE
    opened.run("localStorage.clear(); delete document.documentElement.dataset.theme")


CONTRAST = """
(() => {
  const curve = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (c) => curve(c / 255);
  const of = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = of(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const apart = e.closest('svg, script, noscript, option, :disabled, .skip');
    if (!own || apart || !e.checkVisibility()) continue;
    const [a, b] = [luminance(of(getComputedStyle(e).color)), luminance(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return bad;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["pictures", "images", "summary"])
@pytest.mark.parametrize("width", [400, 1280])
def test_every_size_and_theme_is_readable_and_nothing_is_cut_off(
    opened, page, tmp_path, scheme, view, width
):
    opened.size(width, 900)
    opened.prefer(scheme)
    for study in ("ats", "cvnn", "unir"):
        opened.open(page, f"#study={study}&view={view}")
        opened.settle()
        assert opened.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert opened.run(CONTRAST) == []
        cut = opened.run(
            "[...document.querySelectorAll('button:not(.card), .caption, .gain, h1')].filter(e => "
            "e.checkVisibility() && !e.closest('.tablebox') && e.scrollWidth > e.clientWidth + 1 "
            "&& getComputedStyle(e).display !== 'inline').map(e => e.textContent)"
        )
        assert cut == []
        overlapping = opened.run(
            "(() => { const r = [...document.querySelectorAll('.card')]"
            ".map(e => e.getBoundingClientRect());"
            "return r.some((a, i) => r.some((b, j) => j > i && a.left < b.right && b.left < a.right"
            " && a.top < b.bottom && b.top < a.bottom)); })()"
        )
        assert not overlapping
        shot = Image.open(io.BytesIO(opened.screenshot()))
        assert shot.size == (width, 900)
        assert np.ptp(np.asarray(shot.convert("L"))) > 100


def test_what_must_not_happen_is_noticed(opened, page):
    """The page's policy stops every request before it is made, and the client hears of it."""
    opened.run(
        "new Promise(refused => { const image = new Image(); image.onerror = refused;"
        "image.src = 'http://127.0.0.1:9/x.png'; })"
    )
    opened.run("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert any("Content Security Policy" in problem for problem in opened.problems)
    assert opened.requests[-1] == "http://127.0.0.1:9/x.png"
    assert opened.refused == ["csp"]
    opened.problems.clear()
    opened.requests.pop()


def test_ten_thousand_images_are_a_few_dozen_elements(browser, crowd):
    browser.problems.clear()
    browser.size(1280, 900)
    browser.open(crowd)
    assert shown(browser) == MANY
    assert len(cards(browser)) < 60
    browser.run("document.querySelector('.card').focus()")
    browser.press("End")
    assert focused(browser).startswith("Image 0,") and len(cards(browser)) < 60
    assert browser.run("document.activeElement.getBoundingClientRect().top") > 0
    browser.press("PageUp")
    browser.press("Home")
    assert focused(browser).startswith(f"Image {MANY - 1},")
    browser.click("#views button:nth-child(2)")
    assert len(texts(browser, "#images-table tbody tr")) < 80
    browser.run("document.getElementById('images-table').scrollTop = 1e9")
    browser.settle()
    assert texts(browser, "#images-table .open")[-1] == "0"
    assert browser.problems == []


def test_a_note_says_that_a_page_shows_less_than_there_is(browser, made, tmp_path):
    path = tmp_path / "few.html"
    gallery.write(str(path), made.studies(), run="made-up", images=2)
    browser.open(path)
    assert shown(browser) == 12
    note = browser.run("document.getElementById('note').textContent")
    assert "12 of 48 images are shown" in note
    assert "12 of 48 images" in browser.run("document.getElementById('count').textContent")


def test_one_study_alone_is_a_whole_gallery(browser, tmp_path):
    run = Run(tmp_path / "run")
    arrays = run.unir()
    assert arrays["clean"].shape == pictures(4, 0).shape
    path = tmp_path / "one.html"
    gallery.write(str(path), run.studies(), run="one", images=9)
    browser.open(path)
    assert texts(browser, "#studies button") == ["Measurementsunir"]
    assert shown(browser) == 4


def test_a_run_without_pictures_says_so(browser, tmp_path):
    run = Run(tmp_path / "run")
    run.cvnn(errors=(np.nan,) * 4, attack="infer-features")
    path = tmp_path / "none.html"
    gallery.write(str(path), run.studies(), run="none", images=9)
    browser.problems.clear()
    browser.open(path)
    assert texts(browser, "#results") == ["No attack of this run made a picture."]
    assert browser.problems == []
