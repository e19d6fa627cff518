"""The variance of training: how far the seeds of a row lie apart."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from reveil.power import detectable_difference
from reveil.statistics import NO_INTERVAL, Estimate, by_image, standard_deviation
from reveil.tables.attacks import SUBJECT
from reveil.tables.estimates import estimate_row
from reveil.tables.labels import policy_label
from reveil.tables.measures import common_settings, prepared

CHI_SQUARE = "chi-square"


def seed_spread(images: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return how far the means of the seeds lie apart, for PSNR and gain, beside the images.

    Args:
        images: The tidy table.
        by: Columns that make the rows of one protocol, dataset and model, as in
            :func:`reveil.tables.attacks.attack_table`.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by protocol, dataset, model and ``by``:
        ``{psnr,gain}_seed_std_db``, the deviation of the seeds' means over n seeds, with the
        interval that a normal variable has; ``{psnr,gain}_image_std_db``, that of the images'
        means over n images; and ``gain_detectable_db``, the paired difference of gain that as many
        images find with 80 % power if the difference varies as the gain does.

    Raises:
        ReveilError: a row that would mix two settings.
    """
    images = prepared(images)
    images = images.assign(policy=images["role"])
    keys = [*SUBJECT, *by]
    rows = []
    for key, attacked in images.groupby(keys, sort=False):
        named = dict(zip(keys, key, strict=True))
        common_settings(attacked, named)
        if "policy" in named:
            parts = (str(named[column]) for column in ("policy", "dataset", "model"))
            named["label"] = policy_label(*parts)
        for column, name in (("psnr_db", "PSNR"), ("gain_db", "Gain")):
            short = column.removesuffix("_db")
            seeds = attacked.groupby("seed")[column].mean().dropna()
            over = by_image(attacked, column)
            spread = Estimate(standard_deviation(over, 1), np.nan, np.nan, len(over), NO_INTERVAL)
            rows += [
                named
                | estimate_row(f"{short}_{unit}_std_db", f"{name}, SD over {unit}s, dB", found)
                for unit, found in (("seed", deviation_interval(seeds)), ("image", spread))
            ]
        least = detectable_difference(spread.value, spread.n)
        found = Estimate(least, np.nan, np.nan, spread.n, NO_INTERVAL)
        title = "Difference of gain found with 80 % power, dB"
        rows.append(named | estimate_row("gain_detectable_db", title, found))
    return pd.DataFrame(rows)


def deviation_interval(values: pd.Series, *, level: float = 0.95) -> Estimate:
    """Estimate the standard deviation of a normal variable, n - 1, from its chi-square.

    Args:
        values: Independent values, such as one a seed.
        level: Coverage, between 0 and 1.
    """
    deviation, n = standard_deviation(values, 1), len(values)
    if n < 2:
        return Estimate(deviation, np.nan, np.nan, n, NO_INTERVAL)
    # Of the upper tails: SciPy's inverse takes the probability above.
    tails = special.chdtri(n - 1, [(1 - level) / 2, (1 + level) / 2])
    low, high = deviation * np.sqrt((n - 1) / tails)
    return Estimate(deviation, float(low), float(high), n, CHI_SQUARE)
