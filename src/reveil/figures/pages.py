"""The pages of an experiment's figure, and the means that several figures draw."""

from collections.abc import Mapping, Sequence

import pandas as pd

from reveil import rows
from reveil.errors import ReveilError
from reveil.statistics import Estimate, by_image, mean_interval, share_interval
from reveil.tables.measures import OK, prepared

SUBJECT = ("protocol", "dataset", "model")
# Yes or no of an image, so that its mean is a share.
SHARES = ("label_correct",)


def subject(page: Mapping[str, str]) -> dict[str, str]:
    """Return what a page is called: protocol, dataset and model."""
    return {name: page[name] for name in SUBJECT}


def attacked(images: pd.DataFrame, page: Mapping[str, str]) -> pd.DataFrame:
    """Return the attacked images of a page, those under variants of its protocol included.

    Args:
        images: Rows of images.csv.
        page: dataset, model and ``attacked``, the protocol of the attacks: ``fixed`` has the
            variants ``fixed-batch-4``, ``fixed-draws-2`` and so on.

    Raises:
        ReveilError: there is none.
    """
    here = rows.select(images, dataset=page["dataset"], model=page["model"])
    name = here["protocol"].astype(str)
    kept = here[(name == page["attacked"]) | name.str.startswith(f"{page['attacked']}-")]
    if kept.empty:
        raise ReveilError(
            f"protocol: no image of {page['dataset']}, {page['model']} was attacked under "
            f"{page['attacked']!r} or a variant of it; there are: {', '.join(name.unique())}"
        )
    return kept


def means(images: pd.DataFrame, by: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each measure over images, each with its mean over seeds first.

    Args:
        images: Rows of images.csv, and columns of their own to group by.
        by: Columns to group by; ``role`` is the policy, or its role if a search found it.
        measures: Columns; the mean of one of ``SHARES`` gets Wilson's interval.

    Returns:
        Columns of ``by``, measure, mean, low, high (95 %), n (images) and failed, in the order in
        which the groups appear.

    Raises:
        ReveilError: no images, or a measure that they lack, as those of older runs do.
    """
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to draw")
    if missing := [name for name in measures if name not in images and name != "gain_db"]:
        raise ReveilError(f"images: columns missing: {missing}; allowed: a table of this version")
    return group_means(prepared(images), by, measures)


def group_means(measured: pd.DataFrame, by: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Return :func:`means` of rows whose failures have no measures, whatever their study.

    Args:
        measured: One row per image and seed, with ``status``.
        by: Columns to group by.
        measures: Columns; the mean of one of ``SHARES`` gets Wilson's interval.
    """
    found = []
    for key, group in measured.groupby(list(by), sort=False):
        named = dict(zip(by, key, strict=True))
        failed = int((group["status"] != OK).sum())
        for measure in measures:
            estimate = _estimate(by_image(group, measure), share=measure in SHARES)
            ends = {"mean": estimate.value, "low": estimate.low, "high": estimate.high}
            found.append({**named, "measure": measure, **ends, "n": estimate.n, "failed": failed})
    return pd.DataFrame(found)


def _estimate(values: pd.Series, *, share: bool) -> Estimate:
    return share_interval(float(values.mean()), len(values)) if share else mean_interval(values)


def sample(images: pd.DataFrame, table: pd.DataFrame) -> str:
    """Return what the means rest on, for a title: images, seeds, the interval and failures."""
    seeds = images["seed"].nunique()
    n = int(table["n"].max()) if len(table) else 0
    failed = int((images["status"] != OK).sum())
    parts = [f"{n} image{'' if n == 1 else 's'}", f"{seeds} seed{'' if seeds == 1 else 's'}"]
    return ", ".join([*parts, "whiskers 95 %"]) + (f"; {failed} failed" if failed else "")


def trained(
    histories: pd.DataFrame, page: Mapping[str, str], models: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    """Return the epochs of the models of a page.

    Args:
        histories: Rows of histories.csv.
        page: ``dataset`` and ``model``.
        models: The policy and the recipe of each.

    Raises:
        ReveilError: there are none.
    """
    here = rows.select(histories, dataset=page["dataset"], model=page["model"])
    wanted = pd.MultiIndex.from_tuples([tuple(pair) for pair in models])
    kept = here[pd.MultiIndex.from_frame(here[["policy", "recipe"]]).isin(wanted)]
    if kept.empty:
        named = ", ".join(f"{policy} ({recipe})" for policy, recipe in models)
        raise ReveilError(f"histories: there is no epoch of {named}")
    return kept
