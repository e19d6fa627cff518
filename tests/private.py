"""Private networks for tests, and numbers to feed them."""

import torch
from torch import Tensor

from reveil.cvnn.private import PrivateNetwork, build
from tests.hidden import protection

NOTHING = {"kind": "original", "generator": "none", "end": "relu"}
REPORT = {
    **{"generator": "none", "end": "relu", "critic": "report", "k": 8, "counterpart": "previous"},
    **{"weights": "complex", "norm_over": "position", "norm_test": "batch"},
}


def network(model: str, channels: int = 3, size: int = 16, **changes: object) -> PrivateNetwork:
    """Return a network of 10 classes with the weights of seed 0."""
    return build(model, protection(**changes), channels, size, classes=10, seed=0)


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return standard normal numbers of a stream of their own."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
