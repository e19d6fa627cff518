"""What a page of the gallery holds, read as a browser would."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

CONTENT = re.compile(r'<script type="application/json" id="content">(.*?)</script>', re.DOTALL)


def content(page):
    """Return the JSON of a page."""
    return json.loads(CONTENT.search(Path(page).read_text(encoding="utf-8"))[1])


def study(found, name):
    """Return what a page knows of one study."""
    (one,) = (one for one in found["studies"] if one["id"] == name)
    return one


def tile(found, number):
    """Return a tile as (C, H, W) uint8."""
    (sprite,) = (
        s for s in found["sprites"] if s["first"] <= number < s["first"] + s["count"]
    )  # fmt: skip
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(sprite["png"]))))
    row, column = divmod(number - sprite["first"], sprite["columns"])
    height, width = sprite["height"], sprite["width"]
    cut = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
    return cut[None] if cut.ndim == 2 else np.moveaxis(cut, -1, 0)


def images(one):
    """Return one dict an image: the names of its cell, image, seed, and its measures."""
    shown = one["images"]
    return [
        {
            **one["cells"][cell]["names"],
            "image": shown["image"][row],
            "seed": shown["seed"][row],
            **{key: values[row] for key, values in shown["values"].items()},
        }
        for row, cell in enumerate(shown["cell"])
    ]
