"""The tables of what one setting does: rows by its values, beside one of them."""

from collections.abc import Hashable

import pandas as pd

from reveil.errors import ReveilError, not_allowed
from reveil.statistics import standard_deviation
from reveil.unir.tables import forms
from reveil.unir.tables.measures import (
    TRAINED,
    difference_columns,
    groups,
    measure_columns,
    network_columns,
    prepared,
)
from reveil.unir.tables.settings import (
    Operators,
    Recipes,
    assumed_by,
    changes,
    operator_of,
    settings_of,
)
from reveil.unir.tables.swept import Place, Row
from reveil.unir.tables.varied import SWEEPS

# Losses of the last steps, as models.csv has them.
LAST = ("loss_d", "loss_g")


def sweep_table(
    images: pd.DataFrame,
    models: pd.DataFrame,
    *,
    sweep: str,
    recipes: Recipes,
    operators: Operators,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the measures of reconstructions by the values of one setting.

    One row per protocol, dataset, network, operator and method that the sweep is of. Differences
    are to the row that the sweep compares with, named by ``reference``, image by image under one
    seed.

    Args:
        images: The tidy table.
        models: Rows of models.csv.
        sweep: One of :data:`reveil.unir.tables.varied.SWEEPS`.
        recipes: The recipes of the rows: ``dataset``, ``model``, ``recipe``, ``settings``. The
            plain ``unir`` among them tells what others do otherwise; without it rows that vary
            something else, too, are not left out.
        operators: Policy -> all values of its operator; those of assumed presets, too.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: an unknown sweep, no row of it, rows of generators that make images from noise,
            or a recipe, an operator or a network that is missing.
    """
    if sweep not in SWEEPS:
        raise ReveilError(not_allowed("sweep", sweep, SWEEPS))
    what = SWEEPS[sweep]
    rows: list[Row] = []
    made_by: list[pd.DataFrame] = []
    for named, made in groups(prepared(images, recipes)):
        settings = settings_of(recipes, named)
        otherwise = None if settings is None else changes(recipes, named, settings)
        operator = operator_of(operators, str(named["policy"]))
        assumed = assumed_by(settings, operator, operators)
        values = what.values(Place(named, settings, otherwise, operator, assumed))
        if values is None:
            continue
        row = named | {"sweep": sweep} | values | network_columns(made, models)
        rows.append(row | measure_columns(made, seed) | _seeds(made, models))
        made_by.append(made)
    if not rows:
        raise ReveilError(f"images: no row of the sweep {sweep!r}, {what.title}")
    told = []
    for row, made in zip(rows, made_by, strict=True):
        other = what.compared(row, rows)
        beside = None if other is None else made_by[_place_of(other, rows)]
        label = "" if other is None else other["method_label"]
        differences = difference_columns("reference", made, beside, seed)
        told.append(row | {"reference": label} | differences)
    return pd.DataFrame(sorted(told, key=what.position))


def _place_of(row: Row, rows: list[Row]) -> int:
    return next(place for place, other in enumerate(rows) if other is row)


def _seeds(made: pd.DataFrame, models: pd.DataFrame) -> dict[str, Hashable]:
    """Return the worst and the best seed's PSNR, and the last losses of the networks."""
    psnr = made.groupby("seed")["psnr_db"].mean()
    row: dict[str, Hashable] = {"psnr_seed_min_db": psnr.min(), "psnr_seed_max_db": psnr.max()}
    networks = made[TRAINED].drop_duplicates().merge(models, on=TRAINED)
    for loss in LAST:
        row[f"{loss}_mean"] = networks[loss].mean()
        row[f"{loss}_seed_std"] = standard_deviation(networks[loss], ddof=1)
    return row


FORMS = {
    name: forms.form(
        (
            *forms.SUBJECT,
            forms.OPERATOR,
            forms.METHOD,
            *sweep.columns,
            *forms.TRAINING,
            *forms.ALL,
            *forms.SPREAD,
            forms.value("Lowest PSNR of a seed, dB", "psnr_seed_min_db", 2),
            forms.value("Highest PSNR of a seed, dB", "psnr_seed_max_db", 2),
            *forms.MISSING,
            *forms.CONSISTENT,
            forms.RESIDUAL,
            forms.words("Difference to", "reference"),
            *forms.difference("it", "reference"),
            forms.value("D loss, last", "loss_d_mean", 3),
            forms.value("SD of D loss over seeds", "loss_d_seed_std", 3),
            forms.value("G loss, last", "loss_g_mean", 3),
            forms.value("SD of G loss over seeds", "loss_g_seed_std", 3),
            *forms.COUNTED,
        ),
        f"{forms.INTERVALS} {sweep.note}",
    )
    for name, sweep in SWEEPS.items()
}
