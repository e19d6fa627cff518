"""Put page, style, script and content into one file that needs no other."""

import base64
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files as resources
from typing import Any

from reveil import __version__, rows
from reveil.errors import ReveilError, not_allowed
from reveil.files import write_text
from reveil.gallery import ats, cvnn, unir
from reveil.gallery.archives import by_place
from reveil.gallery.cells import cells_of
from reveil.gallery.content import content, numbered
from reveil.gallery.shown import Source, choose
from reveil.gallery.sprites import Tiles

log = logging.getLogger(__name__)

STUDIES = {study.name: study for study in (ats.STUDY, cvnn.STUDY, unir.STUDY)}
# In the order in which they are run.
SCRIPTS = ("format.js", "pictures.js", "curve.js", "state.js", "filters.js", "wall.js", "tables.js",
           "detail.js", "gallery.js")  # fmt: skip
LARGEST_PAGE = 15_000_000
_ROOM = 400_000  # for script, style and summary


def write(
    path: str,
    studies: Sequence[Mapping[str, Any]],
    *,
    run: str,
    images: int,
    commit: str = "",
    largest: int = LARGEST_PAGE,
) -> None:
    """Write the gallery of a run.

    Args:
        path: Of the page.
        studies: One a study: ``study``, its name; ``table``, the path of its images.csv;
            ``arrays``, those of the archives beside its rows; ``positions``, those of the images
            that its grid of pictures shows.
        run: Name of the run.
        images: Shown of a cell at most.
        commit: Of the repository, if known.
        largest: Bytes that the page may have.

    Raises:
        ReveilError: no study, an unknown one, a table or archive that does not fit, or more cells
            than ``largest`` has room for.
    """
    if not studies:
        raise ReveilError("gallery: no study of this run asks for attacked images")
    # Attacks that infer a property leave no picture.
    sources = [source for source in (_source(**entry) for entry in studies) if source.cells]
    budget = largest - _ROOM
    while True:
        text = assemble(_content(sources, images, budget), run=run, commit=commit)
        size = len(text.encode())
        if size <= largest:
            break
        if budget <= 0:
            raise ReveilError(
                f"{path}: takes {size} bytes without one image; allowed: {largest}; name fewer "
                "studies in gallery.studies, or divide the run"
            )
        # What a row takes was estimated too low; a page is never larger than it may be.
        budget = min(int(budget * 0.85), budget - (size - largest))
    log.info("%s: %.1f MB", path, size / 1e6)
    write_text(path, text)


def _source(study: str, table: str, arrays: Sequence[str], positions: Sequence[int]) -> Source:
    if study not in STUDIES:
        raise ReveilError(not_allowed("study", study, STUDIES))
    archives = by_place(arrays)
    tidy = STUDIES[study].tidy(rows.read(table), archives)
    return Source(STUDIES[study], cells_of(STUDIES[study], tidy, positions), archives)


def _content(sources: Sequence[Source], images: int, budget: int) -> dict[str, Any]:
    tiles = Tiles()
    chosen = choose(sources, images, budget)
    found = [content(source, labels, tiles) for source, labels in zip(sources, chosen, strict=True)]
    sprites, numbers = tiles.sprites()
    numbered(found, numbers)
    return {"studies": found, "sprites": sprites}


def assemble(found: Mapping[str, Any], *, run: str, commit: str = "") -> str:
    """Return the page: it may load nothing, and runs no script but its own.

    Args:
        found: ``studies`` of :func:`reveil.gallery.content.content`, and ``sprites``.
        run: Name of the run.
        commit: Of the repository, if known.
    """
    style = _read("style.css")
    script = '"use strict";\n' + "\n".join(_read(name) for name in SCRIPTS)
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    made = f"commit {commit}, " if commit else ""
    parts = {
        "policy": escape(policy, quote=True).replace("&#x27;", "'"),
        "run": escape(run),
        "provenance": escape(f"Run {run}, {made}reveil {__version__}"),
        "style": style,
        "content": _json(found),
        "script": script,
    }
    page = _read("page.html")
    pieces = page.split("%%")
    # Text and names of parts in turn.
    return "".join(parts[piece] if n % 2 else piece for n, piece in enumerate(pieces))


def _json(value: Any) -> str:
    """Return JSON that no tag can be read in, whatever texts it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (resources("reveil.gallery") / name).read_text(encoding="utf-8")
