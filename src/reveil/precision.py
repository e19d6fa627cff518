"""Named arithmetic: what a forward and backward pass is computed in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

PRECISIONS = ("fp32", "tf32", "bf16")


@contextmanager
def precision(name: str, device: torch.device) -> Iterator[None]:
    """Compute convolutions in ``name`` inside the block.

    ``fp32`` is IEEE single precision on every device: PyTorch's default lets convolutions on GPUs
    round their inputs to TF32. ``tf32`` allows that and differs from ``fp32`` on GPUs only.
    ``bf16`` is autocast; weights, their updates and batch statistics stay in single precision.
    """
    tf32 = name == "tf32"
    with (
        torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=tf32),
        torch.autocast(device.type, torch.bfloat16, enabled=name == "bf16"),
    ):
        yield


def memory_format(name: str, device: torch.device) -> torch.memory_format:
    """Return the layout of images and weights that is fastest for a precision on a device.

    Tensor cores and the CPU's blocked convolutions want the channels last; a GPU's plain
    single-precision kernels want them first.
    """
    first = device.type == "cuda" and name == "fp32"
    return torch.contiguous_format if first else torch.channels_last
