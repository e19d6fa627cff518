"""Inference attacks with a classifier: a property that the network was not trained to tell.

An attacker who knows that property of his own images trains a network to tell it from what he can
recover of hidden ones (methods, section 3.4). The attacks are named by content, because report and
released code number them differently: trained on ``images`` and asked about reconstructions, or
trained on and asked about ``reconstructions``, or the recovered ``features`` a*.

The attack inside learned from the same own images, as in the released code, so that it may recover
them a little better than those of others.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reveil.cvnn.attackers import classifiers
from reveil.cvnn.attackers.interface import Guess, Hidden, Known, OwnData
from reveil.cvnn.attackers.patience import fit_with_patience
from reveil.cvnn.attackers.recovered import compact, features, require_inner
from reveil.cvnn.scene import Intercepted
from reveil.errors import ReveilError, not_allowed
from reveil.models.blank import blank
from reveil.models.fresh import seeded
from reveil.precision import precision
from reveil.rng import generator

TRAINED_ON = ("images", "features", "reconstructions")
# The released code divides the learning rate by ten at fixed epochs; here it is time when half of
# the patience brought nothing better.
STALL_FACTOR = 0.1

Example = tuple[Tensor, Tensor]


def make(known: Known) -> "Inference":
    """Return the attacker.

    Raises:
        ReveilError: an unknown value of ``infer``, or the trained attacker inside is missing.
    """
    return Inference(known)


class Inference:
    """A classifier of what can be recovered; see :class:`.interface.Attacker`."""

    def __init__(self, known: Known) -> None:
        self.trained_on = known.attack["infer"]
        if self.trained_on not in TRAINED_ON:
            raise ReveilError(not_allowed("attack.infer", self.trained_on, TRAINED_ON))
        if self.trained_on != "features" or known.network.protection.rotates:
            require_inner(known)
        self.known, self.name, self.inner = known, known.name, known.inner
        self.network: nn.Module | None = None
        self.multilabel = False

    def fit(self, own: OwnData) -> list[dict[str, Any]]:
        """Train on own images until patience ends.

        What the attack inside has to recover first is hidden and recovered once, because its search
        costs more than many epochs of the classifier; the rest is hidden afresh in every epoch.

        Raises:
            ReveilError: own images have no targets, or a loss is not finite.
        """
        if own.targets is None:
            raise ReveilError(f"attack {self.name}: own images have no targets to infer")
        self.multilabel = own.targets.dtype == torch.bool
        # A class that no own image has cannot be learned.
        outputs = own.targets.shape[1] if self.multilabel else int(own.targets.max()) + 1
        make_network = partial(self._construct, outputs)
        self.network = seeded(make_network, self.known.seed, self.name).to(self.known.device)
        size = self.known.attack["batch_size"]
        lessons = self._lessons(own, size)

        def loss(example: Example) -> Tensor:
            return classifiers.loss(self.network(example[0]), example[1])

        def validation() -> float:
            pairs = [(float(loss(e)), len(e[1])) for e in lessons.validation()]
            return sum(value * count for value, count in pairs) / sum(n for _, n in pairs)

        return fit_with_patience(
            self.network,
            loss,
            lessons.batches,
            validation,
            self.known.attack,
            steps=lessons.steps,
            device=self.known.device,
            state=own.state,
            name="classifier",
            stall_factor=STALL_FACTOR,
        )

    def guess(self, seen: Intercepted) -> Guess:
        """Guess the class (B,) int64, or the attributes (B, attributes) bool."""
        with torch.no_grad(), precision("fp32", self.known.device):
            if self.trained_on == "features":
                shown = features(seen, self.inner)
            else:
                shown = self.inner.guess(seen).images
            logits = self.network(shown.to(self.known.device))
        return Guess(labels=classifiers.decide(logits, self.multilabel))

    def tensors(self) -> dict[str, Tensor]:
        """Return the classifier's weights, and whether it tells attributes."""
        weights = {f"classifier.{k}": v for k, v in self.network.state_dict().items()}
        return {**weights, "multilabel": torch.tensor(self.multilabel)}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put what :meth:`tensors` returned back in place."""
        weights = {
            name.removeprefix("classifier."): value
            for name, value in tensors.items()
            if name.startswith("classifier.")
        }
        with blank():
            self.network = self._construct(len(weights["fc.bias"]))
        self.network.load_state_dict(weights, assign=True)
        self.network.to(self.known.device).eval()
        self.multilabel = bool(tensors["multilabel"])

    def _construct(self, outputs: int) -> nn.Module:
        shape, width = self.known.shape, self.known.attack["width"]
        if self.trained_on == "features":
            there = tuple(self.known.network.feature_shape)
            return classifiers.on_features(there, shape[-1], outputs, width)
        return classifiers.on_images(shape, outputs, width)

    def _lessons(self, own: OwnData, size: int) -> "_Fresh | _Kept":
        if self.trained_on == "images":
            return _Fresh(own, lambda hidden: hidden.images, size)
        if self.trained_on == "reconstructions":
            return _kept(own, lambda hidden: self.inner.guess(hidden.seen).images, size)
        if self.known.network.protection.rotates:
            return _kept(own, lambda hidden: features(hidden.seen, self.inner), size)
        return _Fresh(own, lambda hidden: hidden.seen.x, size)


@dataclass(frozen=True)
class _Fresh:
    """Own images, hidden by other draws in every epoch."""

    own: OwnData
    show: Callable[[Hidden], Tensor]
    size: int

    @property
    def steps(self) -> int:
        return self.own.steps(self.size)

    def batches(self, epoch: int, start: int) -> Iterator[Example]:
        for hidden in self.own.hidden_batches(self.size, epoch, start):
            yield self.show(hidden), hidden.targets

    def validation(self) -> Iterator[Example]:
        for hidden in self.own.validation_batches(self.size):
            yield self.show(hidden), hidden.targets


@dataclass(frozen=True)
class _Kept:
    """Own images, hidden and recovered once, (inputs, targets) of both parts on the CPU."""

    own: OwnData
    training: Example
    held: Example
    size: int

    @property
    def steps(self) -> int:
        return len(self.training[1]) // self._whole

    @property
    def _whole(self) -> int:
        return min(self.size, len(self.training[1]))

    def batches(self, epoch: int, start: int) -> Iterator[Example]:
        stream = generator(self.own.seed, "classifier order", self.own.attack, epoch)
        order = torch.randperm(len(self.training[1]), generator=stream)
        for step in range(start, self.steps):
            yield self._take(self.training, order[step * self._whole : (step + 1) * self._whole])

    def validation(self) -> Iterator[Example]:
        for rows in torch.arange(len(self.held[1])).split(self.size):
            yield self._take(self.held, rows)

    def _take(self, examples: Example, rows: Tensor) -> Example:
        inputs, targets = (values[rows].to(self.own.device) for values in examples)
        return inputs.float(), targets


def _kept(own: OwnData, show: Callable[[Hidden], Tensor], size: int) -> _Kept:
    # Batches of an epoch are of one size: the largest that leaves out fewer images than batches.
    count = len(own.training_rows)
    even = count // -(-count // size)
    with torch.no_grad(), precision("fp32", own.device):
        training = _gather(own.hidden_batches(even, 0), show)
        held = _gather(own.validation_batches(size), show)
    return _Kept(own, training, held, size)


def _gather(batches: Iterator[Hidden], show: Callable[[Hidden], Tensor]) -> Example:
    pairs = [(compact(show(hidden)), hidden.targets.cpu()) for hidden in batches]
    inputs, targets = zip(*pairs, strict=True)
    return torch.cat(inputs), torch.cat(targets)
