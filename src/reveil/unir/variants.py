"""The ways to train a reconstruction: what D compares, and what else G is asked for.

Used while the graph is planned, so it does not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reveil.errors import ReveilError, not_allowed
from reveil.unir import methods, names

if TYPE_CHECKING:
    from reveil.unir.operators.settings import OperatorSettings

# What D takes for real.
MEASUREMENT, CLEAN, OTHER_CLEAN, RESTORED = "measurement", "clean", "other clean", "restored"
# What D takes for fake: F(G(.); theta') + eps', or G(.) itself.
REMEASURED, RECONSTRUCTION = "remeasured", "reconstruction"
# Both with the measurement stacked on the channels.
PAIR = "pair"
# What G is asked for besides.
LIKELIHOOD, SUPERVISED, HIDDEN, REPEATED = "likelihood", "supervised", "hidden", "repeated"


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        real: what D takes for real: the ``measurement`` y; the ``clean`` x, which nothing measured;
            ``other clean`` images than those of the batch; y ``restored`` by a classical method; a
            ``pair`` (y, x); None without a D.
        fake: what D takes for fake: ``remeasured``, ``reconstruction``, or a ``pair`` (y, G(y)).
        term: what G minimises besides the adversarial term: the ``likelihood``; the ``supervised``
            error of G(y) against x; the error at observed values that were ``hidden`` from G; the
            likelihood ``repeated`` from the same z, which is 0 and only logged; or None.
        samples: whether G makes images from noise and reconstructs nothing.
        sigmoid: whether D ends in a sigmoid, also for least squares.
    """

    real: str | None
    fake: str | None
    term: str | None
    samples: bool = False
    sigmoid: bool = False

    @property
    def clean(self) -> bool:
        """Whether a step sees clean images of the measurements it learns from."""
        return self.real in (CLEAN, PAIR) or self.term == SUPERVISED

    @property
    def supervised(self) -> bool:
        """Whether a step sees any clean image."""
        return self.clean or self.real == OTHER_CLEAN

    @property
    def takes_vectors(self) -> bool:
        """Whether measurements need not have the shape of an image."""
        return self.samples and (self.real == CLEAN or self.fake == REMEASURED)

    @property
    def simulates(self) -> bool:
        """Whether a step measures what G made."""
        return self.fake == REMEASURED or self.term == LIKELIHOOD


VARIANTS: dict[str, Variant] = {
    # Pajot et al. 2019, and its ablation, lambda = 0.
    "unir": Variant(MEASUREMENT, REMEASURED, LIKELIHOOD),
    "cond-ambient": Variant(MEASUREMENT, REMEASURED, None),
    # What the code released with it does: D sees G(y), for which the identity is a solution.
    "unir-released": Variant(MEASUREMENT, RECONSTRUCTION, LIKELIHOOD, sigmoid=True),
    "unpaired": Variant(OTHER_CLEAN, RECONSTRUCTION, LIKELIHOOD),
    "paired": Variant(PAIR, PAIR, SUPERVISED),
    "regress": Variant(None, None, SUPERVISED),
    # What Guo et al. 2020 ran, and what they describe.
    "guo2020-code": Variant(CLEAN, RECONSTRUCTION, REPEATED, samples=True),
    "guo2020-intended": Variant(MEASUREMENT, REMEASURED, LIKELIHOOD),
    # Bora et al. 2018, and its baselines.
    "ambientgan": Variant(MEASUREMENT, REMEASURED, None, samples=True),
    "ignore": Variant(MEASUREMENT, RECONSTRUCTION, None, samples=True),
    "unmeasure": Variant(RESTORED, RECONSTRUCTION, None, samples=True),
    # A hidden half of the observed values is regressed on; no D.
    "splitting": Variant(None, None, HIDDEN),
}
# How measurements are restored: blurred, or by a method of :mod:`reveil.unir.methods`.
UNMEASURE_BLUR = "blur"
UNMEASURES = (UNMEASURE_BLUR, "tv", "biharmonic", "wiener")
ORDERS = ("critic-first", "generator-first")
D_INPUTS = (REMEASURED, RECONSTRUCTION)


def get(name: str) -> Variant:
    """Return the variant of a recipe.

    Raises:
        ReveilError: an unknown name.
    """
    if name not in VARIANTS:
        raise ReveilError(not_allowed("recipe.reconstruction.variant", name, VARIANTS))
    return VARIANTS[name]


def wrong_d_input(settings: Mapping[str, Any]) -> str | None:
    """Return why ``d_input`` is not what the D of the variant sees, None if it is.

    Args:
        settings: ``reconstruction`` of a recipe, with a variant that exists.
    """
    name, said = settings["variant"], settings["d_input"]
    variant = get(name)
    if variant.fake == REMEASURED and said == RECONSTRUCTION:
        sees, other = "re-measured reconstructions", "unir-released"
    elif variant == VARIANTS["unir-released"] and said == REMEASURED:
        sees, other = "reconstructions as they are", "unir"
    else:
        return None
    return (
        f"{said!r} is not allowed with variant {name!r}, whose D sees {sees}; allowed: "
        f"{variant.fake}, or variant {other}"
    )


def check(settings: Mapping[str, Any], model: str, operator: "OperatorSettings") -> None:
    """Raise a ``ReveilError`` for what cannot be trained.

    Args:
        settings: ``reconstruction`` of a recipe.
        model: see :mod:`reveil.unir.names`.
        operator: what made the measurements.
    """
    name = settings["variant"]
    variant = get(name)
    start = "recipe.reconstruction."
    if settings["order"] not in ORDERS:
        raise ReveilError(not_allowed(f"{start}order", settings["order"], ORDERS))
    if settings["d_input"] not in D_INPUTS:
        raise ReveilError(not_allowed(f"{start}d_input", settings["d_input"], D_INPUTS))
    if wrong := wrong_d_input(settings):
        raise ReveilError(f"{start}d_input: {wrong}")
    if names.reconstructs(model) == variant.samples:
        fitting = [k for k, v in VARIANTS.items() if v.samples != variant.samples]
        what = "images from noise" if variant.samples else "a reconstruction of each measurement"
        raise ReveilError(
            f"{start}variant: {name!r} is not allowed for the model {model!r}, as it trains "
            f"{what}; allowed: {', '.join(fitting)}"
        )
    if variant.term == HIDDEN and not operator.observable:
        raise ReveilError(
            f"{start}variant: {name!r} is not allowed for the operator {operator.name!r}, whose "
            "mask cannot be read off a measurement; allowed: operators with a visible mask"
        )
    if operator.kind == "project" and not variant.takes_vectors:
        fitting = [k for k, v in VARIANTS.items() if v.takes_vectors]
        raise ReveilError(
            f"{start}variant: {name!r} is not allowed for the operator {operator.name!r}, whose "
            f"measurements are no images; allowed: {', '.join(fitting)}"
        )
    if variant.real == RESTORED:
        method = settings["unmeasure"]
        if method not in UNMEASURES:
            raise ReveilError(not_allowed(f"{start}unmeasure", method, UNMEASURES))
        if method != UNMEASURE_BLUR:
            methods.require(method, operator)
    for key in ("steps", "generator_steps", "critic_steps", "log_every"):
        if settings[key] < 1:
            raise ReveilError(f"{start}{key}: {settings[key]} is not allowed; allowed: from 1")
