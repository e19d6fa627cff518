"""What the figures of this study take from its tidy table: means, trivial predictors, names."""

from collections.abc import Sequence

import pandas as pd

from reveil.cvnn.protections import NONE
from reveil.cvnn.tables.labels import attack_label, attack_order, policy_label, policy_order
from reveil.errors import ReveilError
from reveil.figures.pages import group_means
from reveil.statistics import by_image
from reveil.tables.measures import OK

# Attackers who saw nothing, and who separated the two images without knowing which is which
# (methods of this study: the best that a guess between two can do in the mean square).
TRIVIAL = {"rmse_mean_colour": "one colour", "rmse_blend": "mean of both images"}


def measured(images: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Return the rows of attacks that have one of the measures, without those of failures.

    Args:
        images: Rows of images.csv of this study.
        measures: Columns; an attack that never has a value, and never failed, is left out.

    Raises:
        ReveilError: there is no row, no attack with a value, or no such column.
    """
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to draw")
    if missing := [name for name in measures if name not in images]:
        raise ReveilError(f"images: columns missing: {missing}; allowed: a table of this version")
    succeeded = images["status"] == OK
    has_any = images[list(measures)].notna().any(axis=1) | ~succeeded
    kept = images[images["attack"].isin(images.loc[has_any, "attack"].unique())].copy()
    if kept.empty:
        raise ReveilError(f"images: no attack has a value of {', '.join(measures)}")
    kept[list(measures)] = kept[list(measures)].astype(float).where(kept["status"] == OK)
    return kept


def means(images: pd.DataFrame, by: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each measure over images, each with its mean over seeds first.

    Args:
        images: Rows of images.csv of this study.
        by: Columns to group by.
        measures: Columns.

    Returns:
        As :func:`reveil.figures.pages.group_means`.
    """
    return group_means(measured(images, measures), by, measures)


def trivial(images: pd.DataFrame, column: str) -> float:
    """Return the mean error of a trivial predictor over images; NaN where no images are mixed.

    Args:
        images: Rows of images.csv of this study.
        column: One of ``TRIVIAL``.
    """
    return float(by_image(images, column).mean())


def unprotected(table: pd.DataFrame, measure: str) -> float:
    """Return the lowest mean error of any attack on the network as it is; NaN without one.

    Args:
        table: Means by policy and attack, of :func:`means`.
        measure: Value of its column ``measure``.
    """
    shown = table[(table["policy"] == NONE) & (table["measure"] == measure)]
    return float(shown["mean"].min())


def policy_names(table: pd.DataFrame) -> dict[str, str]:
    """Return the policies of a table and their labels, in the order of the study."""
    return {name: policy_label(name) for name in sorted(table["policy"].unique(), key=policy_order)}


def attack_names(table: pd.DataFrame) -> dict[str, str]:
    """Return the attacks of a table and their labels, in the order of the study."""
    return {name: attack_label(name) for name in sorted(table["attack"].unique(), key=attack_order)}
