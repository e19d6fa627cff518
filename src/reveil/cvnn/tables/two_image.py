"""The table of the attacker who guesses both mixed images at once."""

from collections.abc import Hashable, Sequence

import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.inversion import TRIVIAL
from reveil.cvnn.tables.measures import (
    beside,
    counts,
    groups,
    mean,
    prepared,
    references,
    scaled,
    seed_deviation,
    share,
    under,
)
from reveil.errors import ReveilError
from reveil.statistics import Estimate
from reveil.tables.measures import OK, interval_columns

_EITHER = "rmse_mean_colour_either"


def two_image_table(
    images: pd.DataFrame, *, by: Sequence[str] = ("policy", "attack"), seed: int = 0
) -> pd.DataFrame:
    """Return how near the nearer of two guesses comes, by protocol, dataset, model and ``by``.

    2-anonymity says that an attacker doubts only which of the two mixed images is meant. One who
    answers with both is measured by the guess that is nearer to the image, against the blend, which
    is the best of one who cannot tell them apart, and the mean colour, a guess of nothing. Attacks
    with one guess stand beside him with the image of the two that it is nearer to; for these the
    mean colour may choose, too: ``mean_colour_either`` is its error against the nearer image.

    Args:
        images: The tidy table; rows where images are not mixed, or none is guessed, are left out
            but for those of the network as it is, which the others stand beside.
        by: Columns of ``images`` that make the rows of one protocol, dataset and model.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: no attack makes two guesses, a column that is none, or a row that would mix two
            settings.
    """
    images = prepared(images)
    if images["rmse_second"].isna().all():
        raise ReveilError("images: no attack of the tidy table makes two guesses")
    rows = []
    guessed = images["rmse_either"].notna() | images["status"].ne(OK)
    every, images = images, images[images["partner"].notna() & guessed]
    for named, attacked in groups(images, by):
        row = named | counts(attacked, "rmse_either")
        row["rmse_seed_std"] = seed_deviation(attacked, "rmse_either")
        for column in ("rmse_either", "rmse", "rmse_second"):
            row |= interval_columns(column, mean(attacked, column, seed))
        row |= references(attacked, under(every, named), seed)
        for name, column in TRIVIAL.items():
            row |= beside(attacked, attacked, ("rmse_either", column), name, seed)
            better = scaled(_better(attacked, column), 100)
            row |= interval_columns(f"{name}_beaten", better, "_pct")
        row |= _chosen(attacked, seed)
        rows.append(row)
    return pd.DataFrame(rows)


def _chosen(attacked: pd.DataFrame, seed: int) -> dict[str, Hashable]:
    """Return the mean colour at the nearer image; empty of two guesses, of which one is chosen."""
    alone = attacked[attacked["rmse_second"].isna()]
    row = interval_columns(_EITHER, mean(alone, _EITHER, seed))
    return row | beside(alone, alone, ("rmse_either", _EITHER), "mean_colour_either", seed)


def _better(attacked: pd.DataFrame, reference: str) -> Estimate:
    """Estimate the share of images on which the nearer guess beats a trivial predictor."""
    known = attacked["rmse_either"].notna() & attacked[reference].notna()
    return share(attacked, (attacked["rmse_either"] < attacked[reference]).where(known))


FORM = forms.form(
    (
        *forms.SUBJECT,
        forms.POLICY,
        forms.ATTACK,
        forms.interval("RMSE of the nearer", "rmse_either"),
        forms.value("SD over seeds", "rmse_seed_std", 4),
        *forms.COUNTED,
        forms.interval("RMSE of the first", "rmse"),
        forms.interval("RMSE of the second", "rmse_second"),
        forms.interval("RMSE of the blend", "rmse_blend"),
        forms.interval("Difference to the blend", "blend_difference", sign="+"),
        forms.interval("Ratio to the blend", "blend_ratio", 2),
        forms.interval("Nearer than the blend, %", "blend_beaten", 1, unit="_pct"),
        forms.interval("RMSE of the mean colour", "rmse_mean_colour"),
        forms.interval("Difference to the mean colour", "mean_colour_difference", sign="+"),
        forms.interval("Nearer than the mean colour, %", "mean_colour_beaten", 1, unit="_pct"),
        forms.interval("RMSE of the mean colour to the nearer image", _EITHER),
        forms.interval("Difference to it", "mean_colour_either_difference", sign="+"),
        forms.UNPROTECTED,
    ),
    "Means over images, each averaged over seeds, with 95 % intervals; differences and ratios are "
    "paired, image by image; shares with Wilson's. RMSE with pixels in [0, 1]. The nearer guess is "
    "the judge's choice, which the attacker cannot make; of an attack with one guess it is the "
    "error to the nearer of the two images, whose yardstick is the mean colour against the nearer "
    "of them, and not against the image. Two different guesses of nothing come nearer than one by "
    "chance. Unprotected: the same attack on the network as it is.",
)
