"""How the features of a training batch are hidden, and what the right key reveals of them."""

import math

import torch
from torch import Tensor

from reveil.cvnn import adversary, counterparts
from reveil.cvnn.private import PrivateNetwork
from reveil.rng import generator

# Epoch and step, which name the streams of a batch.
At = tuple[int, int]


class Hiding:
    """The device's side of training: counterparts, keys, exchanges and noise.

    All draws are made on the CPU, from the streams (seed, purpose, epoch, step).

    Args:
        network: on its device, in training mode.
        seed: of the draws.
    """

    def __init__(self, network: PrivateNetwork, seed: int) -> None:
        self.network, self.protection, self.seed = network, network.protection, seed

    def counterparts(self, features: Tensor, earlier: Tensor | None, at: At) -> Tensor | None:
        """Return the counterpart of every image of the batch, or None without rotation.

        Args:
            features: (B, c, h, w).
            earlier: those of the previous batch, for the counterpart ``previous``.
        """
        if not self.protection.rotates:
            return None
        kind = self.protection.counterpart
        if kind == "pair":
            return counterparts.in_pairs(features)
        if kind == "permutation":
            rows = counterparts.partners(kind, len(features), self.seed, *at)
            return features.index_select(0, rows.to(features.device))
        if kind == "noise":
            noise = torch.randn(features.shape, generator=self.stream("noise", at))
            return counterparts.noise_like(features, noise)
        return earlier

    def logits(self, features: Tensor, others: Tensor | None, at: At) -> Tensor:
        """Return (B, classes) as the right key reveals them.

        Both images of a pair give logits. In the other choices a alone does, and the task's
        gradient does not go through b.
        """
        network = self.network
        if others is None:
            if self.protection.disturbs:
                features = network.noisy(features, self.noise(features, at))
            return network.classify(network.process(features))
        count, both = len(features), self.protection.counterpart == "pair"
        hidden = counterparts.pair_count(count) if both else count
        angles = 2 * math.pi * torch.rand(hidden, generator=self.stream("angles", at))
        key = angles.to(features.device), self.swapped(hidden, at).to(features.device)
        a, b = features[:hidden], others[:hidden] if both else others.detach()
        own, other = network.reveal(network.process(network.hide(a, b, *key)), *key)
        return network.classify(torch.cat([own, other[: count - hidden]]) if both else own)

    def fakes(self, features: Tensor, others: Tensor, source: torch.Generator) -> Tensor:
        """Return every image's features turned by k - 1 false angles, ((k - 1) B, c, h, w).

        An exchange of a and b is left out: it mirrors the circle of false angles onto itself.
        """
        shape = self.protection.k - 1, len(features)
        angles = adversary.false_angles(self.protection.fake_angles, shape, source)
        return adversary.turned(features, others, angles.to(features.device))

    def stream(self, purpose: str, at: At) -> torch.Generator:
        """Return the stream of a purpose at an epoch and step."""
        return generator(self.seed, purpose, *at)

    def swapped(self, count: int, at: At) -> Tensor:
        """Return which of ``count`` mixtures have a and b exchanged, bool, on the CPU."""
        if self.protection.swap == "none":
            return torch.zeros(count, dtype=torch.bool)
        draws = 1 if self.protection.swap == "batch" else count
        return (torch.rand(draws, generator=self.stream("swap", at)) < 0.5).expand(count)

    def noise(self, features: Tensor, at: At) -> Tensor:
        """Return standard normal noise for the features, drawn once for a batch that shares it."""
        shared = self.protection.noise == "shared"
        shape = features.shape[1:] if shared else features.shape
        return torch.randn(shape, generator=self.stream("noise", at)).to(features.device)
