"""The table of angle errors: how well attacks find the secret key."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from reveil.cvnn.tables import forms
from reveil.cvnn.tables.measures import (
    counts,
    groups,
    mean,
    prepared,
    scaled,
    seed_deviation,
    share,
)
from reveil.cvnn.tables.published import ANGLE, value_columns
from reveil.errors import ReveilError
from reveil.tables.measures import interval_columns

# Error -> the mean of a guess of nothing: uniform on the circle, or within what it is folded to.
CHANCES = {"angle_error": math.pi / 2, "angle_error_half": math.pi / 4,
           "angle_error_quarter": math.pi / 8}  # fmt: skip
# Quarter turns from the key to the guess, by the name of the share of images there.
TURNS = {0: "at_key", 1: "quarter_ahead", 2: "opposite", 3: "quarter_behind"}
WITHIN = 0.1
CHANCE_SHARE_PCT = 100 * 2 * WITHIN / (2 * math.pi)


def angle_table(
    images: pd.DataFrame,
    published: pd.DataFrame,
    *,
    experiment: str | Sequence[str],
    by: Sequence[str] = ("policy", "attack"),
    seed: int = 0,
) -> pd.DataFrame:
    """Return the errors of the angle: one row per protocol, dataset, model and ``by``.

    The published error may be any of three (methods 3.1), so all stand here, with the mean of a
    guess of nothing: on the circle, in [0, pi] (``angle_error``); modulo half turns, in
    [0, pi / 2] (``_half``); modulo quarter turns, in [0, pi / 4] (``_quarter``). And the share of
    images whose guess is within 0.1 rad of the key, of a quarter turn ahead or behind it, which
    takes b for a, and opposite.

    Args:
        images: The tidy table; rows of attacks that guess no angle are left out.
        published: The papers' numbers.
        experiment: Experiments whose average angle errors stand beside the rows.
        by: Columns of ``images`` that make the rows of one protocol, dataset and model.
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: no attack guesses an angle, a column that is none, or a row that would mix two
            settings.
    """
    images = prepared(images)
    angled = images.groupby(["policy", "attack"])["angle_error_rad"].transform("count") > 0
    if not angled.any():
        raise ReveilError("images: no attack of the tidy table guesses an angle")
    images = images[angled]
    folded = np.minimum(images["angle_error_rad"], math.pi - images["angle_error_rad"])
    images = images.assign(angle_error_half_rad=folded)
    rows = []
    for named, attacked in groups(images, by):
        row = named | counts(attacked, "angle_error_rad")
        for name, chance in CHANCES.items():
            row |= interval_columns(name, mean(attacked, f"{name}_rad", seed), "_rad")
            row[f"{name}_chance_rad"] = chance
        row["angle_error_seed_std_rad"] = seed_deviation(attacked, "angle_error_rad")
        row |= _shares(attacked) | {"chance_share_pct": CHANCE_SHARE_PCT}
        keys = {name: str(named[name]) for name in ("dataset", "model", "policy", "attack")}
        rows.append(row | value_columns(published, experiment, ANGLE, **keys))
    return pd.DataFrame(rows)


def _shares(attacked: pd.DataFrame) -> dict[str, Hashable]:
    guessed = attacked["angle_error_rad"].notna()
    row: dict[str, Hashable] = {}
    for turns, name in TURNS.items():
        there = (attacked["quarter_turns"] == turns).where(guessed)
        row |= interval_columns(name, scaled(share(attacked, there), 100), "_pct")
    return row


FORM = forms.form(
    (
        *forms.SUBJECT,
        forms.POLICY,
        forms.ATTACK,
        *forms.COUNTED,
        forms.interval("Error on the circle, rad", "angle_error", unit="_rad"),
        forms.value("By chance", "angle_error_chance_rad", 3),
        forms.value("SD over seeds", "angle_error_seed_std_rad", 4),
        forms.interval("Error modulo half turns, rad", "angle_error_half", unit="_rad"),
        forms.value("Half turns by chance", "angle_error_half_chance_rad", 3),
        forms.interval("Error modulo quarter turns, rad", "angle_error_quarter", unit="_rad"),
        forms.value("Quarter turns by chance", "angle_error_quarter_chance_rad", 3),
        forms.interval("At the key, %", "at_key", 1, unit="_pct"),
        forms.interval("A quarter turn ahead, %", "quarter_ahead", 1, unit="_pct"),
        forms.interval("Opposite, %", "opposite", 1, unit="_pct"),
        forms.interval("A quarter turn behind, %", "quarter_behind", 1, unit="_pct"),
        forms.value("Each by chance, %", "chance_share_pct", 1),
        *forms.published("rad"),
    ),
    "Means over images, each averaged over seeds, with 95 % intervals; shares within 0.1 rad with "
    "Wilson's. The papers do not say how they fold their errors: pi / 4 = 0.785 is a guess midway "
    "between the key and a quarter turn, a and b taken for each other half of the time, or chance "
    "modulo half turns. Where a and b were exchanged the angle is judged against the key all the "
    "same, which turns up the partner there; the image that was asked for is a quarter turn ahead.",
)
