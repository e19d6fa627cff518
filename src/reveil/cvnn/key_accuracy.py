"""How well a private network classifies with the key, with a guess of it, and with a wrong one."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reveil.chunks import run_in_chunks
from reveil.cvnn.counterparts import in_pairs, noise_like, pair_count
from reveil.cvnn.private import PrivateNetwork
from reveil.errors import ReveilError
from reveil.evaluation import AUTO_CHUNK, Accuracy, correct_answers, task_loss
from reveil.rng import generator

RIGHT_KEY, RANDOM_KEY, WRONG_KEY, CLEAN = "right_key", "random_key", "wrong_key", "clean"


@dataclass(frozen=True)
class KeyDraws:
    """What is drawn for the test images, once for a seed, so that no result depends on a chunk.

    Attributes:
        shown: (2P,) int64, test images in random order; row j and row P + j are a pair, and of an
            odd number of images the last is the first one again.
        counted: (2P,) bool, False for that repetition.
        angles, guesses: (2P,) keys and random keys, uniform on [0, 2 pi).
        wrong: (2P,) keys at least a quarter turn from the right ones, uniform among those. Half of
            the random keys are nearer, and reveal the more of the image the nearer they are.
        swapped: (2P,) bool; drawn for every image, also where training draws once for a batch.
    """

    shown: Tensor
    counted: Tensor
    angles: Tensor
    guesses: Tensor
    wrong: Tensor
    swapped: Tensor

    @classmethod
    def make(cls, count: int, seed: int, swaps: bool) -> "KeyDraws":
        """Draw for ``count`` images.

        Raises:
            ReveilError: a single image has no other one to be mixed with.
        """
        if count < 2:
            raise ReveilError(
                f"test images: {count} is not allowed for a network that mixes two images; "
                "allowed: 2 or more"
            )
        order = torch.randperm(count, generator=generator(seed, "test partners"))
        pairs = pair_count(count)
        keys = torch.rand(3, 2 * pairs, generator=generator(seed, "test keys"))
        angles = 2 * math.pi * keys[0]
        away = torch.rand(2 * pairs, generator=generator(seed, "wrong keys"))
        return cls(
            shown=torch.cat([order[:pairs], in_pairs(order)[:pairs]]),
            counted=torch.arange(2 * pairs) < count,
            angles=angles,
            guesses=2 * math.pi * keys[1],
            wrong=angles + math.pi * (0.5 + away),
            swapped=(keys[2] < 0.5) & torch.tensor(swaps),
        )


def key_accuracies(
    network: PrivateNetwork,
    images: Tensor,
    labels: Tensor,
    normalise: Callable[[Tensor], Tensor],
    *,
    seed: int,
    batch: int,
    chunk: int | None = None,
) -> dict[str, Accuracy]:
    """Return the accuracy on test images, each mixed with another one, never with itself.

    With the counterpart ``pair`` two images share a complex map, and both answers count; with the
    others, each image in turn is a and its partner, or noise, is b. A random key is uniform on
    [0, 2 pi), so that some of them are near the right one; a wrong key is a quarter turn away or
    more. The network is left in the mode it came in; partners, keys and noise belong to the seed
    and not to the epoch.

    Args:
        network: on the device of the images.
        images: (N, C, H, W) uint8, as the network sees them.
        labels: (N,) classes, or (N, classes) of 0 and 1.
        normalise: makes the network's input of a batch of ``images``.
        seed: of the draws.
        batch: images in a batch whose statistics normalise it (``norm_test: batch``): there, the
            result depends on it.
        chunk: images at a time otherwise; None to choose by device. It changes no result.

    Returns:
        ``right_key``, ``random_key`` and ``wrong_key`` of a network that rotates, or ``clean`` of
        another.
    """
    protection = network.protection
    training = network.training
    network.eval()
    size = chunk or AUTO_CHUNK.get(images.device.type, AUTO_CHUNK["cpu"])
    try:
        with torch.inference_mode():
            if not protection.rotates:
                test = _PlainTest(network, images, labels, normalise, seed)
                pieces = run_in_chunks(test.count, len(images), size, what="test images")
                return {CLEAN: _accuracy(torch.stack(pieces).sum(dim=0), len(images))}
            fixed = protection.norm_test == "batch"
            draws = KeyDraws.make(len(images), seed, protection.swap != "none")
            test = _KeyTest(network, images, labels, normalise, seed, draws)
            pairs = max(1, (batch if fixed else size) // 2)
            # Batches whose statistics count may not be halved where memory is short.
            least = {"minimum": pairs} if fixed else {}
            pieces = run_in_chunks(
                test.count, len(draws.shown) // 2, pairs, what="pairs tested with keys", **least
            )
            sums = torch.stack(pieces).sum(dim=0)
    finally:
        network.train(training)
    keys = (RIGHT_KEY, RANDOM_KEY, WRONG_KEY)
    return {key: _accuracy(own, len(images)) for key, own in zip(keys, sums, strict=True)}


@dataclass(frozen=True)
class _PlainTest:
    """Images through a network without a key."""

    network: PrivateNetwork
    images: Tensor
    labels: Tensor
    normalise: Callable[[Tensor], Tensor]
    seed: int

    def count(self, piece: slice) -> Tensor:
        """Return correct answers and summed losses of some images, (2,)."""
        features = self.network.encode(self.normalise(self.images[piece]))
        if self.network.protection.disturbs:
            rows = torch.arange(len(self.images))[piece]
            shared = self.network.protection.noise == "shared"
            noise = noise_of(self.seed, rows, features, shared)
            features = self.network.noisy(features, noise)
        logits = self.network.classify(self.network.process(features))
        return _sums(logits, self.labels[piece])


@dataclass(frozen=True)
class _KeyTest:
    """Pairs of images through a network that rotates."""

    network: PrivateNetwork
    images: Tensor
    labels: Tensor
    normalise: Callable[[Tensor], Tensor]
    seed: int
    draws: KeyDraws

    def count(self, piece: slice) -> Tensor:
        """Return correct answers and summed losses of some pairs, (3 keys, 2)."""
        network, draws = self.network, self.draws
        pairs = torch.arange(len(draws.shown) // 2)[piece]
        rows = torch.cat([pairs, pairs + len(draws.shown) // 2])
        counted = draws.counted[rows].to(self.images.device)
        images = draws.shown[rows].to(self.images.device)
        features = network.encode(self.normalise(self.images[images]))
        kind, n = network.protection.counterpart, len(pairs)
        both = kind == "pair"
        a, b = (features[:n], features[n:]) if both else (features, features.roll(n, 0))
        if kind == "noise":
            b = noise_like(features, noise_of(self.seed, draws.shown[rows], features))
        angles, guesses, wrong, swapped = (
            x[rows][: len(a)].to(self.images.device)
            for x in (draws.angles, draws.guesses, draws.wrong, draws.swapped)
        )
        hidden = network.process(network.hide(a, b, angles, swapped))
        labels = self.labels[images][counted]
        sums = []
        for key in (angles, guesses, wrong):
            own, other = network.reveal(hidden, key, swapped)
            logits = network.classify(torch.cat([own, other]) if both else own)
            sums.append(_sums(logits[counted], labels))
        return torch.stack(sums)


def noise_of(seed: int, rows: Tensor, features: Tensor, shared: bool = False) -> Tensor:
    """Return standard normal noise for the features of test images, from a stream of each.

    Args:
        rows: (B,) int64, numbers of the images.
        features: (B, c, h, w), for shape and device.
        shared: one draw for all images, (c, h, w).
    """
    shape = features.shape[1:]
    if shared:
        return torch.randn(shape, generator=generator(seed, "test noise")).to(features.device)
    streams = (generator(seed, "test noise", int(row)) for row in rows)
    noise = torch.stack([torch.randn(shape, generator=stream) for stream in streams])
    return noise.to(features.device)


def _sums(logits: Tensor, labels: Tensor) -> Tensor:
    loss = task_loss(logits, labels, reduction="sum").double()
    return torch.stack([correct_answers(logits, labels), loss])


def _accuracy(sums: Tensor, count: int) -> Accuracy:
    correct, loss = sums.tolist()
    return Accuracy(int(correct) if correct.is_integer() else correct, count, loss / count)
