"""Classification errors of the networks behind the rows of a table."""

from collections import Counter
from collections.abc import Hashable, Mapping

import pandas as pd

from reveil import datasets
from reveil.cvnn import tasks
from reveil.cvnn.tables.measures import TRAINED
from reveil.statistics import Estimate, share_interval, standard_deviation

# With the right key, a random and a wrong one, as models.csv calls the accuracies.
KEYS = {
    "right": "accuracy_clean_pct",
    "random": "accuracy_random_pct",
    "wrong": "accuracy_wrong_pct",
}


def error_share(networks: pd.DataFrame, column: str) -> Estimate:
    """Estimate the share of test images that networks get wrong, with Wilson's interval.

    All seeds judge the same test images, which n counts.

    Args:
        networks: Rows of models.csv, one a seed.
        column: one of the accuracies of :data:`KEYS`.
    """
    known = networks.dropna(subset=[column])
    n = int(known["n_test"].min()) if len(known) else 0
    return share_interval(1 - known[column].mean() / 100, n)


def key_columns(networks: pd.DataFrame) -> dict[str, Hashable]:
    """Return the errors with the right key, a random and a wrong one, in percent, and their n.

    ``error_{right,random,wrong}_{mean,low,high,seed_std}_pct``, ``n_models`` and ``n_test``; a
    network without a key has no error with another.
    """
    row: dict[str, Hashable] = {}
    for name, column in KEYS.items():
        estimate = error_share(networks, column)
        row |= percent(f"error_{name}", estimate)
        row[f"error_{name}_seed_std_pct"] = standard_deviation(networks[column], ddof=1)
    tested = int(networks["n_test"].min()) if len(networks) else 0
    return row | {"n_models": len(networks), "n_test": tested}


def percent(name: str, estimate: Estimate) -> dict[str, Hashable]:
    """Return a share as the columns ``{name}_{mean,low,high}_pct``."""
    ends = {"mean": estimate.value, "low": estimate.low, "high": estimate.high}
    return {f"{name}_{end}_pct": 100 * value for end, value in ends.items()}


def networks_behind(attacked: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of models.csv of the networks that were attacked."""
    return attacked[TRAINED].drop_duplicates().merge(models, on=TRAINED, how="inner")


def chance_error_pct(dataset: str, chances: Mapping[str, float] | None = None) -> float:
    """Return the error of the best guess of nothing at the task of a dataset, in percent.

    Its classes are as likely, but where they are groups of classes of unequal size: then the guess
    is the largest group, five of the ten classes of Fashion-MNIST.

    Args:
        dataset: Name of the dataset.
        chances: Dataset -> that error, where the values to tell have other likelihoods.
    """
    if chances and dataset in chances:
        return chances[dataset]
    known = datasets.get(dataset)
    if known.family == "fashion-mnist" and datasets.FINE in known.extras:
        groups = Counter(datasets.FASHION_GROUPS)
        return 100 * (1 - max(groups.values()) / groups.total())
    return _chance(tasks.task(dataset))


def hidden_chance_error_pct(dataset: str) -> float:
    """Return that error at what inference attacks infer, all values as likely."""
    return _chance(tasks.hidden(dataset) or tasks.task(dataset))


def _chance(target: tasks.Target) -> float:
    return 50.0 if target.multilabel else 100 * (1 - 1 / target.outputs)
