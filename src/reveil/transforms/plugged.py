"""Transformations that plug-ins give, of whole batches with a random stream for each image."""

import torch
from torch import Tensor

from reveil.plugins import calling, known, transforming


def transform(images: Tensor, name: str, seeds: Tensor) -> Tensor:
    """Return what a plug-in makes of images.

    Args:
        images: uint8 (B, C, H, W), on any device.
        name: of the transformation.
        seeds: (B,) int64, of each image's stream.

    Returns:
        uint8 images of the same shape on the same device.

    Raises:
        PluginError: it fails, or makes something else of them; or an image depends on its
            neighbours or on more than its stream, which the first call with several tries.
    """
    one = transforming.find(name)
    if not len(images):
        return images
    made = _made(one, images, seeds)
    _try_alone(one, images, seeds, made)
    return made


def _made(one: known.Declared, images: Tensor, seeds: Tensor) -> Tensor:
    streams = [torch.Generator().manual_seed(seed) for seed in seeds.tolist()]
    # A copy: what a victim had before is still needed.
    made = transforming.apply(one, images.clone(), streams)
    if not isinstance(made, Tensor):
        calling.refuse(one, f"returned {type(made).__name__}, expected a tensor of images")
    if made.dtype != torch.uint8 or made.shape != images.shape:
        said = f"{made.dtype} {tuple(made.shape)}"
        calling.refuse(one, f"returned {said}, expected torch.uint8 {tuple(images.shape)}")
    return made.to(images.device)


_TRIED: set[tuple[known.Key, torch.Size]] = set()


def _try_alone(one: known.Declared, images: Tensor, seeds: Tensor, made: Tensor) -> None:
    """Refuse what makes something else of the last image where it is by itself."""
    tried = (one.key, images.shape[1:])
    if tried in _TRIED:
        return
    # An image that has none beside it says only what is drawn elsewhere.
    if len(images) > 1:
        _TRIED.add(tried)
    if not torch.equal(_made(one, images[-1:], seeds[-1:]), made[-1:]):
        calling.refuse(
            one,
            "makes something else of an image by itself than beside others, expected that each "
            "depends on its own stream alone",
        )
