"""Inference attacks with a classifier: a property that the network was not trained to tell.

An attacker who knows that property of his own images trains a network to tell it from what he can
recover of hidden ones (methods, section 3.4). The attacks are named by content, because report and
released code number them differently: trained on ``images`` and asked about reconstructions, or
trained on and asked about ``reconstructions``, or the recovered ``features`` a*.

The attack inside learned from the same own images, as in the released code, so that it may recover
them a little better than those of others.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reveil.cvnn.attackers import classifiers
from reveil.cvnn.attackers.interface import Guess, Known, OwnData
from reveil.cvnn.attackers.lessons import Example, Fresh, Kept, from_bytes, keep, to_bytes
from reveil.cvnn.attackers.patience import fit_with_patience
from reveil.cvnn.attackers.recovered import features, require_inner
from reveil.cvnn.scene import Intercepted
from reveil.errors import ReveilError, not_allowed
from reveil.models.blank import blank
from reveil.models.fresh import seeded
from reveil.precision import precision

TRAINED_ON = ("images", "features", "reconstructions")
# The released code divides the learning rate by ten at fixed epochs; here it is time when half of
# the patience brought nothing better.
STALL_FACTOR = 0.1


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
        lessons = self._lessons(own)

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
                shown = from_bytes(self._reconstructed(seen))
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

    def _lessons(self, own: OwnData) -> Fresh | Kept:
        size = self.known.attack["batch_size"]
        # A crop of features is not what the encoder makes of a crop, at whose borders it sees
        # zeros; and what is turned back once would have to be searched again.
        shift = own.view.crop_shift if self.known.attack["augment"] else None
        if self.trained_on == "images":
            return Fresh(own, lambda hidden: hidden.images, size, shift)
        if self.trained_on == "reconstructions":
            return keep(own, lambda hidden: self._reconstructed(hidden.seen), size, shift)
        if self.known.network.protection.rotates:
            return keep(own, lambda hidden: features(hidden.seen, self.inner), size)
        return Fresh(own, lambda hidden: hidden.seen.x, size)

    def _reconstructed(self, seen: Intercepted) -> Tensor:
        """Return reconstructions as uint8, of whose values own images are."""
        return to_bytes(self.inner.guess(seen).images)
