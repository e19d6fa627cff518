"""Checks of defences, and of what victims share: a defence exists, and a block is whole batches."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from reveil import defence_names, indices
from reveil.config.name_checks import caught
from reveil.config.study import NAME, Study


def check(study: Study) -> Iterator[str]:
    """Yield what is wrong."""
    for key, name in study.entries("defences"):
        yield from caught(partial(defence_names.parse, name), key)
    recipes = study.presets["recipes"]
    for where, layers in (
        ("config/recipes/{}.yaml: ", recipes.files),
        ("recipes.{}.", recipes.changes),
    ):
        for name, layer in layers.items():
            yield from _recipe(where.format(name), layer)
    block = study.section.get("block")
    for name, switches in study.protocols().items():
        yield from batch_problems(name, switches["scene"], block)


def _recipe(where: str, layer: Mapping[str, Any]) -> Iterator[str]:
    """The defence of a recipe, and those of its special cases, must exist."""
    cases = {f"datasets.{place}.": case for place, case in (layer.get("datasets") or {}).items()}
    for key, values in {"": layer, **cases}.items():
        if isinstance(name := (values or {}).get("defence"), str):
            yield from caught(partial(defence_names.parse, name), f"{where}{key}defence")


def batch_problems(name: str, scene: Mapping[str, Any], block: int | None) -> Iterator[str]:
    """Yield what keeps blocks of images from holding whole batches.

    Args:
        name: of the protocol.
        scene: its section of that name.
        block: images per job; None where the configuration's is told to be wrong.
    """
    batch, count = scene["batch"], indices.size(scene["images"])
    if count % batch:
        yield (
            f"protocols.{name}.scene.images.count: {count} images are no whole batches of {batch}; "
            f"allowed: multiples of scene.batch, {batch}"
        )
    elif block is not None and min(block, count) % batch:
        yield (
            f"studies.{NAME}.block: {block} images are no whole batches of {batch}, which protocol "
            f"{name!r} has in scene.batch; allowed: multiples of {batch}"
        )
