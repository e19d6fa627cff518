"""Relative links of Markdown pages, told from code, and what they mean in a repository."""

import re
from collections.abc import Callable, Iterator
from posixpath import dirname, normpath, relpath

# A link or picture from its last words on: words, destination. Titles after it are not used here.
LINK = re.compile(r"([^\[\]]*)\]\(<?([^)\s>]+)>?\)")
SCHEME = re.compile(r"^[a-z][a-z+.-]*:")
FENCE = re.compile(r"^ *(`{3,}|~{3,})")
HEAD = re.compile(r"^(#+) +(.+?)\s*$")


def prose(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line with its end, and whether it is prose: no part of a fenced block."""
    closing = None
    for line in text.splitlines(keepends=True):
        fence = FENCE.match(line)
        if closing:
            yield line, False
            if fence and line.strip().startswith(closing) and not line.strip(" `~\n"):
                closing = None
        elif fence:
            closing = fence[1]
            yield line, False
        else:
            yield line, True


def rewritten(text: str, change: Callable[[str, str], tuple[str, str]]) -> str:
    """Return a page with (words, destination) of each relative link replaced by ``change``."""

    def changed(found: re.Match[str]) -> str:
        if SCHEME.match(found[2]):
            return found[0]
        words, destination = change(found[1], found[2])
        return f"{words}]({destination})"

    lines = (LINK.sub(changed, line) if told else line for line, told in prose(text))
    return "".join(lines)


def target(page: str, destination: str) -> tuple[str, str]:
    """Return (path, fragment) of a destination; both paths are below the top of the repository.

    The path of a fragment alone is that of the page, the path of the top is ``.``.
    """
    name, _, fragment = destination.partition("#")
    return (normpath(f"{dirname(page) or '.'}/{name}") if name else page), fragment


def between(page: str, other: str, fragment: str = "") -> str:
    """Return the destination that leads from one path to another."""
    path = relpath(other, dirname(page) or ".") if other != page or not fragment else ""
    return f"{path}#{fragment}" if fragment else path


def heads(text: str) -> Iterator[tuple[int, str]]:
    """Yield (level, words) of each heading."""
    for line, told in prose(text):
        if told and (found := HEAD.match(line)):
            yield len(found[1]), found[2]


def slug(head: str) -> str:
    """Return the fragment that a heading answers to, on the forge as on the site."""
    return re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-")


def demoted(text: str) -> str:
    """Return a page with its headings one level lower."""
    return "".join(f"#{line}" if told and HEAD.match(line) else line for line, told in prose(text))
