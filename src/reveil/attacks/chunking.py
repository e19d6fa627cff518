"""How many images fit in one tensor: a question of memory on a GPU, of cache on a CPU."""

import math

import torch
from torch import nn

from reveil.passing import convolved_positions

# On two cores, four images of ResNet20-4 at once (96 MB of patches) were faster than one, and
# sixteen slower than four.
CPU_BYTES = 128 * 2**20
# Of each core, where cores work by themselves: eight images of ResNet20-4, with which products by
# the weights of its last stage no longer wait for these to come from memory.
MEMBER_BYTES = 192 * 2**20
GPU_SHARE = 0.5
# Besides patches, a GPU holds activations, their gradients and products of all layers at once.
GPU_OVERHEAD = 4


def patch_bytes(model: nn.Module, shape: tuple[int, int, int]) -> int:
    """Return the bytes of the unfolded patches of one (C, H, W) image in all convolutions."""
    met = convolved_positions(model, shape)
    patches = sum(m.in_channels * math.prod(m.kernel_size) * positions for m, positions in met)
    return patches * next(model.parameters()).element_size()


def choose_chunk(
    chunk: int | str,
    model: nn.Module,
    shape: tuple[int, int, int],
    count: int,
    rows: int = 1,
    extra_bytes: int = 0,
    members: int = 1,
) -> int:
    """Return how many problems are worked on together.

    Args:
        chunk: images per tensor, or ``auto`` for what suits the model's device.
        count: problems there are.
        rows: images that one problem puts through the model at once.
        extra_bytes: memory of a problem besides the patches of its images, such as a history.
        members: cores that work by themselves, 1 if all work together.
    """
    if chunk != "auto":
        return max(1, int(chunk) // rows)
    parameters = list(model.parameters())
    weights = sum(p.numel() * p.element_size() for p in parameters)
    each = max(1, rows * patch_bytes(model, shape))
    device = parameters[0].device
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        fitting = int(GPU_SHARE * free) // (GPU_OVERHEAD * each + 2 * weights + extra_bytes)
    elif members > 1:
        fitting = members * max(1, MEMBER_BYTES // each)
    else:
        fitting = CPU_BYTES // each
    return max(1, min(count, fitting))
