"""What every attacker on hidden features has in common, and how one is made by its method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from reveil.cvnn.attackers.own import Hidden, OwnData
from reveil.cvnn.methods import MODULES
from reveil.cvnn.scene import Intercepted
from reveil.errors import ReveilError, not_allowed
from reveil.plugins import known as plugins

if TYPE_CHECKING:
    from reveil.cvnn.private import PrivateNetwork

__all__ = [
    "Attacker",
    "Guess",
    "Hidden",
    "Known",
    "OwnData",
    "Remembers",
    "gather",
    "make_attacker",
]


@dataclass(frozen=True)
class Guess:
    """What an attacker makes of B hidden images; what he does not guess is None.

    Attributes:
        images: (B, C, H, W) in [0, 1], the guess of the image.
        second: (B, C, H, W) in [0, 1], the other guess of an attacker that makes two.
        angles: (B,) in radians, [0, 2 pi), the guessed key.
        labels: (B,) int64, the inferred class, or (B, attributes) bool.
    """

    images: Tensor | None = None
    second: Tensor | None = None
    angles: Tensor | None = None
    labels: Tensor | None = None


class Attacker(Protocol):
    """One attack with its parameters; it has learned nothing before ``fit`` or ``load``."""

    name: str

    def fit(self, own: OwnData) -> list[dict[str, Any]]:
        """Learn from own images; return the rows of :func:`.patience.fit_with_patience`."""
        ...

    def guess(self, seen: Intercepted) -> Guess:
        """Guess, no row depending on another; callers bound how much is seen at a time."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, under flat names."""
        ...

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put what :meth:`tensors` returned back in place."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """An attacker who looks his own images up again for a guess, and does not store them."""

    def recall(self, own: OwnData) -> None:
        """Take the own images that ``fit`` was given, before the first guess."""
        ...


@dataclass(frozen=True)
class Known:
    """What an attacker is made of.

    Attributes:
        name: of the attack.
        attack: resolved preset, every key present.
        network: the private network, known with its weights, in eval mode on ``device``.
        critic: the WGAN's critic, where the checkpoint has one.
        shape: (C, H, W) of the images.
        seed: of the initial weights and of every draw.
        device: where the attacker computes.
        inner: the trained attacker that an inference attack builds on.
    """

    name: str
    attack: Mapping[str, Any]
    network: "PrivateNetwork"
    critic: nn.Module | None
    shape: tuple[int, int, int]
    seed: int
    device: torch.device
    inner: Attacker | None = None


def make_attacker(
    attack: Mapping[str, Any],
    network: "PrivateNetwork",
    critic: nn.Module | None = None,
    *,
    name: str,
    shape: tuple[int, int, int],
    seed: int,
    device: torch.device | str = "cpu",
    inner: Attacker | None = None,
) -> Attacker:
    """Return the attacker of a preset, freshly initialised; see :class:`Known`.

    Raises:
        ReveilError: an unknown method, or an attack that cannot be done on this network.
    """
    method = attack["method"]
    own = plugins.built_on("feature_attacks", attack)
    if own is None and method not in MODULES:
        raise ReveilError(not_allowed("attack.method", method, MODULES))
    known = Known(name, attack, network, critic, tuple(shape), seed, torch.device(device), inner)
    if own is not None:
        from reveil.cvnn.attackers.plugged import make

        return make(own, known)
    return import_module(f"reveil.cvnn.attackers.{MODULES[method]}").make(known)


def gather(guesses: Sequence[Guess]) -> Guess:
    """Return the guess of all images, in their order and on the CPU, from pieces of it."""
    return Guess(*(_joined([getattr(g, field.name) for g in guesses]) for field in fields(Guess)))


def _joined(values: Sequence[Tensor | None]) -> Tensor | None:
    return None if values[0] is None else torch.cat([value.cpu() for value in values])
