"""Networks without weights: for those of a checkpoint, and for counting."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# What fills weights, in place.
_FILLS = (
    *(Tensor.normal_, Tensor.uniform_, Tensor.div_),
    *(nn.init.kaiming_uniform_, nn.init.uniform_),
)


@contextmanager
def blank() -> Iterator[None]:
    """Build what the block builds on the meta device, its tensors not filled.

    Filling them there would do nothing either, but PyTorch 2.13 imports its compiler for it, which
    takes longer than all else that a short job does.
    """
    with torch.device("meta"), _Unfilled():
        yield


class _Unfilled(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _FILLS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))
