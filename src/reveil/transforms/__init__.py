"""The 50 transformations on whole batches, byte for byte what Pillow makes of each image.

On a CPU compiled code takes each image through all its operations (``compiled``); elsewhere, and
where numba is not installed, each operation is done with tensors (``batched``).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.library import LIBRARY, Operation
from reveil.transforms import batched, compiled, plugged
from reveil.transforms.grouping import map_groups

# Of a policy: positions in the library, or the name of a plug-in's transformation.
Members = Sequence[Sequence[int | str]]

__all__ = [
    "LIBRARY",
    "Operation",
    "map_groups",
    "transform",
    "transform_mask",
    "transform_policy",
    "transform_policy_mask",
]


def transform(images: Tensor, index: int, signs: Tensor) -> Tensor:
    """Apply one operation of the library to every image, as Pillow would.

    Args:
        images: uint8 (N, C, H, W) with 1 or 3 channels, on any device.
        index: position in ``LIBRARY``, 0..49.
        signs: (N,) of +1 or -1, the sign of each image's value; ignored by unsigned operations.

    Returns:
        New uint8 images of the same shape on the same device.

    Raises:
        ReveilError: an index outside the library, or tensors of another type or shape.
    """
    operation = _operation(index)
    _check_images(images)
    _check_signs(signs, images)
    if compiled.serves(images):
        return compiled.transform(images, compiled.steps(torch.tensor([index]), signs[:, None]))
    return batched.transform(images, operation, signs)


def transform_mask(mask: Tensor, index: int, signs: Tensor) -> Tensor:
    """Carry a mask of image content through the move that ``transform`` makes.

    Args:
        mask: bool (N, 1, H, W), True where a pixel shows image content.
        index: position in ``LIBRARY``.
        signs: (N,) of +1 or -1.

    Returns:
        bool (N, 1, H, W): False also where the operation filled in black or grey. Operations that
        move nothing return the mask itself.
    """
    operation = _operation(index)
    _check_signs(signs, mask)
    return batched.transform_mask(mask, operation, signs)


def transform_policy(
    images: Tensor,
    members: Members,
    drawn: Tensor,
    signs: Tensor,
    seeds: Tensor | None = None,
) -> Tensor:
    """Apply to each image the operations of the member it drew, one after the other.

    Args:
        images: uint8 (N, C, H, W) with 1 or 3 channels, on any device.
        members: of a policy, each of positions in ``LIBRARY``, or the name of a plug-in's
            transformation.
        drawn: (N,) int64, the member of each image.
        signs: (N, S) of +1 and -1, one for each slot of the longest member, or more.
        seeds: (N,) int64 of each image's stream, where a plug-in has a part in the policy.

    Returns:
        uint8 images of the same shape on the same device; without operations the images themselves.

    Raises:
        ReveilError: an index outside the library, tensors of another type or shape, or a mistake
            in a plug-in.
    """
    if any(isinstance(step, str) for member in members for step in member):
        return _with_plugins(images, members, drawn, signs, seeds)
    longest = max(map(len, members))
    _check_images(images)
    _check_draws(drawn, signs, images, longest)
    indices = [[_operation(index).index for index in member] for member in members]
    if longest == 0:
        return images
    if not compiled.serves(images):
        return _each_member(batched.transform, images, members, drawn, signs)
    padded = [[*member, *[compiled.NONE] * (longest - len(member))] for member in indices]
    return compiled.transform(
        images, compiled.steps(torch.tensor(padded)[drawn], signs[:, :longest])
    )


def _with_plugins(
    images: Tensor, members: Members, drawn: Tensor, signs: Tensor, seeds: Tensor | None
) -> Tensor:
    """Apply each member to the images that drew it: a plug-in's call, or operations here."""

    def apply_member(member: int, part: Tensor, rows: Tensor) -> Tensor:
        steps = members[member]
        if steps and isinstance(steps[0], str):
            return plugged.transform(part, steps[0], seeds[rows])
        first = torch.zeros(len(part), dtype=torch.int64, device=part.device)
        return transform_policy(part, [steps], first, signs[rows])

    return map_groups(drawn, images, apply_member)


def transform_policy_mask(mask: Tensor, members: Members, drawn: Tensor, signs: Tensor) -> Tensor:
    """Carry a mask of image content through the moves of ``transform_policy``.

    What a plug-in moves is not known: its transformations leave the mask as it is.

    Args:
        mask: bool (N, 1, H, W), see ``transform_mask``; the rest as in ``transform_policy``.
    """
    return _each_member(batched.transform_mask, mask, members, drawn, signs)


def _each_member(
    move: Callable[[Tensor, Operation, Tensor], Tensor],
    images: Tensor,
    members: Members,
    drawn: Tensor,
    signs: Tensor,
) -> Tensor:
    """Call ``move`` for each operation of each member, with all images that drew it."""

    def apply_member(member: int, part: Tensor, rows: Tensor) -> Tensor:
        chosen = signs[rows]
        steps = (step for step in enumerate(members[member]) if not isinstance(step[1], str))
        for slot, index in steps:
            part = move(part, _operation(index), chosen[:, slot])
        return part

    return map_groups(drawn, images, apply_member)


def _operation(index: int) -> Operation:
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(LIBRARY):
        raise ReveilError(
            f"transformation index: {index!r} is not allowed; allowed: 0 to {len(LIBRARY) - 1}"
        )
    return LIBRARY[index]


def _check_images(images: Tensor) -> None:
    if images.dtype != torch.uint8:
        raise ReveilError(f"images: dtype {images.dtype} is not allowed; allowed: torch.uint8")
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ReveilError(
            f"images: shape {tuple(images.shape)} is not allowed; allowed: (N, C, H, W) with "
            "1 or 3 channels"
        )


def _check_signs(signs: Tensor, images: Tensor) -> None:
    if signs.shape != images.shape[:1]:
        raise ReveilError(
            f"signs: shape {tuple(signs.shape)} is not allowed; allowed: ({len(images)},), one "
            "sign per image"
        )


def _check_draws(drawn: Tensor, signs: Tensor, images: Tensor, longest: int) -> None:
    if drawn.shape != images.shape[:1]:
        raise ReveilError(
            f"drawn: shape {tuple(drawn.shape)} is not allowed; allowed: ({len(images)},), one "
            "member per image"
        )
    if signs.dim() != 2 or len(signs) != len(images) or signs.shape[1] < longest:
        raise ReveilError(
            f"signs: shape {tuple(signs.shape)} is not allowed; allowed: ({len(images)}, S), one "
            f"sign per image and slot, of which there are {longest}"
        )
