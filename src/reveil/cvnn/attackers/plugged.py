"""Attackers on features that plug-ins give, each answer of theirs checked."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from reveil.cvnn.attackers.interface import Attacker, Guess, Known, OwnData
from reveil.cvnn.scene import Intercepted
from reveil.plugins import calling
from reveil.plugins.known import Declared

NEEDED = ("fit", "guess", "tensors", "load")


def make(one: Declared, known: Known) -> Attacker:
    """Return the attacker of a plug-in; ``known.attack`` has its parameters among the keys.

    Raises:
        PluginError: it fails, or returns something that is no attacker.
    """
    values = {**known.attack, **known.attack.get("parameters", {})}
    made = calling.call(one, replace(known, attack=values))
    if missing := [name for name in NEEDED if not callable(getattr(made, name, None))]:
        calling.refuse(
            one,
            f"returned {type(made).__name__} without {', '.join(missing)}, expected an Attacker",
        )
    kind = _Remembering if callable(getattr(made, "recall", None)) else _Plugged
    return kind(one, known, made)


class _Plugged:
    """An attacker whose mistakes are told as its plug-in's."""

    def __init__(self, one: Declared, known: Known, made: Any) -> None:
        self.one, self.known, self.made, self.name = one, known, made, known.name

    def fit(self, own: OwnData) -> list[dict[str, Any]]:
        """Learn from own images."""
        with calling.blaming(self.one):
            history = self.made.fit(own)
        if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
            calling.refuse(
                self.one, f"fit returned {type(history).__name__}, expected a list of rows"
            )
        return history

    def guess(self, seen: Intercepted) -> Guess:
        """Guess, and check the guess."""
        with calling.blaming(self.one):
            guess = self.made.guess(seen)
        if not isinstance(guess, Guess) or all(
            getattr(guess, field.name) is None for field in fields(Guess)
        ):
            calling.refuse(
                self.one, f"guess returned {type(guess).__name__}, expected a Guess of something"
            )
        for name in ("images", "second"):
            self._check(name, getattr(guess, name), (len(seen), *self.known.shape))
        self._check("angles", guess.angles, (len(seen),))
        if guess.labels is not None:
            values = getattr(guess.labels, "shape", ())[1:]
            self._check_shape("labels", guess.labels, (len(seen), *values))
        return guess

    def tensors(self) -> dict[str, Tensor]:
        """Return what was learned."""
        with calling.blaming(self.one):
            found = self.made.tensors()
        if not isinstance(found, Mapping) or not all(isinstance(t, Tensor) for t in found.values()):
            calling.refuse(self.one, "tensors returned no tensors by name, which was expected")
        # A file of tensors has to have one.
        return dict(found) or {"nothing": torch.zeros(1)}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put it back in place."""
        with calling.blaming(self.one):
            self.made.load({name: t for name, t in tensors.items() if name != "nothing"})

    def _check(self, name: str, values: object, expected: tuple[int, ...]) -> None:
        if values is None:
            return
        self._check_shape(name, values, expected)
        if not torch.isfinite(values).all():
            calling.refuse(self.one, f"guessed {name} that are not finite, expected numbers")
        if name != "angles" and (values.min() < -1e-3 or values.max() > 1 + 1e-3):
            said = f"{values.min():.3g} to {values.max():.3g}"
            calling.refuse(self.one, f"guessed {name} from {said}, expected 0 to 1")

    def _check_shape(self, name: str, values: object, expected: tuple[int, ...]) -> None:
        if not isinstance(values, Tensor) or tuple(values.shape) != expected:
            said = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            calling.refuse(self.one, f"guessed {name} of {said}, expected {expected}")


class _Remembering(_Plugged):
    """One that looks its own images up again."""

    def recall(self, own: OwnData) -> None:
        """Take the own images that ``fit`` was given."""
        with calling.blaming(self.one):
            self.made.recall(own)
