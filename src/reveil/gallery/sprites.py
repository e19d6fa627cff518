"""Many small pictures in few: tiles of unscaled pixels, each kept once, packed into PNG sprites."""

import base64
import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Tiles beside each other, and in one sprite: a browser decodes what is looked at, not all.
COLUMNS, TILES = 32, 512

Picture = NDArray[np.uint8]


def digest(picture: Picture) -> str:
    """Return what tells a picture from others, its size included."""
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()[:24]


@dataclass
class Tiles:
    """Pictures by their size, in the order in which they are added; equal ones are one tile."""

    numbers: dict[str, tuple[tuple[int, ...], int]] = field(default_factory=dict)
    groups: dict[tuple[int, ...], list[Picture]] = field(default_factory=dict)

    def add(self, picture: Picture) -> str:
        """Keep a (C, H, W) picture of one or three channels; return its name."""
        name = digest(picture)
        if name not in self.numbers:
            group = self.groups.setdefault(picture.shape, [])
            self.numbers[name] = picture.shape, len(group)
            group.append(picture)
        return name

    def sprites(self) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Return the sprites, and the number of each tile among the tiles of all of them.

        Returns:
            A sprite is ``width`` and ``height`` of a tile in pixels, ``columns``, ``first`` and
            ``count`` of its tiles, and ``png``, base64.
        """
        found: list[dict[str, Any]] = []
        starts: dict[tuple[int, ...], int] = {}
        total = 0
        for shape, pictures in self.groups.items():
            starts[shape] = total
            for first in range(0, len(pictures), TILES):
                part = pictures[first : first + TILES]
                found.append(
                    {
                        "width": shape[2],
                        "height": shape[1],
                        "columns": COLUMNS,
                        "first": total + first,
                        "count": len(part),
                        "png": base64.b64encode(png(part)).decode("ascii"),
                    }
                )
            total += len(pictures)
        return found, {name: starts[shape] + n for name, (shape, n) in self.numbers.items()}


def png(pictures: list[Picture]) -> bytes:
    """Return (C, H, W) pictures of one size as the tiles of one PNG, row by row."""
    channels, height, width = pictures[0].shape
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // COLUMNS)
    sheet = np.zeros((rows * height, columns * width, channels), np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        place = slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
        sheet[place] = np.moveaxis(picture, 0, -1)
    stream = io.BytesIO()
    image = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    image.save(stream, format="PNG", optimize=True)
    return stream.getvalue()
