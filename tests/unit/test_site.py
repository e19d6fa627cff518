"""The site of the documentation: built once, without a warning, and looked at as readers do."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from docs.site import links, mirror, sections

from reveil.errors import ReveilError
from tests import crawl
from tests.workflow import ROOT, environment, kill_tree

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
WIDTHS = (400, 1280)
PAGES = mirror.pages_of(ROOT)


def build(out: Path, *words: str) -> subprocess.CompletedProcess:
    """Build a site and return what was said."""
    return subprocess.run(
        [sys.executable, "-m", "docs.site", "--out", str(out), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment() | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make site`` does."""
    out = tmp_path_factory.mktemp("site") / "site"
    done = build(out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


# --- what is built ------------------------------------------------------------------------------


def test_no_link_of_the_site_is_broken(site: Path) -> None:
    assert len(list(site.rglob("*.html"))) > 40
    assert crawl.broken(site) == []


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    assert crawl.external(site) == []


@pytest.mark.parametrize("name", [page for page in PAGES if page not in mirror.ON_FRONT])
def test_every_page_is_in_the_menu(site: Path, name: str) -> None:
    front = crawl.page(site / "index.html")
    assert f"{name.removesuffix('.md')}.html" in front.menu


def test_the_front_says_what_it_is_and_how_to_begin(site: Path) -> None:
    front = (site / "index.html").read_text()
    for study in ("ats", "cvnn", "unir"):
        assert f">{study}</span>" in front
    assert front.index("doors") < front.index(
        "make</span>" if "make</span>" in front else "make demo"
    )
    loaded = crawl.page(site / "index.html").loaded
    assert {f"demo-{name}.png" for name in ("grid", "cvnn-grid", "unir-grid")} <= {
        Path(reference).name for reference in loaded
    }


def test_every_experiment_is_on_its_page(site: Path) -> None:
    text = (site / "docs/experiments.html").read_text()
    studies = yaml.safe_load((ROOT / "config.yaml").read_text())["studies"]
    targets = [t for study in studies.values() for t in study["experiments"]["targets"]]
    assert len(targets) > 60
    assert [t for t in targets if f">{t.replace('-', '_')}</span>" not in text] == []


def test_presets_and_files_have_a_place(site: Path) -> None:
    kinds = [path for path in (ROOT / "config").iterdir() if path.is_dir()]
    assert len(kinds) >= 8
    for kind in kinds:
        ids = crawl.page(site / f"files/config/{kind.name}.html").ids
        slugs = {links.slug(path.name) for path in kind.glob("*.yaml")}
        assert slugs - ids == set(), kind


def test_interfaces_are_told_by_their_docstrings(site: Path) -> None:
    ids = crawl.page(site / "docs/reference/python.html").ids
    assert {"reveil.statistics.mean_interval", "reveil.metrics.judge"} <= ids
    assert "reveil.attacks.reconstruct" in ids


# --- what is noticed ----------------------------------------------------------------------------


def test_broken_links_and_foreign_resources_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here"></a><a href="#gone"></a><a href="b.html"></a>'
        '<a href="../out.html"></a><a href="https://example.org"></a>'
        '<img src="//example.org/x.png"><link rel="stylesheet" href="a.css">'
        '<link rel="next" href="https://example.org/"><i style="background: url(http://x.org/y)">'
    )
    (tmp_path / "a.css").write_text("@import 'http://example.org/b.css'; a { b: url(data:x) }")
    assert crawl.broken(tmp_path) == [
        *("a.html: #gone", "a.html: b.html", "a.html: ../out.html"),
    ]
    assert sorted(crawl.external(tmp_path)) == [
        "a.css: http://example.org/b.css",
        "a.html: //example.org/x.png",
        "a.html: http://x.org/y",
    ]


def copied(root: Path, tmp_path: Path) -> Path:
    """Return a copy of what the site is made of."""
    for name in ("docs", "config", "benchmarks", "workflow/schemas", "profiles", "envs"):
        shutil.copytree(root / name, tmp_path / name)
    (tmp_path / "results").mkdir()
    shutil.copy2(root / "results/README.md", tmp_path / "results")
    for file in [p for p in root.iterdir() if p.is_file() and not p.name.startswith(".")]:
        shutil.copy2(file, tmp_path)
    (tmp_path / "src").symlink_to(root / "src")
    return tmp_path


def test_a_link_to_nothing_ends_with_one_message(tmp_path: Path) -> None:
    root = copied(ROOT, tmp_path)
    (root / "docs/guides/one-figure.md").write_text("# A figure\n\n[here](../nothing.md)\n")
    done = build(tmp_path / "out", "--root", str(root))
    assert done.returncode == 1
    assert done.stderr == (
        "docs/guides/one-figure.md: the link '../nothing.md' leads to no file of the repository\n"
    )


def test_a_new_guide_is_in_the_menu_by_itself(tmp_path: Path) -> None:
    from docs.site.contents import GUIDES, gathered

    root = copied(ROOT, tmp_path)
    (root / "docs/guides/aardvark.md").write_text("# An aardvark of your own\n")
    made = gathered(root)
    tree = made.texts[GUIDES].partition("{toctree}")[2].split()
    known = [name for name in sections.ORDER["docs/guides"] if f"docs/guides/{name}.md" in PAGES]
    assert [name for name in tree if name in known] == known
    assert tree.index("aardvark") > tree.index(known[-1])
    assert "[An aardvark of your own](aardvark.md)" in made.texts[GUIDES]


