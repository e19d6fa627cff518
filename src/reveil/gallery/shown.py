"""Which images fit on the page, and their pictures."""

import zlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reveil.errors import ReveilError
from reveil.gallery.archives import PLACE
from reveil.gallery.cells import Cell
from reveil.gallery.sprites import Picture, digest
from reveil.gallery.study import PICTURES, Study
from reveil.tables.measures import OK

# What a row takes beside its pictures, and beside its cost curve.
ROW_BYTES, CURVE_BYTES = 220, 420
CURVE_POINTS = 48


@dataclass(frozen=True)
class Source:
    """The cells of one study and the archives of its pictures, each with its place."""

    study: Study
    cells: Sequence[Cell]
    archives: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Shot:
    """What is drawn of one row: its pictures, and the (T,) iterations and costs of its curve."""

    pictures: Mapping[str, Picture]
    curve: tuple[np.ndarray, np.ndarray] | None


def shots(source: Source, wanted: Mapping[Hashable, Any]) -> Iterator[tuple[Hashable, Shot]]:
    """Yield the label of each wanted row with what is drawn of it, an archive at a time.

    Args:
        source: A study, its cells and archives.
        wanted: By labels of the rows.

    Raises:
        ReveilError: a row is in no archive.
    """
    kept = pd.concat([cell.rows for cell in source.cells])
    kept = kept[kept.index.isin(list(wanted))]
    places = list(zip(*(kept[name].astype(str) for name in PLACE), kept["image"], strict=True))
    rows = dict(zip(places, zip(kept.index, kept["status"] == OK, strict=True), strict=True))
    for path, place in source.archives.items():
        block = source.study.read(path)
        for position, image in enumerate(block.images):
            label, ok = rows.pop((*place, int(image)), (None, False))
            if label is not None:
                yield label, _shot(block, position, guessed=ok)
    if rows:
        *place, image = next(iter(rows))
        raise ReveilError(f"image: {image} of {'/'.join(place)} is in no archive of pictures")


def _shot(block: Any, position: int, *, guessed: bool) -> Shot:
    names = [name for name in PICTURES if name in block.pictures]
    if not guessed:
        names = [name for name in names if name not in ("guess", "second")]
    pictures = {name: block.pictures[name][position] for name in names}
    if block.curve is None:
        return Shot(pictures, None)
    costs, iterations = block.curve[0][position], block.curve[1]
    points = np.linspace(0, len(costs) - 1, min(CURVE_POINTS, len(costs))).round().astype(int)
    return Shot(pictures, (iterations[points], costs[points]))


def choose(sources: Sequence[Source], images: int, budget: int) -> list[set[Hashable]]:
    """Return the labels of the rows that fit, for each source.

    Every cell gets its first image before any gets its second, and so on, until ``images`` of each
    are shown or the page is full.

    Args:
        sources: One a study.
        images: Shown of a cell at most.
        budget: Bytes of the page that pictures and rows may take.
    """
    taken: list[set[Hashable]] = [set() for _ in sources]
    ranked = [
        (rank, number, label)
        for number, source in enumerate(sources)
        for cell in source.cells
        for rank, label in enumerate(cell.ranking[:images])
    ]
    sizes = [
        _sizes(source, [label for _, number, label in ranked if number == place])
        for place, source in enumerate(sources)
    ]
    known: set[str] = set()
    left = budget
    for _, number, label in sorted(ranked, key=lambda entry: entry[0]):
        row, tiles = sizes[number][label]
        left -= row + sum(size for name, size in tiles.items() if name not in known)
        if left < 0:
            break
        known.update(tiles)
        taken[number].add(label)
    return taken


def _sizes(
    source: Source, labels: Sequence[Hashable]
) -> dict[Hashable, tuple[int, dict[str, int]]]:
    """Return the bytes that rows take, and their tiles with the bytes of each, in base64."""
    found = {}
    seen: dict[str, int] = {}
    for label, shot in shots(source, dict.fromkeys(labels)):
        tiles = {}
        for picture in shot.pictures.values():
            name = digest(picture)
            if name not in seen:
                seen[name] = -(-len(zlib.compress(picture.tobytes(), 6)) * 4 // 3)
            tiles[name] = seen[name]
        found[label] = ROW_BYTES + CURVE_BYTES * (shot.curve is not None), tiles
    return found
