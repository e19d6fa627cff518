"""The main table: every operator and method, beside y as it is, mean fill and ``unir``."""

from collections.abc import Hashable, Sequence

import pandas as pd

from reveil.errors import ReveilError, not_allowed
from reveil.unir.labels import UNTRAINED
from reveil.unir.tables import forms
from reveil.unir.tables.measures import (
    CELL,
    difference_columns,
    groups,
    measure_columns,
    network_columns,
    prepared,
)
from reveil.unir.tables.published import mse_columns
from reveil.unir.tables.settings import Recipes, is_plain, settings_of, variant_of
from reveil.unir.variants import OTHER_CLEAN

# What a method learns from.
CLASSICAL, UNSUPERVISED = "nothing", "measurements"
UNPAIRED, PAIRED = "other clean images", "clean images"
KINDS = (CLASSICAL, UNSUPERVISED, UNPAIRED, PAIRED)
# The one method without a network that looks at other measurements.
_MEAN_IMAGE = "mean-image"
# Preset of a method without a network -> what the columns of the differences to it begin with.
_TRIVIAL = {"keep": "keep", "mean-fill": "mean_fill"}
# Fewer seeds are no ranking (section 8.4: two seeds of one method differ by 0.4 dB).
RANKED_SEEDS = 3


def methods_table(
    images: pd.DataFrame,
    models: pd.DataFrame | None,
    published: pd.DataFrame,
    *,
    recipes: Recipes,
    kinds: Sequence[str] = KINDS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what each method makes of each operator's measurements.

    One row per protocol, dataset, network, operator and method. Paired differences are to y as it
    is (``keep``), to mean fill and to the protocol's plain ``unir``. ``rank`` orders the methods of
    one network and operator that see no clean image by their MSE, 1 the lowest; it is empty unless
    all of them have the same three seeds or more and their networks equal steps.

    Args:
        images: The tidy table.
        models: Rows of models.csv; None where no row is of a network.
        published: The papers' numbers.
        recipes: The recipes of the rows: ``dataset``, ``model``, ``recipe``, ``settings``.
        kinds: Which of ``KINDS`` have a row; differences and ranks are of all methods anyhow.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: rows of generators that make images from noise, a recipe or a network that is
            missing, a row that would mix two settings, or an unknown or absent kind.
    """
    if odd := [kind for kind in kinds if kind not in KINDS]:
        raise ReveilError(not_allowed("kinds", odd[0], KINDS))
    found = list(groups(prepared(images, recipes)))
    cells: dict[tuple[Hashable, ...], list[tuple[dict[str, Hashable], pd.DataFrame]]] = {}
    for named, made in found:
        cells.setdefault(tuple(named[name] for name in CELL), []).append((named, made))
    rows = []
    for cell in cells.values():
        told = [_row(named, made, models, published, recipes, seed) for named, made in cell]
        references = _references(cell)
        for row, (named, made) in zip(told, cell, strict=True):
            for name, (method, reference) in references.items():
                other = None if method == named["method"] else reference
                row |= difference_columns(name, made, other, seed)
        rows += _ranked(told, cell)
    rows = [row for row in rows if row["learns_from"] in kinds]
    if not rows:
        raise ReveilError(f"images: no method that learns from {', '.join(kinds)}")
    return pd.DataFrame(rows)


def _row(
    named: dict[str, Hashable],
    made: pd.DataFrame,
    models: pd.DataFrame | None,
    published: pd.DataFrame,
    recipes: Recipes,
    seed: int,
) -> dict[str, Hashable]:
    settings = settings_of(recipes, named)
    row = named | {"learns_from": learns_from(named, recipes)}
    row |= network_columns(made, models) | measure_columns(made, seed)
    return row | mse_columns(published, named, settings)


def learns_from(named: dict[str, Hashable], recipes: Recipes) -> str:
    """Return which of ``KINDS`` the method of a row is."""
    settings = settings_of(recipes, named)
    if settings is None:
        return UNSUPERVISED if named["attack"] == _MEAN_IMAGE else CLASSICAL
    variant = variant_of(settings)
    if not variant.supervised:
        return UNSUPERVISED
    return UNPAIRED if variant.real == OTHER_CLEAN else PAIRED


def _references(
    cell: list[tuple[dict[str, Hashable], pd.DataFrame]],
) -> dict[str, tuple[str, pd.DataFrame | None]]:
    """Return what the methods of a cell are compared with, by the name of the columns."""
    found: dict[str, tuple[str, pd.DataFrame | None]] = dict.fromkeys(
        (*_TRIVIAL.values(), "unir"), ("", None)
    )
    for named, made in cell:
        method = str(named["method"])
        if named["recipe"] == UNTRAINED and method in _TRIVIAL:
            found[_TRIVIAL[method]] = method, made
        elif is_plain(method, str(named["protocol"])):
            found["unir"] = method, made
    return found


def _ranked(
    rows: list[dict[str, Hashable]], cell: list[tuple[dict[str, Hashable], pd.DataFrame]]
) -> list[dict[str, Hashable]]:
    """Return the rows of a cell with the ``rank`` of those that see no clean image."""
    fair = [row["learns_from"] in (CLASSICAL, UNSUPERVISED) for row in rows]
    seeds = {
        frozenset(made["seed"]) for (_, made), ranked in zip(cell, fair, strict=True) if ranked
    }
    steps = {row["steps"] for row in rows if row["learns_from"] == UNSUPERVISED}
    steps = {count for count in steps if pd.notna(count)}
    enough = len(seeds) == 1 and len(next(iter(seeds))) >= RANKED_SEEDS and len(steps) <= 1
    errors = pd.Series([row["mse_pm1_mean"] for row in rows], dtype=float)
    ranks = errors.where(pd.Series(fair) & enough).rank(method="min")
    return [row | {"rank": rank} for row, rank in zip(rows, ranks, strict=True)]


FORM = forms.form(
    (
        *forms.SUBJECT,
        forms.OPERATOR,
        forms.METHOD,
        forms.words("Learns from", "learns_from"),
        *forms.TRAINING,
        *forms.ALL,
        *forms.SPREAD,
        *forms.MISSING,
        *forms.CONSISTENT,
        forms.RESIDUAL,
        *forms.difference("y", "keep"),
        *forms.difference("mean fill", "mean_fill"),
        *forms.difference("UNIR", "unir"),
        forms.value("Rank", "rank"),
        *forms.COUNTED,
        *forms.PUBLISHED_MSE,
    ),
    f"{forms.INTERVALS} Rank: by MSE among methods that see no clean image, given where all have "
    f"the same {RANKED_SEEDS} seeds or more and networks equal steps. Lower MSE and higher PSNR "
    "and SSIM are better. The tables of Pajot et al. 2019 could not be read and Guo et al. 2020 "
    "print no error; the third party's 0.266 is of the released code at its default operator, on a "
    "scale that is assumed.",
)
