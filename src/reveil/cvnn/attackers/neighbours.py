"""Nearest neighbours: recovered features among the labelled features of own images.

Inference attack 4 (methods, section 3.4) learns nothing: the k own images with the features nearest
to a*, by L2 distance, vote for their class with the weight 1 / distance, or by majority for each
attribute. The features of own images are the same whatever k and whatever turns x back, and quickly
computed, so that they are computed again for a guess in place of being stored for every attacker.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from reveil.chunks import run_in_chunks
from reveil.cvnn.attackers.interface import Guess, Known, OwnData
from reveil.cvnn.attackers.kept import collect
from reveil.cvnn.attackers.recovered import compact, features, require_inner
from reveil.cvnn.scene import Intercepted
from reveil.errors import ReveilError
from reveil.precision import precision
from reveil.progress import Progress

# Numbers in float32 of one tensor, so that neither own images nor candidates are a matter of size.
CHUNK_NUMBERS = 1 << 24
# The matrix product finds the nearest up to rounding; so many more than k are measured exactly.
SPARE = 8


def make(known: Known) -> "Neighbours":
    """Return the attacker.

    Raises:
        ReveilError: features are rotated, and no trained attacker turns them back.
    """
    return Neighbours(known)


class Neighbours:
    """The k nearest own images; see :class:`.interface.Attacker`."""

    def __init__(self, known: Known) -> None:
        if known.network.protection.rotates:
            require_inner(known)
        self.name, self.inner, self.device = known.name, known.inner, known.device
        self.count = int(known.attack["neighbours"])
        self.targets = torch.empty(0)
        self.own: OwnData | None = None
        self._gallery: Tensor | None = None

    def fit(self, own: OwnData) -> list[dict[str, Any]]:
        """Keep what own images are; there are no epochs.

        Raises:
            ReveilError: own images have no targets, or are fewer than the neighbours.
        """
        if own.targets is None:
            raise ReveilError(f"attack {self.name}: own images have no targets to infer")
        if len(own) < self.count:
            raise ReveilError(
                f"attack {self.name}: neighbours: {self.count} is not allowed; allowed: 1 to "
                f"{len(own)}, the attacker's own images"
            )
        self.targets = own.targets.cpu()
        self.recall(own)
        return []

    def recall(self, own: OwnData) -> None:
        """Take the own images among whose features those of a guess are sought.

        Raises:
            ReveilError: they are not those that were learned.
        """
        if len(own) != len(self.targets):
            raise ReveilError(
                f"attack {self.name}: {len(own)} own images are not allowed; allowed: the "
                f"{len(self.targets)} that it learned"
            )
        self.own, self._gallery = own, None

    @property
    def gallery(self) -> Tensor:
        """The true features of all own images, (N, numbers), on the CPU."""
        if self._gallery is None:
            own = self.own
            pieces = torch.arange(len(own)).split(own.chunk)
            features_of = (compact(own.features(rows)).flatten(1) for rows in pieces)
            self._gallery = collect(features_of, len(own), own.scratch)
        return self._gallery

    def guess(self, seen: Intercepted) -> Guess:
        """Guess the class (B,) int64, or the attributes (B, attributes) bool.

        Raises:
            ReveilError: a loaded attacker has no own images yet; see :meth:`recall`.
        """
        if self.own is None:
            raise ReveilError(f"attack {self.name}: no own images to look up; recall them first")
        with torch.no_grad(), precision("fp32", self.device):
            # Rounded as the gallery is: equal features have no distance.
            queries = compact(features(seen, self.inner)).flatten(1)
            index, distances = nearest(queries, self.gallery, self.count, self.device)
        voters = self.targets[index]
        if voters.dtype == torch.bool:
            return Guess(labels=majority(voters))
        return Guess(labels=vote(voters, distances))

    def tensors(self) -> dict[str, Tensor]:
        """Return the targets of own images."""
        return {"targets": self.targets}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put what :meth:`tensors` returned back in place; :meth:`recall` the rest."""
        self.targets = tensors["targets"].cpu()


def nearest(
    queries: Tensor, gallery: Tensor, count: int, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return the nearest rows of the gallery, nearest first, of equally near ones the first.

    Args:
        queries: (B, d) of any floating type; callers bound B.
        gallery: (N, d), N >= count; it stays where it is and visits ``device`` in pieces.
        count: how many.

    Returns:
        Rows (B, count) int64 and their L2 distances (B, count) float32, on the CPU.
    """
    wide = gallery.shape[1]
    some = min(count + SPARE, len(gallery))
    # One pass over the gallery for all queries: it may be many times their size.
    candidates = _candidates(queries.to(device).float(), gallery, some).sort(dim=1).values

    def work(piece: slice) -> tuple[Tensor, Tensor]:
        asked, found = queries[piece].to(device).float(), candidates[piece]
        rows = gallery[found.cpu()].to(device).float()
        exact = (rows - asked[:, None]).square().sum(2).sqrt()
        order = exact.argsort(dim=1, stable=True)[:, :count]
        return found.gather(1, order).cpu(), exact.gather(1, order).cpu()

    size = max(1, CHUNK_NUMBERS // (wide * some))
    pieces = run_in_chunks(work, len(queries), size, what="nearest neighbours")
    index, distances = zip(*pieces, strict=True)
    return torch.cat(index), torch.cat(distances)


def vote(classes: Tensor, distances: Tensor) -> Tensor:
    """Return the class with the largest sum of 1 / distance; of equal sums, the lowest class.

    Where neighbours have no distance at all, only these vote, one vote each.

    Args:
        classes: (B, k) int64.
        distances: (B, k), not negative.

    Returns:
        (B,) int64.
    """
    same = distances == 0
    weights = torch.where(same.any(1, keepdim=True), same.double(), 1 / distances.double())
    sums = torch.zeros(len(classes), int(classes.max()) + 1, dtype=torch.float64)
    return sums.scatter_add_(1, classes, weights).argmax(1)


def majority(attributes: Tensor) -> Tensor:
    """Return (B, attributes) bool: what more than half of the k neighbours have.

    Args:
        attributes: (B, k, attributes) bool.
    """
    return 2 * attributes.sum(1) > attributes.shape[1]


def _candidates(asked: Tensor, gallery: Tensor, some: int) -> Tensor:
    """Return (B, some) rows of the gallery, near ones first up to the rounding of a product."""
    size = max(1, CHUNK_NUMBERS // gallery.shape[1])
    best = torch.empty(len(asked), 0, device=asked.device)
    index = torch.empty(len(asked), 0, dtype=torch.int64, device=asked.device)
    progress = Progress("own features looked through", len(gallery), ends=False)
    for start in range(0, len(gallery), size):
        rows = gallery[start : start + size].to(asked.device).float()
        # |q|^2 is the same for all rows: it changes no order.
        near = rows.square().sum(1) - 2 * asked @ rows.T
        numbers = torch.arange(start, start + len(rows), device=asked.device).expand(len(asked), -1)
        best, index = torch.cat([best, near], 1), torch.cat([index, numbers], 1)
        best, kept = best.topk(min(some, best.shape[1]), dim=1, largest=False)
        index = index.gather(1, kept)
        progress.step(len(rows))
    return index
