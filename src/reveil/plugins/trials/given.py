"""A plug-in's dataset, tried."""

from pathlib import Path

from reveil import datasets
from reveil.plugins.known import Declared
from reveil.plugins.trials.made_up import Settings, listed
from reveil.readers import plugged


def dataset(one: Declared, settings: Settings) -> str:
    """Load both splits."""
    found = datasets.get(one.name)
    counts = [
        sum(len(block.images) for block in plugged.blocks(found, Path(), split))
        for split in datasets.SPLITS
    ]
    shape = (found.channels, found.size, found.size)
    return f"{listed(counts)} {shape} images of {found.classes} classes"
