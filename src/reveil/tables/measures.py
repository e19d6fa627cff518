"""What attacked images come to in one row of a table: means, intervals, shares and the worst."""

from collections.abc import Hashable, Mapping

import pandas as pd

from reveil import policies
from reveil.errors import ReveilError
from reveil.statistics import (
    PSNR_CEILING_DB,
    Estimate,
    by_image,
    finite_psnr,
    mean_interval,
    share_interval,
    standard_deviation,
)

OK = "ok"
# Columns of images.csv that make another measurement: no row of a table may mix two of their
# values.
SETTINGS = ("policy", "recipe", "attack", "defence", "batch")
FLOORS = ("floor_db", "floor_random_db", "floor_mean_db", "floor_black_db")
# Measures that images.csv of an older run may lack: the column of the table, and its mean.
_PSNRS = {
    "psnr_original_db": "psnr_original_mean_db",
    "psnr_content_db": "psnr_content_mean_db",
    "psnr_registered_db": "psnr_registered_mean_db",
    "psnr_unshifted_db": "psnr_unshifted_mean_db",
    "psnr_unshifted_original_db": "psnr_unshifted_original_mean_db",
}
_MORE_FLOORS = ("floor_content_db", "floor_registered_db")
_STRUCTURE = {"ssim_original": "ssim_original_mean", "lpips": "lpips_mean"}
# Yes or no of an image: the column, the value that is a yes, and the table's name of the share.
_SHARES = (
    ("reid_rank", 1, "reid"),
    ("reid_rank_used", 1, "reid_used"),
    ("label_correct", 1, "label_correct"),
)
DECIBELS = ("psnr", "floor")
_GAINS = (
    ("gain_db", "psnr_db", "floor_db"),
    ("gain_content_db", "psnr_content_db", "floor_content_db"),
)
# What stands for a guess, and so says nothing where there is none.
_MEASURES = (
    *("psnr_db", "gain_db", "gain_content_db", "ssim"),
    *(*FLOORS, *_MORE_FLOORS, *_PSNRS, *_STRUCTURE, *(column for column, _, _ in _SHARES)),
)


