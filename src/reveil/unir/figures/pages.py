"""Which rows of a tidy table of this study are on a page of a figure."""

from collections.abc import Collection, Mapping

import pandas as pd

from reveil import rows
from reveil.errors import ReveilError
from reveil.unir.labels import UNTRAINED

HEADING = ("protocol", "dataset", "model")


def heading(page: Mapping[str, str]) -> dict[str, str]:
    """Return what the heading of a figure says of its page."""
    return {name: page[name] for name in HEADING}


def reconstructed(images: pd.DataFrame, page: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of a page's network, and of methods that train nothing.

    Args:
        images: Rows of images.csv.
        page: ``protocol``, ``dataset`` and ``model``, and further columns that have one value.

    Raises:
        ReveilError: there is none.
    """
    others = {name: value for name, value in page.items() if name != "model"}
    kept = rows.select(images, **others)
    kept = kept[kept["model"].isin([page["model"], UNTRAINED])]
    if kept.empty:
        raise ReveilError(f"images: no row of the page {', '.join(page.values())}")
    return kept


def trained(table: pd.DataFrame, page: Mapping[str, str], recipes: Collection[str]) -> pd.DataFrame:
    """Return the rows of the trainings behind a page, which know no protocol.

    Args:
        table: Rows of histories.csv or models.csv.
        page: as for :func:`reconstructed`; the protocol is left out.
        recipes: of the page's networks.

    Raises:
        ReveilError: there is none.
    """
    kept = table[table["recipe"].isin(list(recipes))]
    return rows.select(kept, **{k: v for k, v in page.items() if k != "protocol"})
