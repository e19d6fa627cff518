"""The trained generator as a reconstruction."""

from collections.abc import Sequence

import torch
from torch import Tensor

from reveil.errors import ReveilError
from reveil.unir.methods import MethodSettings
from reveil.unir.networks.interface import Reconstructor
from reveil.unir.reconstruct.interface import Known, Method


class Network(Method):
    """x_hat = G(y), G in eval mode: an image does not depend on those beside it (section 8.3)."""

    def __init__(self, settings: MethodSettings, known: Known) -> None:
        super().__init__(settings, known)
        if not isinstance(known.network, Reconstructor):
            raise ReveilError(
                f"reconstruction {settings.name!r}: {type(known.network).__name__} takes no "
                "measurement; allowed: a trained Reconstructor"
            )
        self.network = known.network

    @torch.no_grad()
    def restore(self, y: Tensor, index: Sequence[int]) -> Tensor:
        training = self.network.training
        self.network.eval()
        try:
            return self.network(y).clamp(-1, 1)
        finally:
            self.network.train(training)


METHODS = {"network": Network}
