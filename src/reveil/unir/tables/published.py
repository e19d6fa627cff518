"""The published numbers of the study: which belongs beside which row, and in which unit.

The tables of Pajot et al. 2019 could not be read, so that their numbers are not available; what is
known is what a third party saw of their released code. Guo et al. 2020 give no error of a
reconstruction, but the log of the training that they ran. Of Bora et al. 2018 the scores on MNIST
are known, and those of a reproduction by Culley et al., which stand in the same source.
"""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from reveil import datasets
from reveil.errors import ReveilError, not_allowed
from reveil.tables.labels import NOT_AVAILABLE
from reveil.unir.tables.labels import operator_family
from reveil.unir.tables.settings import variant_of

# Metric of a published number -> its unit.
UNITS: Mapping[str, str] = {
    "loss_D": "nats, half the sum of two binary cross-entropies",
    "loss_G": "nats, binary cross-entropy",
    "loss_G_max_approx": "nats, binary cross-entropy",
    "D(x)": "probability",
    "D(G(z))_before_G_step": "probability",
    "D(G(z))_at_G_step": "probability",
    "elapsed_s": "s",
    "epochs": "epochs",
    "lambda": "weight of the mean squared error",
    "loss_rate": "share of values",
    "learning_rate": "step size of Adam",
    "MSE": "MSE, [-1, 1]",
    "inception_score": "exp of nats, MNIST classifier of the source",
}
LOG = "unir-exp01"
# The printed run whose lines are known, of a network that lambda has no influence on.
LOGGED = "guo2020_code lambda=2"
# Metric of a printed line -> its column.
PRINTED: Mapping[str, str] = {
    "loss_D": "loss_d_printed",
    "loss_G": "loss_g",
    "D(x)": "d_real",
    "D(G(z))_before_G_step": "d_fake_before",
    "D(G(z))_at_G_step": "d_fake_at",
}
# What a logged D loss is of the sum of both of its terms.
LOGGED_SHARE = 0.5
_LINE = re.compile(r"epoch (\d+) of \d+ \(0-based\), iteration (\d+) of")
_MNIST = ("mnist", "fashion-mnist")
_BLOCKED = "block-pixels"

# Columns of a table of reconstructions, in MSE on [-1, 1].
MSE_COLUMNS = ("original", "guo2020", "third_party")
SCORE_COLUMNS = ("ambientgan", "culley")
_THIRD_PARTY = "UNIR authors' released code, run by a third party"
_REPRODUCED = " [Culley et al. reproduction]"
_RELEASED = ("unir-released", "remove-pixel-dark-90", "released default (remove_pix_dark p=0.9)")
# The classical method by which y is restored -> how the sources call it.
_UNMEASURES = {"blur": "blur", "tv": "inpaint-tv", "biharmonic": "biharmonic"}
_CLEAN = "none (fully observed)", "vanilla GAN reference"


def unit(metric: str) -> str:
    """Return the unit of a published metric.

    Raises:
        ReveilError: an unknown metric.
    """
    if metric not in UNITS:
        raise ReveilError(not_allowed("metric", metric, UNITS))
    return UNITS[metric]


def mse_columns(
    published: pd.DataFrame, named: Mapping[str, Hashable], settings: Mapping[str, Any] | None
) -> dict[str, Hashable]:
    """Return the published errors beside a row of reconstructions, MSE on [-1, 1].

    Args:
        published: Rows of config/published.csv.
        named: What names the row.
        settings: Its resolved recipe; None of a method without a network.

    Returns:
        ``original``, of the paper's own tables, which could not be read; ``guo2020``, which prints
        no error; ``third_party``, the paper's released code run by somebody else, beside
        ``unir-released`` at the released operator on faces.
    """
    columns: dict[str, Hashable] = dict.fromkeys(MSE_COLUMNS, NOT_AVAILABLE)
    variant = settings["reconstruction"]["variant"] if settings is not None else None
    recipe, policy, operator = _RELEASED
    if (variant, named["policy"]) == (recipe, policy) and is_celeba(str(named["dataset"])):
        columns["third_party"] = _one(published, "original", "MSE", operator, _THIRD_PARTY)
    return columns


def score_columns(
    published: pd.DataFrame, named: Mapping[str, Hashable], settings: Mapping[str, Any]
) -> dict[str, Hashable]:
    """Return the published scores beside a row of samples, by source.

    They are of MNIST and of classifiers of their own, and stand beside rows of Fashion-MNIST, too,
    whose own scores are on another scale.

    Args:
        published: Rows of config/published.csv.
        named: What names the row, with ``share``, p of its Block-pixels.
        settings: Its resolved recipe.
    """
    columns: dict[str, Hashable] = dict.fromkeys(SCORE_COLUMNS, NOT_AVAILABLE)
    known = datasets.get(str(named["dataset"]))
    recipe = settings["reconstruction"]
    if known.synthetic or known.family not in _MNIST or variant_of(settings).supervised:
        return columns
    if named["policy"] == "identity":
        columns["ambientgan"] = _one(published, "ambientgan", "inception_score", *_CLEAN)
        return columns
    method = {"ambientgan": "AmbientGAN", "ignore": "ignore"}.get(recipe["variant"])
    if recipe["variant"] == "unmeasure":
        method = f"unmeasure-{_UNMEASURES.get(recipe['unmeasure'], recipe['unmeasure'])}"
    share = float(str(named["share"]))
    if method is None or operator_family(str(named["policy"])) != _BLOCKED:
        return columns
    operator = f"block_pixels p={share:g}"
    for column, ending in zip(SCORE_COLUMNS, ("", _REPRODUCED), strict=True):
        columns[column] = _one(
            published, "ambientgan", "inception_score", operator, f"{method}{ending}"
        )
    return columns


def is_celeba(dataset: str) -> bool:
    """Return whether a dataset is of the faces that the reports trained on."""
    known = datasets.get(dataset)
    return known.name.startswith("celeba-64") and not known.synthetic


def printed_lines(published: pd.DataFrame) -> pd.DataFrame:
    """Return the printed lines of the training of Guo et al. 2020.

    Returns:
        ``epoch``, from 1, and ``iteration``, from 0, the columns of ``PRINTED``, and ``loss_d``,
        which is what the printed one is half of.
    """
    log = published[
        (published["experiment"] == LOG)
        & (published["source"] == "guo2020")
        & (published["method"] == LOGGED)
        & published["metric"].isin(list(PRINTED))
    ]
    places = log["note"].str.extract(_LINE).astype(int)
    log = log.assign(epoch=places[0] + 1, iteration=places[1])
    lines = log.pivot(index=["epoch", "iteration"], columns="metric", values="value").astype(float)
    lines = lines.rename(columns=PRINTED)[list(PRINTED.values())].reset_index()
    lines.columns.name = None
    lines["loss_d"] = lines["loss_d_printed"] / LOGGED_SHARE
    return lines


def epoch_means(published: pd.DataFrame) -> pd.DataFrame:
    """Return the means of the printed lines by epoch, with ``n_lines`` of each."""
    epochs = printed_lines(published).drop(columns="iteration").groupby("epoch")
    return epochs.mean().assign(n_lines=epochs.size())


def _one(
    published: pd.DataFrame, source: str, metric: str, operator: str, method: str
) -> float | str:
    rows = published[
        (published["source"] == source)
        & (published["metric"] == metric)
        & (published["operator"] == operator)
        & (published["method"] == method)
    ]
    return float(rows["value"].iloc[0]) if len(rows) == 1 else NOT_AVAILABLE
