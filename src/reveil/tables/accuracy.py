"""The accuracy of the models behind the rows of a table."""

from collections.abc import Hashable

import pandas as pd

from reveil import policies
from reveil.statistics import share_interval, standard_deviation

MEASURES = ("clean", "transformed")
_MODEL = ["dataset", "model", "policy", "recipe", "seed"]


def accuracy_columns(
    attacked: pd.DataFrame, models: pd.DataFrame, accuracy_on: str
) -> dict[str, Hashable]:
    """Return the test accuracies of the attacked models, in percent.

    All seeds judge the same test images, so the interval is Wilson's for the mean accuracy on
    ``n_test`` images; the variance of training is in the deviation over seeds.

    Args:
        attacked: The attacked images of one row.
        models: One row per trained model, with clean and transformed test accuracy in percent.
        accuracy_on: ``clean``, ``transformed`` or ``both``; the other accuracy stays empty.
    """
    wanted = attacked[_MODEL].drop_duplicates()
    wanted = wanted.assign(policy=wanted["policy"].map(policies.trained_name)).drop_duplicates()
    used = wanted.merge(models, on=_MODEL, how="inner")
    n_test = int(used["n_test"].min()) if len(used) else 0
    row: dict[str, Hashable] = {"n_models": len(used), "n_test": n_test}
    for measure in MEASURES:
        shown = accuracy_on in (measure, "both")
        values = used[f"accuracy_{measure}_pct"] if shown else used["n_test"].iloc[:0]
        estimate = share_interval(values.mean() / 100, n_test)
        row |= {
            f"accuracy_{measure}_pct": 100 * estimate.value,
            f"accuracy_{measure}_low_pct": 100 * estimate.low,
            f"accuracy_{measure}_high_pct": 100 * estimate.high,
            f"accuracy_{measure}_seed_std_pct": standard_deviation(values, ddof=1),
        }
    return row
