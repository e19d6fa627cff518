"""The table of the scores of samples, by method and by the share of values that are missing."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from reveil.errors import ReveilError
from reveil.statistics import NO_INTERVAL, Estimate, mean_interval, standard_deviation
from reveil.tables.labels import NOT_AVAILABLE
from reveil.tables.measures import interval_columns
from reveil.unir.labels import method_label, method_order, operator_label, operator_order
from reveil.unir.operators.settings import USED_BY
from reveil.unir.tables import forms
from reveil.unir.tables.labels import SOURCE_TITLES
from reveil.unir.tables.published import score_columns
from reveil.unir.tables.settings import Operators, Recipes, operator_of, settings_of

SCORE = "inception_score"
# How the interval of one set of samples is made.
JACKKNIFE = "jackknife"
# Of features of the pipeline's classifier and of Inception, of images and of measurements.
DISTANCES = (
    *("frechet_classifier_images", "frechet_classifier_measurements"),
    *("frechet_inception_images", "frechet_inception_measurements"),
)
# Columns of samples.csv behind those that name a row.
COLUMNS = (
    *(f"{name}{end}" for name in (SCORE, *DISTANCES) for end in ("", "_low", "_high")),
    *("n_samples", "feature_network"),
)
GROUP = ["protocol", "dataset", "model", "policy", "recipe"]


def score_table(
    samples: pd.DataFrame,
    published: pd.DataFrame,
    *,
    recipes: Recipes,
    operators: Operators,
) -> pd.DataFrame:
    """Return the scores of samples: one row per protocol, dataset, network, operator and recipe.

    Of one seed a score has the interval of its samples, by the jackknife of splits; of several it
    is the mean over seeds, with the interval over these. A distance whose feature network was not
    at hand is ``not available``, as it is if it is so under any seed.

    Args:
        samples: Rows of samples.csv.
        published: The papers' numbers, of MNIST and of other classifiers.
        recipes: The recipes of the rows: ``dataset``, ``model``, ``recipe``, ``settings``.
        operators: Policy -> all values of its operator.

    Raises:
        ReveilError: no rows, a missing column, recipe or operator, or a row that would mix scores
            of two feature networks.
    """
    if missing := [name for name in (*GROUP, "seed", *COLUMNS) if name not in samples]:
        raise ReveilError(f"samples: no rows of scores, as they lack {', '.join(missing)}")
    if samples.empty:
        raise ReveilError("samples: the table has no rows, so there is nothing to summarise")
    rows = []
    found = dict(iter(samples.groupby(GROUP, sort=False)))
    for key in found:
        named: dict[str, Hashable] = dict(zip(GROUP, key, strict=True))
        settings, drawn = settings_of(recipes, named), found[key]
        if settings is None:
            raise ReveilError(f"samples: recipe {named['recipe']!r} draws none; allowed: a recipe")
        operator = operator_of(operators, str(named["policy"]))
        counts = operator.kind in USED_BY["share"]
        row = named | {
            "operator_label": operator_label(operator.name),
            "method_label": method_label(str(named["recipe"])),
            "share": operator.share if counts else float("nan"),
            "n_samples": int(drawn["n_samples"].min()),
            "n_seeds": drawn["seed"].nunique(),
            "feature_network": _network(drawn, named),
        }
        row |= _over_seeds(drawn, SCORE)
        for name in DISTANCES:
            row |= _over_seeds(drawn, name)
        rows.append(row | score_columns(published, row, settings))
    return pd.DataFrame(sorted(rows, key=_position))


def _position(row: dict[str, Hashable]) -> tuple[Hashable, ...]:
    subject = (str(row[name]) for name in GROUP[:3])
    return (*subject, method_order(str(row["recipe"])), operator_order(str(row["policy"])))


def _network(drawn: pd.DataFrame, named: dict[str, Hashable]) -> str:
    networks = drawn["feature_network"].fillna("").unique()
    if len(networks) > 1:
        raise ReveilError(
            f"samples: the row of {', '.join(map(str, named.values()))} would mix scores of "
            f"{', '.join(map(str, networks))}"
        )
    return str(networks[0])


def _over_seeds(drawn: pd.DataFrame, name: str) -> dict[str, Hashable]:
    """Return a score with its interval, the interval's method and the deviation over seeds."""
    if drawn[name].eq(NOT_AVAILABLE).any():
        row = interval_columns(name, mean_interval([])) | {f"{name}_mean": NOT_AVAILABLE}
        return row | {f"{name}_interval": NO_INTERVAL, f"{name}_seed_std": math.nan}
    values = drawn[name].astype(float)
    estimate = mean_interval(values)
    if len(values) == 1:
        low, high = (float(drawn[f"{name}_{end}"].iloc[0]) for end in ("low", "high"))
        method = estimate.method if math.isnan(low) else JACKKNIFE
        estimate = Estimate(estimate.value, low, high, 1, method)
    row = interval_columns(name, estimate) | {f"{name}_interval": estimate.method}
    return row | {f"{name}_seed_std": standard_deviation(values, ddof=1)}


def _score(head: str, name: str, digits: int) -> forms.Column:
    plain = forms.interval(head, name, digits)

    def cell(row: Mapping[str, Any]) -> str:
        if row[plain.needs] == NOT_AVAILABLE:
            return NOT_AVAILABLE
        # A column with text in it reads back from CSV as text, numbers included.
        return plain.cell({**row, plain.needs: float(row[plain.needs])})

    return forms.Column(plain.head, plain.needs, cell)


FORM = forms.form(
    (
        *forms.SUBJECT,
        forms.OPERATOR,
        forms.value("p", "share", 2),
        forms.METHOD,
        _score("Inception-type score", SCORE, 3),
        forms.value("SD of the score over seeds", f"{SCORE}_seed_std", 3),
        forms.words("Its interval", f"{SCORE}_interval"),
        forms.value("Samples", "n_samples"),
        forms.value("Seeds", "n_seeds"),
        forms.words("Feature network", "feature_network"),
        _score("Fréchet distance, classifier, images", DISTANCES[0], 2),
        _score("Fréchet distance, classifier, measurements", DISTANCES[1], 2),
        _score("Fréchet distance, Inception, images", DISTANCES[2], 2),
        _score("Fréchet distance, Inception, measurements", DISTANCES[3], 2),
        forms.published(f"{SOURCE_TITLES['ambientgan']}, score on MNIST", "ambientgan"),
        forms.published(f"{SOURCE_TITLES['culley']}, score on MNIST", "culley"),
    ),
    "Score: exp(E KL(p(label | x) || p(label))) of the classifier in the column, from 1 to its "
    "number of classes. Published scores are of MNIST and of the sources' own classifiers, so that "
    "only their order can be compared with ours, not their size; those of Bora et al. 2018 were "
    "read off a figure, +- 0.15, and rest on 64 to 100 samples. Intervals are of the samples of "
    "one seed (jackknife), or over seeds. Fréchet distances are of features of the classifier and "
    "of Inception, and compare at equal numbers of samples alone.",
)
