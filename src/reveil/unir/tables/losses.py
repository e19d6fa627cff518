"""The losses of a training by epoch, beside the log that Guo et al. 2020 released."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from reveil.errors import ReveilError
from reveil.statistics import mean_interval, standard_deviation
from reveil.tables.labels import NOT_AVAILABLE
from reveil.tables.measures import interval_columns
from reveil.unir.labels import method_label, method_order, operator_label, operator_order
from reveil.unir.tables import forms
from reveil.unir.tables.labels import SOURCE_TITLES
from reveil.unir.tables.published import LOGGED_SHARE, PRINTED, epoch_means, is_celeba
from reveil.unir.tables.settings import Recipes, settings_of

NETWORK = ["dataset", "model", "policy", "recipe"]
LOSSES = (
    *("loss_d", "loss_g", "loss_adversarial", "loss_likelihood"),
    *("d_real", "d_fake_before", "d_fake_at"),
)
THEIRS = ("loss_d", *PRINTED.values(), "n_lines")
# The loss that their log is of, and the variants that it stands beside: what they ran and describe.
_LOSS = "bce"
_VARIANTS = ("guo2020-code", "guo2020-intended")


def loss_table(
    histories: pd.DataFrame, published: pd.DataFrame, *, recipes: Recipes
) -> pd.DataFrame:
    """Return the epoch means of what a training notes: one row per network and epoch, from 1.

    Means are of the lines of an epoch, for each seed, then over seeds, with intervals over these. A
    line of ours is the mean of the steps since the last one; one of theirs is a single step. Their
    printed D loss is half the sum of its two terms: ``loss_d`` is the sum of both, and
    ``loss_d_halved``, and ``guo2020_loss_d_printed``, half of it.

    Args:
        histories: Rows of histories.csv.
        published: The papers' numbers, which stand beside the variants that they ran and describe,
            under binary cross-entropy on the faces.
        recipes: The recipes of the rows: ``dataset``, ``model``, ``recipe``, ``settings``.

    Raises:
        ReveilError: no rows, or a recipe that is missing.
    """
    if histories.empty:
        raise ReveilError("histories: the table has no rows, so there is nothing to summarise")
    log = epoch_means(published)
    rows: list[dict[str, Hashable]] = []
    networks = dict(iter(histories.groupby(NETWORK, sort=False)))
    for key in sorted(networks, key=_position):
        named: dict[str, Hashable] = dict(zip(NETWORK, key, strict=True))
        settings = settings_of(recipes, named)
        named["operator_label"] = operator_label(str(named["policy"]))
        named["method_label"] = method_label(str(named["recipe"]))
        named["gan_loss"] = settings["reconstruction"]["gan_loss"] if settings else ""
        beside = _beside(named, settings)
        lines = networks[key].assign(epoch=networks[key]["epoch"] + 1)
        epochs = sorted({*lines["epoch"], *(log.index if beside else ())})
        for epoch in epochs:
            row = named | {"epoch": epoch} | _ours(lines[lines["epoch"] == epoch])
            rows.append(row | _theirs(log, epoch if beside else 0))
    return pd.DataFrame(rows)


def _position(key: tuple[str, ...]) -> tuple[Hashable, ...]:
    dataset, model, policy, recipe = key
    return dataset, model, operator_order(policy), method_order(recipe)


def _beside(named: Mapping[str, Hashable], settings: Mapping[str, Any] | None) -> bool:
    training = settings["reconstruction"] if settings else {}
    fits = training.get("variant") in _VARIANTS and training["gan_loss"] == _LOSS
    return fits and is_celeba(str(named["dataset"]))


def _ours(lines: pd.DataFrame) -> dict[str, Hashable]:
    """Return the means of an epoch's lines over seeds; empty of an epoch without lines."""
    per_seed = lines.groupby("seed")
    row: dict[str, Hashable] = {
        "n_seeds": per_seed.ngroups,
        "n_lines": int(per_seed.size().min()) if len(lines) else 0,
    }
    halved = lines.assign(loss_d_halved=LOGGED_SHARE * lines["loss_d"])
    for name in ("loss_d_halved", *LOSSES):
        means = halved.groupby("seed")[name].mean()
        row |= interval_columns(name, mean_interval(means))
        row[f"{name}_seed_std"] = standard_deviation(means, ddof=1)
    return row


def _theirs(log: pd.DataFrame, epoch: int) -> dict[str, Hashable]:
    if epoch not in log.index:
        return dict.fromkeys((f"guo2020_{name}" for name in THEIRS), NOT_AVAILABLE)
    return {f"guo2020_{name}": float(log.loc[epoch, name]) for name in THEIRS}


def _pair(head: str, ours: str, theirs: str) -> tuple[forms.Column, ...]:
    source = SOURCE_TITLES["guo2020"]
    return forms.interval(head, ours), forms.published(f"{head}, {source}", f"guo2020_{theirs}")


FORM = forms.form(
    (
        *forms.SUBJECT[1:],
        forms.OPERATOR,
        forms.METHOD,
        forms.words("GAN loss", "gan_loss"),
        forms.value("Epoch", "epoch"),
        forms.value("Lines", "n_lines"),
        forms.value("Seeds", "n_seeds"),
        *_pair("D loss", "loss_d", "loss_d"),
        *_pair("D loss, halved", "loss_d_halved", "loss_d_printed"),
        forms.value("SD of D loss over seeds", "loss_d_seed_std", 3),
        *_pair("G loss", "loss_g", "loss_g"),
        forms.value("SD of G loss over seeds", "loss_g_seed_std", 3),
        forms.interval("Adversarial term", "loss_adversarial"),
        forms.interval("Likelihood term", "loss_likelihood", None),
        *_pair("D(real)", "d_real", "d_real"),
        *_pair("D(fake) before D's step", "d_fake_before", "d_fake_before"),
        *_pair("D(fake) at G's step", "d_fake_at", "d_fake_at"),
        forms.published(f"Lines, {SOURCE_TITLES['guo2020']}", "guo2020_n_lines"),
    ),
    "Means of the lines of an epoch, of each seed, then over seeds with 95 % intervals over these. "
    "A line of ours is the mean of the steps since the last one; one of Guo et al. 2020 is a "
    "single step in 200, of one run. They print half the sum of the two terms of the D loss: "
    "halved is as they print it, the other as both of its terms are minimised. What they ran is a "
    "GAN on clean faces without any measurement or likelihood term, whatever it stands beside. At "
    "a D loss of 2 ln 2 = 1.386, halved 0.693, D has given up. Terms are without their weights.",
)