# --- links --------------------------------------------------------------------------------------


def test_links_are_rewritten_outside_of_code_alone() -> None:
    text = "[a](x.md) [`b`](<y.md#z>)\n\n   ```text\n   [c](x.md)\n   ```\n[d](https://x.md)\n"
    changed = links.rewritten(text, lambda words, link: (words.upper(), f"new/{link}"))
    assert changed == (
        "[A](new/x.md) [`B`](new/y.md#z)\n\n   ```text\n   [c](x.md)\n   ```\n[d](https://x.md)\n"
    )


def test_fences_of_other_lengths_do_not_close_a_block() -> None:
    text = "````\n```\n[a](b)\n```\n````\n[c](d)\n"
    assert [line for line, told in links.prose(text) if told] == ["[c](d)\n"]


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("docs/a.md", "guides/b.md", ("docs/guides/b.md", "")),
        ("docs/guides/a.md", "../../config.yaml", ("config.yaml", "")),
        ("docs/a.md", "#here", ("docs/a.md", "here")),
        ("README.md", "config/README.md#recipes", ("config/README.md", "recipes")),
        ("docs/a.md", "..", (".", "")),
    ],
)
def test_a_destination_is_a_path_of_the_repository(page: str, link: str, expected) -> None:
    assert links.target(page, link) == expected
    path, fragment = expected
    assert links.target(page, links.between(page, path, fragment)) == expected


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    made = mirror.Mirror(ROOT)
    with pytest.raises(
        ReveilError, match=r"docs/a\.md: the link '\.\./\.\./x\.md' leads to no file"
    ):
        made.linked("docs/a.md", "docs/a.md", "[x](../../x.md)")


def test_the_name_of_a_file_gives_way_to_its_title() -> None:
    made = mirror.Mirror(ROOT)
    text = (
        "[tables.md](reference/tables.md) [here](tutorial.md) [tutorial.md](tutorial.md#2-read-it)"
    )
    assert made.linked("docs/a.md", "docs/a.md", text) == (
        "[Columns of the tables](reference/tables.md) [here](tutorial.md) "
        "[2. Read it](tutorial.md#2-read-it)"
    )


# --- in a browser -------------------------------------------------------------------------------


def seen(jobs: Sequence[Sequence[Any]], folder: Path) -> list[dict[str, Any]]:
    """Return what a browser without a network finds on pages, each loaded once.

    Args:
        jobs: for each page its address, and the widths and colours that it is looked at in.
        folder: for the browser's files.
    """
    page = folder / "browse.html"
    script = (ROOT / "tests/browse.html").read_text()
    page.write_text(script.replace("JOBS = []", f"JOBS = {json.dumps(jobs)}"))
    switches = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=600000"]
    # So that the harness may look into the frames it has loaded; there is no network to ask.
    switches += ["--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND"]
    browser = subprocess.Popen(
        [CHROMIUM, *switches, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        text = browser.communicate(timeout=300)[0]
    finally:
        kill_tree(browser)
    found = text.partition('<pre id="found">')[2].partition("</pre>")[0]
    assert found, text[:2000]
    return json.loads(found.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))


@pytest.fixture(scope="module")
def looked(site: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the browser finds on every page at both widths, in light and in dark."""
    if CHROMIUM is None:
        assert "REVEIL_REQUIRE_CHROMIUM" not in os.environ, "chromium is not on PATH"
        pytest.skip("chromium is not on PATH")
    names = [
        path for path in sorted(site.rglob("*.html")) if path.relative_to(site).parts[0] != "files"
    ]
    names += [site / "files/config.html", site / "files/config/recipes.html"]
    looks = list(zip(WIDTHS, ("light", "dark"), strict=True))
    jobs = [[path.as_uri(), *looks] for path in names]
    for job in jobs[:6]:
        job.append((400, "dark"))
    jobs.append([f"{(site / 'search.html').as_uri()}?q=floor", (1280, "light")])
    found = seen(jobs, tmp_path_factory.mktemp("browser"))
    assert len(found) == sum(len(job) - 1 for job in jobs)
    return found


def test_no_page_is_wider_than_its_window(looked: list[dict[str, Any]]) -> None:
    assert [(p["address"], p["width"], p["wide"]) for p in looked if p["wide"] > 0] == []


def test_text_stands_out_from_what_is_behind_it(looked: list[dict[str, Any]]) -> None:
    faint = {(p["scheme"], words) for p in looked for words in p["faint"]}
    assert faint == set()


def test_a_search_finds_without_a_server(looked: list[dict[str, Any]]) -> None:
    (search,) = [page for page in looked if "?q=" in page["address"]]
    assert any("docs/tutorial.html" in link for link in search["results"])


def test_no_browser_is_left(looked: list[dict[str, Any]]) -> None:
    assert [p for p in psutil.Process().children(recursive=True) if "chrom" in p.name()] == []
