"""Rows of tables whose rows are numbers: one quantity with its interval, beside the papers'."""

from collections.abc import Hashable, Mapping

from reveil.statistics import Estimate
from reveil.tables.labels import NOT_AVAILABLE, SOURCE_TITLES

# The columns of one quantity, after those that say what it is of.
COLUMNS = ("quantity", "title", "value", "low", "high", "n", "interval", *SOURCE_TITLES)
NOBODY = dict.fromkeys(SOURCE_TITLES, NOT_AVAILABLE)


def estimate_row(
    quantity: str,
    title: str,
    estimate: Estimate,
    published: Mapping[str, float | str] = NOBODY,
) -> dict[str, Hashable]:
    """Return one quantity as a row of ``COLUMNS``.

    Args:
        quantity: Its name in the table, snake_case.
        title: Its name for readers, with its unit.
        estimate: Ours.
        published: What each source prints, by source, in the same unit.
    """
    return {
        "quantity": quantity,
        "title": title,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "interval": estimate.method,
    } | {source: published.get(source, NOT_AVAILABLE) for source in SOURCE_TITLES}
