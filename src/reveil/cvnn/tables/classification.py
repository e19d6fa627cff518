"""The table of classification errors, with the right key and without, beside the published."""

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from reveil.cvnn.protections import NONE
from reveil.cvnn.tables import forms
from reveil.cvnn.tables.accuracy import KEYS, chance_error_pct, error_share, key_columns, percent
from reveil.cvnn.tables.labels import ADDITIONAL
from reveil.cvnn.tables.measures import labels, of_one_recipe, position
from reveil.cvnn.tables.published import CLASSIFICATION, value_columns
from reveil.errors import ReveilError
from reveil.statistics import share_difference

NETWORK = ["dataset", "model", "policy", "recipe"]


def classification_table(
    models: pd.DataFrame,
    published: pd.DataFrame,
    *,
    experiment: str | Sequence[str],
    chances: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the errors of trained networks: one row per dataset, model, policy and recipe.

    ``error_right`` is the error with the right key, or of a network without one; ``error_random``
    that with a random key and ``error_wrong`` with one a quarter turn or more away, beside
    ``chance_error_pct``, a guess of nothing. Differences are those
    of ``error_right`` to the network as it is (``unprotected``) and to the one with the layers of
    the generator (``additional``), which is the fair baseline, in points with Newcombe's interval.

    Args:
        models: Rows of models.csv.
        published: The papers' numbers.
        experiment: Experiments whose errors stand beside the rows, the first that has one.
        chances: Dataset -> error of the best guess of nothing, in percent, where its classes are
            not all as likely.

    Raises:
        ReveilError: no networks.
    """
    if models.empty:
        raise ReveilError("models: the table of networks has no rows")
    rows = []
    for named, networks in network_groups(models):
        row = named | key_columns(networks)
        row["chance_error_pct"] = chance_error_pct(str(named["dataset"]), chances)
        for name, policy in (("unprotected", NONE), ("additional", ADDITIONAL)):
            row |= _difference(models, named, networks, name, policy)
        row["parameters"] = networks["parameters"].iloc[0]
        keys = {name: str(named[name]) for name in ("dataset", "model", "policy")}
        rows.append(row | value_columns(published, experiment, CLASSIFICATION, **keys))
    return pd.DataFrame(rows)


def network_groups(models: pd.DataFrame) -> list[tuple[dict[str, Hashable], pd.DataFrame]]:
    """Return what names each network, its label included, and its rows, one a seed, in order."""
    found = [
        (dict(zip(NETWORK, key, strict=True)), part)
        for key, part in models.groupby(NETWORK, sort=False)
    ]
    found.sort(key=lambda pair: position(pair[0]))
    return [(named | labels(named), part) for named, part in found]


def _difference(
    models: pd.DataFrame,
    named: dict[str, Hashable],
    networks: pd.DataFrame,
    name: str,
    policy: str,
) -> dict[str, Hashable]:
    same = (models["policy"] == policy) & (str(named["policy"]) != policy)
    for column in ("dataset", "model"):
        same &= models[column] == named[column]
    others = of_one_recipe(models[same], str(named["recipe"]))
    pair = (error_share(part, KEYS["right"]) for part in (networks, others))
    return percent(f"{name}_difference", share_difference(*pair))


FORM = forms.form(
    (
        *forms.SUBJECT[1:],
        forms.POLICY,
        forms.words("Recipe", "recipe"),
        *forms.ERRORS,
        forms.value("Error of a guess of nothing, %", "chance_error_pct", 1),
        forms.value("SD over seeds", "error_right_seed_std_pct", 2),
        forms.value("Test images", "n_test"),
        forms.value("Networks", "n_models"),
        forms.interval(
            "Difference to unprotected", "unprotected_difference", 1, unit="_pct", sign="+"
        ),
        forms.interval(
            "Difference to additional layers", "additional_difference", 1, unit="_pct", sign="+"
        ),
        forms.value("Parameters", "parameters"),
        *forms.published("error, %"),
    ),
    "Errors on the test images, the mean over seeds, with Wilson's 95 % interval over test images; "
    "differences in points, with Newcombe's, as of different images. Seeds, which judge the same "
    "images, are in the deviation. A network without a key has no error with a random one. "
    "Rotating protections have the layers of their generator, so that additional layers are the "
    "fair baseline. Published errors are those of the same kind of network.",
)
