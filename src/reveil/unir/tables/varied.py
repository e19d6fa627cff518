"""The settings that the experiments of the study vary, one sweep each."""

from collections.abc import Sequence
from typing import Any

from reveil.unir import names
from reveil.unir.labels import NETWORK, UNTRAINED
from reveil.unir.operators.settings import USED_BY, OperatorSettings
from reveil.unir.tables import forms
from reveil.unir.tables.labels import operator_family
from reveil.unir.tables.settings import variant_of
from reveil.unir.tables.swept import Place, Row, Sweep, only, plain
from reveil.unir.variants import LIKELIHOOD

# The variants that differ in the likelihood term alone.
_UNIR, _AMBIENT, _RELEASED = "unir", "cond-ambient", "unir-released"
_FIXED = "fixed"
_SWITCHES = ("variant", "d_input", "lik_detach", "lik_share_noise", "reduction", "gan_loss")
_STABILISERS = (
    *("gan_loss", "spectral_norm", "attention", "learning_rate", "critic_learning_rate", "gamma"),
    *("beta1", "beta2", "penalty", "ema", "ema_images", "init", "residual_output", "order"),
    *("generator_steps", "critic_steps", "batch_size"),
)


def _plain_network(row: Row) -> bool:
    return plain(row) and row["attack"] == NETWORK


def _keep(row: Row) -> bool:
    return row["recipe"] == UNTRAINED and row["method"] == "keep"


def _rate(place: Place) -> Row | None:
    if place.operator.kind not in USED_BY["share"]:
        return None
    return {"family": operator_family(place.operator.name), "share": place.operator.share}


def _lambda(place: Place) -> Row | None:
    if place.variant not in (_UNIR, _AMBIENT) or not place.changes_only("weight", "variant"):
        return None
    weight = _training(place)["weight"] if place.variant == _UNIR else 0.0
    return {"weight": float(weight), "ambient": "yes" if weight == 0 else ""}


def _size(place: Place) -> Row | None:
    return {"variant": place.variant} if place.settings is not None else None


def _most(row: Row, others: Sequence[Row]) -> Row | None:
    most = max(others, key=lambda other: float(str(other["n_train"])), default=row)
    return most if float(str(most["n_train"])) > float(str(row["n_train"])) else None


def _assumed(place: Place) -> Row | None:
    if place.settings is None or not variant_of(place.settings).simulates:
        return None
    return {
        "variant": place.variant,
        "true_share": _share(place.operator),
        "assumed_kind": place.assumed.kind,
        "assumed_share": _share(place.assumed),
        "assumption": "true" if place.assumed == place.operator else "false",
    }


def _share(operator: OperatorSettings) -> float:
    return operator.share if operator.kind in USED_BY["share"] else float("nan")


def _corruption(place: Place) -> Row | None:
    if place.settings is None:
        return None
    return {"variant": place.variant, "corruption": _training(place)["corruption"]}


def _switches(place: Place) -> Row | None:
    if _keep(place.named):
        return dict.fromkeys(("changed", "d_input", "lik_detach", "lik_share_noise"), "")
    released = place.variant == _RELEASED
    if not released and not (place.variant == _UNIR and place.changes_only(*_SWITCHES)):
        return None
    training = _training(place)
    return {
        "changed": place.changed,
        "d_input": training["d_input"],
        "lik_detach": training["lik_detach"],
        "lik_share_noise": "yes" if training["lik_share_noise"] else "no",
    }


def _stabilisers(place: Place) -> Row | None:
    if place.variant != _UNIR or not place.changes_only(*_STABILISERS):
        return None
    told = {key: _training(place)[key] for key in ("gan_loss", "spectral_norm", "beta1", "ema")}
    rates = {
        "learning_rate": _settings(place)["learning_rate"],
        "critic_learning_rate": _training(place)["critic_learning_rate"],
    }
    return {"changed": place.changed} | told | rates


def _likelihood(place: Place) -> Row | None:
    if place.variant not in (_UNIR, _AMBIENT):
        return None
    weight = float(_training(place)["weight"])
    has = variant_of(_settings(place)).term == LIKELIHOOD and weight > 0
    return {
        "generator": names.parse(str(place.named["model"])).family,
        "likelihood": "yes" if has else "no",
        "weight": weight if has else 0.0,
    }


def _settings(place: Place) -> Any:
    return place.settings


def _training(place: Place) -> Any:
    return _settings(place)["reconstruction"]


_CHANGED = forms.words("Otherwise than UNIR", "changed")
_VARIANT = forms.words("Variant", "variant")
_WEIGHT = forms.value("lambda", "weight", None)