def prepared(images: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with ``role`` and ``exact``, capped PSNR, and no measures of failed attacks.

    Args:
        images: The tidy table, one row per attacked image, policy and seed.
    """
    images = images.copy()
    images["role"] = images["policy"].map(policies.role)
    measures = [column for column in _MEASURES if column in images]
    images[measures] = images[measures].astype(float).where(images["status"] == OK)
    images["exact"] = images["psnr_db"] > PSNR_CEILING_DB
    return finite_gains(images)


def finite_gains(images: pd.DataFrame) -> pd.DataFrame:
    """Return rows of images with capped PSNR and floors, and the gains that follow from these.

    A floor is infinite, too, where the victim is of one colour: black after two shifts by half.
    """
    decibel = [column for column in images if str(column).startswith(DECIBELS)]
    images = images.assign(**{column: finite_psnr(images[column]) for column in decibel})
    for gain, psnr, floor in _GAINS:
        if gain in images and psnr in images and floor in images:
            images[gain] = images[psnr] - images[floor]
    return images


def interval_columns(name: str, estimate: Estimate, unit: str = "") -> dict[str, Hashable]:
    """Return an estimate as the columns ``{name}_mean{unit}``, ``_low`` and ``_high``."""
    return {
        f"{name}_mean{unit}": estimate.value,
        f"{name}_low{unit}": estimate.low,
        f"{name}_high{unit}": estimate.high,
    }


def measure_columns(attacked: pd.DataFrame, ddof: int, seed: int = 0) -> dict[str, Hashable]:
    """Return what the attacked images of one row come to.

    Args:
        attacked: Rows of :func:`prepared`, one per image and seed.
        ddof: Of the standard deviation over images, 0 or 1.
        seed: Seed of the bootstrap.
    """
    psnr = mean_interval(by_image(attacked, "psnr_db"), seed=seed)
    per_seed = attacked.groupby("seed")["psnr_db"]
    row: dict[str, Hashable] = {
        "n_images": psnr.n,
        "n_seeds": attacked["seed"].nunique(),
        "n_failed": int((attacked["status"] != OK).sum()),
        "n_exact": int(attacked["exact"].sum()),
    }
    row |= interval_columns("psnr", psnr, "_db")
    row |= {
        "interval": psnr.method,
        "psnr_std_db": per_seed.apply(standard_deviation, ddof=ddof).mean(),
        "psnr_seed_std_db": standard_deviation(per_seed.mean(), ddof=1),
        "psnr_max_db": attacked["psnr_db"].max(),
    }
    row |= _means(attacked, _PSNRS)
    row |= _means(attacked, {floor: floor for floor in (*FLOORS, *_MORE_FLOORS)})
    row |= _gain_columns(attacked, seed)
    row |= interval_columns("ssim", mean_interval(by_image(attacked, "ssim"), seed=seed))
    row |= _means(attacked, _STRUCTURE)
    for column, yes, name in _SHARES:
        if column in attacked:
            row |= share_columns(name, attacked, column, yes)
    if "reid_gallery" in attacked:
        row["reid_rank_median"] = by_image(attacked, "reid_rank").median()
        # A guess of nothing finds its image with this probability.
        row["reid_chance"] = (1 / attacked["reid_gallery"]).mean()
    return row


def common_settings(attacked: pd.DataFrame, named: Mapping[str, Hashable]) -> dict[str, Hashable]:
    """Return what all images of a row have in common, by column, ``named`` included.

    Raises:
        ReveilError: they differ in what would make them another measurement.
    """
    settings = dict(named)
    for column in SETTINGS:
        if column in attacked and column not in named:
            values = attacked[column].unique()
            if len(values) > 1:
                raise ReveilError(
                    f"by: {column!r} is missing, and the row of "
                    f"{', '.join(map(str, named.values()))} would mix {', '.join(map(str, values))}"
                )
            settings[column] = values[0]
    return settings


def share_columns(
    name: str, attacked: pd.DataFrame, column: str, yes: float
) -> dict[str, Hashable]:
    """Return the share of images whose ``column`` is ``yes``, with Wilson's interval.

    An image counts with its share over the seeds that have a value.
    """
    known = attacked.dropna(subset=[column])
    share = (known[column] == yes).groupby(known["image"]).mean()
    estimate = share_interval(float(share.mean()), len(share))
    return {
        f"{name}_share": estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
    }


def _means(attacked: pd.DataFrame, columns: dict[str, str]) -> dict[str, Hashable]:
    return {
        name: by_image(attacked, column).mean()
        for column, name in columns.items()
        if column in attacked
    }


def _gain_columns(attacked: pd.DataFrame, seed: int) -> dict[str, Hashable]:
    gains = by_image(attacked, "gain_db")
    above = share_interval(float((gains > 0).mean()), len(gains))
    row = interval_columns("gain", mean_interval(gains, seed=seed), "_db")
    per_seed = attacked.groupby("seed")["gain_db"].mean()
    row["gain_seed_std_db"] = standard_deviation(per_seed, ddof=1)
    row |= _worst(attacked)
    if "gain_content_db" in attacked:
        content = mean_interval(by_image(attacked, "gain_content_db"), seed=seed)
        row |= interval_columns("gain_content", content, "_db")
    return row | {
        "gain_positive_share": above.value,
        "gain_positive_low": above.low,
        "gain_positive_high": above.high,
    }


def _worst(attacked: pd.DataFrame) -> dict[str, Hashable]:
    """Return the image with the highest gain: the worst case for a victim."""
    gains = attacked["gain_db"]
    if gains.isna().all():
        return dict.fromkeys(("gain_max_db", "gain_max_image", "gain_max_seed"), float("nan"))
    worst = attacked.loc[gains.idxmax()]
    return {
        "gain_max_db": worst["gain_db"],
        "gain_max_image": int(worst["image"]),
        "gain_max_seed": int(worst["seed"]),
    }
