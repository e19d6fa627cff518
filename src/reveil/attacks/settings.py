"""The parameters of an attack, checked: what every method reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reveil.attacks.objectives import OBJECTIVES
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.priors import INITS
from reveil.errors import ReveilError, not_allowed
from reveil.schedule import decayed, milestones

GAMMA = 0.1
CURVE_POINTS = 100


@dataclass(frozen=True)
class Settings:
    """The parameters of the attack, checked; a method with more of them extends the class.

    Attributes:
        optimizer: key of ``OPTIMIZERS``.
        learning_rate: its first rate.
        objective: key of ``OBJECTIVES``.
        signed: ``hard`` steps along the sign of the gradient, ``none`` along the gradient.
        boxed: keep pixels between black and white.
        total_variation: weight of the smoothness term.
        init: key of ``INITS``.
        restarts: independent starts, of which the lowest final cost is kept.
        iterations: of each restart.
        decay: lower the rate by ``GAMMA`` after 3/8, 5/8 and 7/8 of the iterations.
        reduction: ``sum`` or ``mean`` over parameter tensors, for ``l1`` and ``l2``.
    """

    optimizer: str
    learning_rate: float
    objective: str
    signed: str
    boxed: bool
    total_variation: float
    init: str
    restarts: int
    iterations: int
    decay: bool
    reduction: str

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "Settings":
        """Check and take the parameters.

        Raises:
            ReveilError: a value that is not allowed.
        """
        closed = {
            "optimizer": OPTIMIZERS,
            "objective": OBJECTIVES,
            "signed": ("hard", "none"),
            "init": INITS,
            "reduction": ("sum", "mean"),
        }
        for key, allowed in closed.items():
            if parameters[key] not in allowed:
                raise ReveilError(not_allowed(key, parameters[key], allowed))
        for key in ("restarts", "iterations"):
            if parameters[key] < 1:
                raise ReveilError(f"{key}: {parameters[key]!r} is not allowed; allowed: 1 and more")
        return cls(**{key: parameters[key] for key in cls.__dataclass_fields__})

    @property
    def recorded(self) -> list[int]:
        """Iterations after which the cost is kept for the curve, the last one included."""
        step = -(-self.iterations // CURVE_POINTS)
        return [*range(0, self.iterations, step), self.iterations]

    def rate(self, iteration: int) -> float:
        """Return the learning rate of a 0-based iteration."""
        marks = milestones(self.iterations) if self.decay else ()
        return decayed(self.learning_rate, GAMMA, marks, iteration)
