"""The transformations as tensor operations, on any device.

Images of one sign of an operation go through it together.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from reveil.library import IDENTITY, Operation, function_name
from reveil.transforms import geometry, pixels
from reveil.transforms.grouping import map_groups

# On a CPU the wider temporaries of an operation should stay in the second-level cache of each
# thread; shearY's are the widest. Operations that handle nothing but bytes gain nothing from it.
_THREAD_ELEMENTS = 1 << 17
_SHEAR_THREAD_ELEMENTS = 1 << 15
_BYTES_ONLY = frozenset({"invert", "posterize", "solarize", "rotate", "translateX", "translateY"})

# Called with images of one sign and the signed value, or with images alone if there is no value.
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "shearY": geometry.shear_y,
    "translateX": partial(geometry.translate, axis=3),
    "translateY": partial(geometry.translate, axis=2),
    "rotate": geometry.rotate,
    "posterize": pixels.posterize,
    "solarize": pixels.solarize,
    "autocontrast": pixels.autocontrast,
    "equalize": pixels.equalize,
    "invert": pixels.invert,
}
# Called with images and a factor for each of them.
_BLENDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "color": pixels.color,
    "contrast": pixels.contrast,
    "sharpness": pixels.sharpness,
    "brightness": pixels.brightness,
}
_MASK_MOVES: dict[str, Callable[[Tensor, float], Tensor]] = {
    "shearY": geometry.shear_mask,
    "translateX": partial(geometry.translate, axis=3),
    "translateY": partial(geometry.translate, axis=2),
    "rotate": geometry.rotate_mask,
}


def transform(images: Tensor, operation: Operation, signs: Tensor) -> Tensor:
    """Apply one operation to uint8 images (N, C, H, W), each with its sign (N,)."""
    if not len(images) or function_name(operation) == IDENTITY:
        return images.clone()
    if operation.name in _BLENDS:
        return _blend(operation, images.contiguous(), signs)
    return _apply(_FUNCTIONS[operation.name], operation, images.contiguous(), signs)


def transform_mask(mask: Tensor, operation: Operation, signs: Tensor) -> Tensor:
    """Move a bool mask (N, 1, H, W) as the operation moves images."""
    move = _MASK_MOVES.get(operation.name)
    return mask if move is None else _apply(move, operation, mask, signs)


def _blend(operation: Operation, images: Tensor, signs: Tensor) -> Tensor:
    """Blend each image by 1 plus or minus the value."""
    both = torch.tensor([1 + operation.value, 1 - operation.value], dtype=torch.float32)
    factors = both.to(images.device)[(signs.to(images.device) < 0).long()].view(-1, 1, 1, 1)
    return _in_blocks(_BLENDS[operation.name], _block(operation, images), images, factors)


def _apply(
    function: Callable[..., Tensor], operation: Operation, images: Tensor, signs: Tensor
) -> Tensor:
    """Call ``function`` with the images of each sign and that sign's value."""
    value = operation.value
    block = _block(operation, images)
    if value is None:
        return _in_blocks(function, block, images)
    if not operation.signed:
        return _in_blocks(lambda part: function(part, value), block, images)

    def apply_signed(negative: int, part: Tensor, rows: Tensor) -> Tensor:
        signed = -value if negative else value
        return _in_blocks(lambda piece: function(piece, signed), block, part)

    return map_groups((signs.to(images.device) < 0).long(), images, apply_signed)


def _block(operation: Operation, images: Tensor) -> int:
    """Return how many images an operation is best called with."""
    if images.is_cuda or operation.name in _BYTES_ONLY:
        return len(images)
    elements = _SHEAR_THREAD_ELEMENTS if operation.name == "shearY" else _THREAD_ELEMENTS
    return max(1, elements * torch.get_num_threads() // images[0].numel())


def _in_blocks(
    function: Callable[..., Tensor], block: int, images: Tensor, *others: Tensor
) -> Tensor:
    """Call ``function`` with ``block`` images at a time and their rows of the other tensors."""
    if len(images) <= block:
        return function(images, *others)
    parts = zip(*(tensor.split(block) for tensor in (images, *others)), strict=True)
    return torch.cat([function(*part) for part in parts])
