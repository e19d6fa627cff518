"""A built site as its files: where links lead, what pages load, and which links are broken."""

import re
from functools import cache
from html.parser import HTMLParser
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes that make a browser load something; a link alone loads nothing.
LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
LOADED |= {("img", "srcset"), ("video", "src"), ("object", "data"), ("embed", "src")}
# Words for a menu of the browser, which nothing is loaded for.
UNLOADED = {"next", "prev", "search", "index", "canonical"}
STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])([^"')\s]+)""")


class Page(HTMLParser):
    """What one HTML file has: ``ids``, links as ``refs``, what it loads as ``loaded``, its menu."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.refs: list[str] = []
        self.loaded: list[str] = []
        self.menu: list[str] = []
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names."""
        named = {name: value or "" for name, value in attrs}
        if tag == "div" and (self._depth or "sidebar-tree" in named.get("class", "")):
            self._depth += 1
        self.ids |= {named[key] for key in ("id", "name") if key in named}
        if tag == "a" and "href" in named:
            self.refs.append(named["href"])
            self.menu += [named["href"]] if self._depth else []
        relation = set(named.get("rel", "").split())
        for name, value in named.items():
            if (tag, name) in LOADED and not (tag == "link" and relation <= UNLOADED):
                self.loaded.append(value)
        self.loaded += STYLE.findall(named.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        """Note where the menu ends."""
        self._depth -= bool(self._depth and tag == "div")


@cache
def page(path: Path) -> Page:
    """Return what an HTML file has."""
    return Page(path.read_text(encoding="utf-8"))


def target(path: Path, reference: str) -> tuple[Path, str] | None:
    """Return (file, fragment) that a reference leads to, or None where it leaves the site."""
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc:
        return None
    file = Path(normpath(path.parent / unquote(parts.path))) if parts.path else path
    return file, unquote(parts.fragment)


def broken(site: Path) -> list[str]:
    """Return each reference of a site that leads to no file of it, or to no place in the file."""
    found, site = [], site.resolve()
    there = set(site.rglob("*"))
    for path in sorted(site.rglob("*.html")):
        for reference in [*page(path).refs, *page(path).loaded]:
            led = target(path, reference)
            if led is None:
                continue
            file, fragment = led
            if file not in there or (fragment and fragment not in page(file).ids):
                found.append(f"{path.relative_to(site)}: {reference}")
    return found


def external(site: Path) -> list[str]:
    """Return what the pages and style sheets of a site load from elsewhere."""
    loaded = [(path, ref) for path in site.rglob("*.html") for ref in page(path).loaded]
    for path in site.rglob("*.css"):
        loaded += [(path, ref) for ref in STYLE.findall(path.read_text(encoding="utf-8"))]
    return [
        f"{path.relative_to(site)}: {reference}"
        for path, reference in loaded
        if urlsplit(reference).scheme not in ("", "data") or urlsplit(reference).netloc
    ]
