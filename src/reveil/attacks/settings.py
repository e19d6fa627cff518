"""The parameters of an attack, checked: what every method reads."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reveil.attacks.objectives import OBJECTIVES
from reveil.attacks.optimizers import OPTIMIZERS
from reveil.attacks.priors import INITS, TV_FORMS
from reveil.errors import ReveilError, not_allowed
from reveil.schedule import decayed, milestones

GAMMA = 0.1
CURVE_POINTS = 100
TRACED_WHOLE = 5000
CLOSED: dict[str, tuple[str, ...]] = {
    "optimizer": tuple(OPTIMIZERS),
    "objective": tuple(OBJECTIVES),
    "signed": ("hard", "soft", "none"),
    "tv_form": tuple(TV_FORMS),
    "init": tuple(INITS),
    "decay": ("step", "cosine", "none"),
    "reduction": ("sum", "mean"),
    "label": ("known", "idlg", "joint"),
}
LEAST = {
    "restarts": 1,
    "iterations": 1,
    "warmup": 0,
    "total_variation": 0,
    "bn_statistics": 0,
    "features": 0,
    "image_norm": 0,
    "langevin": 0,
}


@dataclass(frozen=True)
class Settings:
    """The parameters of the attack, checked; a method with more of them extends the class.

    Attributes:
        optimizer: key of ``OPTIMIZERS``.
        learning_rate: its rate before decay and after warm-up.
        objective: key of ``OBJECTIVES``.
        objective_weight: factor of the objective beside the regularisation; in no reported cost.
        signed: ``hard`` steps along the sign of the image's gradient, ``soft`` along
            tanh(s g) / s with s falling from 1 to 0, ``none`` along the gradient itself.
        boxed: keep pixels between black and white.
        total_variation: weight of the smoothness term.
        tv_form: key of ``TV_FORMS``.
        bn_statistics: weight of the distance from the running statistics of batch normalisation.
        features: weight of the distance from the features that the last layer's gradient shows.
        image_norm: weight of half the mean square of the normalised image.
        langevin: standard deviation of the noise on the image's gradient, in learning rates.
        init: key of ``INITS``.
        restarts: independent starts, of which the lowest final cost is kept.
        iterations: of each restart.
        decay: ``step`` lowers the rate by ``GAMMA`` after 3/8, 5/8 and 7/8 of the iterations,
            ``cosine`` along half a cosine to 0.
        warmup: iterations in which the rate rises.
        reduction: ``sum`` or ``mean`` over parameter tensors, for ``l1`` and ``l2``.
        label: ``known`` as declared, ``idlg`` inferred before the attack, or ``joint`` found with
            the image.
        trace: keep the cosine of every parameter tensor in the course of the attack.
    """

    optimizer: str
    learning_rate: float
    objective: str
    objective_weight: float
    signed: str
    boxed: bool
    total_variation: float
    tv_form: str
    bn_statistics: float
    features: float
    image_norm: float
    langevin: float
    init: str
    restarts: int
    iterations: int
    decay: str
    warmup: int
    reduction: str
    label: str
    trace: bool

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Check and take the parameters.

        Raises:
            ReveilError: a parameter that is missing, or a value that is not allowed.
        """
        for key in cls.__dataclass_fields__:
            if key not in parameters:
                raise ReveilError(f"{key}: is missing in the parameters of the attack")
        for key, allowed in CLOSED.items():
            if parameters[key] not in allowed:
                raise ReveilError(not_allowed(key, parameters[key], allowed))
        for key, least in LEAST.items():
            if parameters[key] < least:
                raise ReveilError(
                    f"{key}: {parameters[key]!r} is not allowed; allowed: {least} and more"
                )
        if parameters["warmup"] >= parameters["iterations"]:
            raise ReveilError(
                f"warmup: {parameters['warmup']} is not allowed with {parameters['iterations']} "
                f"iterations; allowed: 0 to {parameters['iterations'] - 1}"
            )
        return cls(**{key: parameters[key] for key in cls.__dataclass_fields__})

    @property
    def recorded(self) -> list[int]:
        """Iterations after which the cost is kept for the curve, the last one included."""
        step = -(-self.iterations // CURVE_POINTS)
        return [*range(0, self.iterations, step), self.iterations]

    @property
    def traced(self) -> list[int]:
        """Iterations after which cosines are kept: all, or those of the curve in a long attack."""
        whole = self.iterations <= TRACED_WHOLE
        return list(range(self.iterations + 1)) if whole else self.recorded

    def rate(self, iteration: int) -> float:
        """Return the learning rate of a 0-based iteration.

        In ``warmup`` iterations it rises linearly, from base / (warmup + 1); a cosine begins after
        them, with the base.
        """
        rise = min(1.0, (iteration + 1) / (self.warmup + 1))
        if self.decay == "cosine":
            done = max(0, iteration - self.warmup) / (self.iterations - self.warmup)
            return self.learning_rate * rise * (1 + math.cos(math.pi * done)) / 2
        marks = milestones(self.iterations) if self.decay == "step" else ()
        return rise * decayed(self.learning_rate, GAMMA, marks, iteration)

    def softness(self, iteration: int) -> float:
        """Return the s of the soft sign of a 0-based iteration: 1 at first, near 0 at last."""
        return 1 - iteration / self.iterations