RATE = Sweep(
    "operators that remove a share of the values",
    _rate,
    only(_keep),
    same=(),
    order=("family", "method", "share"),
    columns=(forms.value("p", "share", 2),),
    note="p: share of the values that the operator removes. Differences: to y as it is.",
)
WEIGHT = Sweep(
    "the weight lambda of the likelihood",
    _lambda,
    only(plain),
    same=("attack",),
    order=("policy", "attack", "weight", "method"),
    columns=(_WEIGHT, forms.words("Conditional AmbientGAN", "ambient")),
    note="lambda: of the mean squared error beside the adversarial term; 0 is conditional "
    "AmbientGAN. Differences: to the plain UNIR, whose lambda is that of the paper's algorithm.",
)
SIZE = Sweep(
    "the number of measurements that a network learns from",
    _size,
    _most,
    same=("variant", "attack"),
    order=("policy", "variant", "attack", "n_train", "method"),
    columns=(_VARIANT,),
    note="Differences: to the same variant with the most measurements. Steps, and not epochs, are "
    "equal, so that fewer measurements are seen more often.",
)
ASSUMED = Sweep(
    "the operator that training simulates",
    _assumed,
    only(lambda row: row["assumption"] == "true"),
    same=("variant", "attack"),
    order=("policy", "variant", "attack", "assumed_kind", "assumed_share", "method"),
    columns=(
        _VARIANT,
        forms.value("True p", "true_share", 2),
        forms.words("Assumed kind", "assumed_kind"),
        forms.value("Assumed p", "assumed_share", 2),
        forms.words("Assumption", "assumption"),
    ),
    note="Measurements are of the operator; training simulates the assumed one. Differences: to "
    "the true assumption.",
)
CORRUPTION = Sweep(
    "fixed and fresh corruption",
    _corruption,
    only(lambda row: row["corruption"] == _FIXED),
    same=("variant", "attack"),
    order=("policy", "variant", "attack", "corruption", "method"),
    columns=(_VARIANT, forms.words("Corruption", "corruption")),
    note="Fixed: each image is measured once; fresh: anew in every epoch, so that a network sees "
    "all of an image over time, which is an easier problem. Differences: fresh to fixed.",
)
SWITCHES = Sweep(
    "the switches of the four ambiguities",
    _switches,
    only(_plain_network),
    # y as it is stands beside networks, whose attack is another.
    same=(),
    order=("policy", "method"),
    columns=(
        _CHANGED,
        forms.words("D sees", "d_input"),
        forms.words("Detached", "lik_detach"),
        forms.words("Noise shared", "lik_share_noise"),
    ),
    note="D sees: the reconstruction measured again, or the reconstruction itself, for which the "
    "identity is a solution: the released code is the negative control, to be read beside y as it "
    "is. Shared noise: it changes nothing without noise. Differences: to the plain UNIR.",
)
STABILISERS = Sweep(
    "adversarial losses and stabilisers",
    _stabilisers,
    only(_plain_network),
    same=(),
    order=("policy", "method"),
    columns=(
        _CHANGED,
        forms.words("GAN loss", "gan_loss"),
        forms.words("Spectral norm", "spectral_norm"),
        forms.value("Learning rate of G", "learning_rate", None),
        forms.value("Learning rate of D", "critic_learning_rate", None),
        forms.value("beta1", "beta1", 2),
        forms.value("Decay of averaged weights", "ema", None),
    ),
    note="Lowest and highest: means of single seeds, which differ by more than many methods do. D "
    "loss: of the last steps; of the binary cross-entropy 2 ln 2 = 1.386 says that D has given up, "
    "and other losses have other scales. Differences: to the plain UNIR.",
)
LIKELIHOOD_TERM = Sweep(
    "the likelihood term of one generator",
    _likelihood,
    only(lambda row: row["likelihood"] == "no"),
    same=("attack",),
    order=("policy", "attack", "likelihood", "method"),
    columns=(
        forms.words("Generator", "generator"),
        forms.words("Likelihood", "likelihood"),
        _WEIGHT,
    ),
    note="Differences: with the likelihood term to without, of the same generator; a variational "
    "one is drawn in training and takes its mean at the test.",
)
SWEEPS = {
    "rate": RATE,
    "lambda": WEIGHT,
    "size": SIZE,
    "assumed": ASSUMED,
    "corruption": CORRUPTION,
    "switches": SWITCHES,
    "stabilisers": STABILISERS,
    "likelihood": LIKELIHOOD_TERM,
}
