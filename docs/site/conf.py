"""Settings of Sphinx. The sources are written by ``docs.site.mirror``, not read from here."""

import re
import sys
from pathlib import Path
from pkgutil import resolve_name

from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from reveil import __version__  # noqa: E402

project = "reveil"
version = release = __version__
language = "en"
html_title = f"reveil {version}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
source_suffix = {".md": "markdown"}
# The slugs of headings are those of the forge, so that a link with a fragment serves both.
myst_heading_anchors = 6
pygments_style, pygments_dark_style = "default", "github-dark"
smartquotes = False

autodoc_typehints = "none"
napoleon_use_ivar = True
# Names of other packages. Ours must exist, see without_page.
nitpick_ignore_regex = [("py:.*", r"(?!reveil\.).*")]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = html_show_copyright = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b5f66",
        "color-brand-content": "#0b5f66",
        "color-brand-visited": "#4a4f8f",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6cc7cf",
        "color-brand-content": "#6cc7cf",
        "color-brand-visited": "#a9afe8",
    },
}


def count_columns(app, doctree) -> None:
    """Tell the style sheet how many columns a table has: wide ones scroll at a readable width."""
    for table in doctree.findall(nodes.table):
        groups = list(table.findall(nodes.tgroup))
        table["classes"].append(f"columns-{groups[0]['cols']}")


def break_names(app, doctree, name) -> None:
    """Let long names in tables break after dots and slashes, and nowhere else."""
    for table in doctree.findall(nodes.table):
        for literal in list(table.findall(nodes.literal)):
            parts = re.split(r"(?<=/)(?=[^/ ])|(?<=\.)(?=\w{5})", literal.astext())
            texts = [nodes.Text(part) for part in parts]
            breaks = [nodes.raw("", "<wbr>", format="html") for _ in parts]
            pairs = zip(texts, breaks, strict=True)
            literal.children = []
            literal.extend([node for pair in pairs for node in pair][:-1])


def without_page(app, env, node, words):
    """Let a docstring name what the site has no page about, if there is such a thing."""
    if node.get("refdomain") != "py":
        return None
    try:
        resolve_name(node["reftarget"].removesuffix("()"))
    except (ImportError, AttributeError, ValueError):
        return None
    return words


def setup(app) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", count_columns)
    app.connect("doctree-resolved", break_names)
    app.connect("missing-reference", without_page)
