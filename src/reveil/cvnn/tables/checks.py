"""The tables of what must hold of a protected network, and of what its critic was worth."""

import math
from collections.abc import Hashable, Mapping

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.accuracy import chance_error_pct, key_columns
from reveil.cvnn.tables.classification import network_groups
from reveil.cvnn.tables.measures import TRAINED
from reveil.errors import ReveilError
from reveil.statistics import mean_interval
from reveil.tables.measures import interval_columns

# Accepted relative error of rotation equivariance (methods 1.3).
ACCEPTED = 1e-5
# A critic counts as clipped from this share of its weights on.
CLIPPED = 0.5


def equivariance_table(
    models: pd.DataFrame, chances: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the acceptance checks of rotating networks: one row per dataset, model and policy.

    ``equivariance_error_max`` is the largest over seeds of max|F(e^it x) - e^it F(x)| / max|F(x)|,
    which passes below 1e-5; ``gradient_norm_min`` the smallest of the adversarial term's gradient
    at the encoder, which passes above 0 and is empty without adversary. The wrong key, a quarter
    turn or more away, passes where its error is not below that of a guess of nothing by the
    interval; that is empty where the right key's is not, either. A random key is not judged: some
    are near the right one.

    Args:
        models: Rows of models.csv; networks without a key are left out.
        chances: Dataset -> error of the best guess of nothing, in percent, where its classes are
            not all as likely.

    Raises:
        ReveilError: no network has a key.
    """
    rotating = models[models["equivariance_error"].notna()]
    if rotating.empty:
        raise ReveilError("models: no network of the table has a measured equivariance error")
    rows = []
    for named, networks in network_groups(rotating):
        worst = networks["equivariance_error"].max()
        least = networks["adversarial_gradient_norm"].min()
        row = named | key_columns(networks)
        row["chance_error_pct"] = chance_error_pct(str(named["dataset"]), chances)
        row |= {"equivariance_error_max": worst, "equivariant": _verdict(worst < ACCEPTED)}
        row |= {"gradient_norm_min": least, "gradient_reaches": _verdict(least > 0, least)}
        chance, wrong = row["chance_error_pct"], row["error_wrong_high_pct"]
        learned = row["error_right_high_pct"] < chance
        row["wrong_key_fails"] = _verdict(wrong >= chance, wrong if learned else math.nan)
        rows.append(row)
    return pd.DataFrame(rows)


def adversary_table(models: pd.DataFrame, histories: pd.DataFrame) -> pd.DataFrame:
    """Return what became of the critics: one row per dataset, model, policy and recipe.

    Of the last epoch, means over seeds with their intervals: the share of critic weights at the
    clip value, the critic's mean on true (``real``) and on turned features (``fake``) and their
    distance, which is the loss of the adversary, and the gradient norm that reaches the encoder.
    ``clipped_after`` is the epochs until half of the weights stood at the clip value, of the
    slowest seed.

    Args:
        models: Rows of models.csv.
        histories: Rows of histories.csv; networks without a critic are left out.

    Raises:
        ReveilError: no network has a critic.
    """
    critics = histories[histories["critic_real"].notna()].reset_index(drop=True)
    if critics.empty:
        raise ReveilError("histories: no network of the table was trained against a critic")
    rows = []
    for named, epochs in network_groups(critics):
        last = epochs.loc[epochs.groupby("seed")["epoch"].idxmax()]
        row: dict[str, Hashable] = named | {"epochs": last["epoch"].max() + 1}
        distance = last["critic_real"] - last["critic_fake"]
        measures = {
            "clipped_share": 100 * last["clipped_share"],
            "critic_real": last["critic_real"],
            "critic_fake": last["critic_fake"],
            "critic_distance": distance,
            "gradient_norm": last["adversarial_gradient_norm"],
        }
        for name, values in measures.items():
            unit = "_pct" if name == "clipped_share" else ""
            row |= interval_columns(name, mean_interval(values), unit)
        row |= {"clipped_after": _clipped_after(epochs), "n_critics": len(last)}
        networks = last[TRAINED].merge(models, on=TRAINED, how="inner")
        rows.append(row | key_columns(networks))
    return pd.DataFrame(rows)


def _clipped_after(epochs: pd.DataFrame) -> float:
    clipped = epochs[epochs["clipped_share"] >= CLIPPED].groupby("seed")["epoch"].min() + 1
    every = len(clipped) == epochs["seed"].nunique()
    return float(clipped.max()) if every else float("nan")


def _verdict(passed: bool, known: float = 0.0) -> str:
    if pd.isna(known):
        return ""
    return "yes" if passed else "no"


EQUIVARIANCE = forms.form(
    (
        *forms.SUBJECT[1:],
        forms.POLICY,
        forms.words("Recipe", "recipe"),
        forms.value("Largest equivariance error", "equivariance_error_max", None),
        forms.words("Below 1e-5", "equivariant"),
        forms.value("Smallest adversarial gradient norm", "gradient_norm_min", None),
        forms.words("Reaches the encoder", "gradient_reaches"),
        *forms.ERRORS,
        forms.value("Error by chance, %", "chance_error_pct", 1),
        forms.words("Chance with a wrong key", "wrong_key_fails"),
        forms.value("Test images", "n_test"),
        forms.value("Networks", "n_models"),
    ),
    "Equivariance: max|F(e^it x) - e^it F(x)| / max|F(x)|, the largest over seeds. Gradient: norm "
    "of the adversarial term's at the encoder, in the last epoch, the smallest over seeds. A "
    "random key is any, and may be near the right one; a wrong one is a quarter turn or more away. "
    "Errors with Wilson's 95 % interval over test images.",
)
ADVERSARY = forms.form(
    (
        *forms.SUBJECT[1:],
        forms.POLICY,
        forms.words("Recipe", "recipe"),
        forms.value("Epochs", "epochs"),
        forms.interval("Critic weights at the clip value, %", "clipped_share", 1, unit="_pct"),
        forms.value("Half of them after epoch", "clipped_after"),
        forms.interval("Critic on true features", "critic_real"),
        forms.interval("Critic on turned features", "critic_fake"),
        forms.interval("Their distance", "critic_distance"),
        forms.interval("Gradient norm at the encoder", "gradient_norm", None),
        forms.value("Networks", "n_critics"),
        *forms.ERRORS,
        forms.value("Test images", "n_test"),
    ),
    "Of the last epoch: means over seeds with 95 % intervals over them; errors with Wilson's over "
    "test images. Critics of other scales are not comparable: a clipped one is bounded by its "
    "weights, one with the gradient penalty by its slope.",
)
