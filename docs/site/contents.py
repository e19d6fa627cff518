"""The pages that the site has by itself: its front, the lists of each section, the interfaces."""

from collections.abc import Iterable
from pathlib import Path

from docs.site import links, sections
from docs.site.mirror import FILES, INDEX, USE, Mirror
from docs.site.sections import CONFIGURATION, FRONT, GLOSSARY, RESULTS, TITLES, TUTORIAL, WAYS

GUIDES, REFERENCE = "docs/guides/index.md", "docs/reference/index.md"
INTERFACE, RUNS = "docs/reference/python.md", "docs/reproduction/README.md"
SHOWN = "## What comes out\n"


def gathered(root: Path) -> Mirror:
    """Return all sources of the site of the repository at ``root``."""
    mirror = Mirror(root)
    mirror.gather()
    reading = purposes(mirror)
    guides = sections.ordered("docs/guides", mirror.pages)
    reference = sections.ordered("docs/reference", mirror.pages)
    mirror.texts[INTERFACE] = _interfaces(mirror)
    mirror.texts[GUIDES] = _list(mirror, GUIDES, "Guides", "One task each.", guides, reading)
    mirror.texts[REFERENCE] = _list(
        *(mirror, REFERENCE, "Reference", "What there is, and what it means."),
        [CONFIGURATION, *reference, RESULTS, INTERFACE],
        reading,
    )
    files = sorted(place for place in mirror.texts if place.startswith("files/"))
    words = "Files of the repository that other pages name, as they were when this site was made."
    # They are listed, and in no menu: it would hold little else.
    mirror.texts[FILES] = _list(mirror, FILES, "Files", words, files, {}).partition("```{toc")[0]
    runs = sections.ordered("docs/reproduction", mirror.pages)
    mirror.texts[RUNS] += "\n" + _tree(RUNS, runs)
    mirror.texts[INDEX] = _front(mirror)
    return mirror


def purposes(mirror: Mirror) -> dict[str, str]:
    """Return what each page is to be read for, by the table of the page about that."""
    found = {}
    for line in mirror.read(WAYS).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for _, link in links.LINK.findall(line) if len(cells) == 2 else []:
            found.setdefault(links.target(WAYS, link)[0], cells[0])
    return found


def _front(mirror: Mirror) -> str:
    doors = ["```{container} doors\n"]
    doors += [f"- [{name}]({place})\n\n  {words}" for name, place, words in sections.DOORS]
    opening, rest = split(mirror.linked(FRONT, INDEX, mirror.opening), "![")
    pictures, commands = split(rest, "## ")
    ways = mirror.read(WAYS).partition("\n")[2]
    parts = [
        *(opening, *doors, "```\n", commands, SHOWN, pictures, "## Where to go\n"),
        links.demoted(mirror.linked(WAYS, INDEX, ways)),
    ]
    docs = sections.ordered("docs", mirror.pages)
    trees = {
        "Start": [TUTORIAL, USE],
        "Do": [GUIDES],
        "Look up": [
            *(GLOSSARY, REFERENCE, "docs/experiments.md", "docs/deviations.md"),
            "docs/references.md",
        ],
        "Results": [RUNS, "docs/performance.md", "benchmarks/README.md"],
    }
    known = {place for tree in trees.values() for place in tree}
    trees["Project"] = [
        *(p for p in docs if p not in known),
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        FILES,
    ]
    return "\n".join([*parts, *(_tree(INDEX, tree, name) for name, tree in trees.items())])


def _list(
    mirror: Mirror,
    place: str,
    title: str,
    words: str,
    pages: Iterable[str],
    reading: dict[str, str],
) -> str:
    """Return a page that lists others with what they are for, and has them below it in the menu."""
    lines = [f"# {title}\n", f"{words}\n"]
    for page in pages:
        what = f": to {reading[page]}" if page in reading else ""
        name = TITLES.get(page, mirror.title(page))
        lines.append(f"- [{name}]({links.between(place, page)}){what}")
    return "\n".join([*lines, "", _tree(place, pages)])


def _tree(place: str, pages: Iterable[str], caption: str = "") -> str:
    said = f":caption: {caption}\n" if caption else ""
    entries = []
    for page in pages:
        name = links.between(place, page).removesuffix(".md")
        entries.append(f"{TITLES[page]} <{name}>" if page in TITLES else name)
    return "\n".join([f"```{{toctree}}\n:hidden:\n{said}", *entries, "```\n"])


def _interfaces(mirror: Mirror) -> str:
    parts = [
        "# Python interfaces\n",
        "What code of your own calls or extends, by its docstrings.\n",
    ]
    for name in sections.INTERFACES:
        place = mirror.root / "src/reveil" / name.replace(".", "/")
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
            parts.append(f"## reveil.{name}\n")
            options = "   :members:\n   :member-order: bysource\n"
            parts.append(f"```{{eval-rst}}\n.. automodule:: reveil.{name}\n{options}```\n")
    return "\n".join(parts)


def split(text: str, start: str) -> tuple[str, str]:
    """Return a page up to the first line of prose that starts so, and from there on."""
    place = 0
    for line, told in links.prose(text):
        if told and line.startswith(start):
            break
        place += len(line)
    return text[:place], text[place:]
