"""What training, search and attacks cost, beside the papers, and what an experiment will take."""

from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from reveil.errors import ReveilError, not_allowed
from reveil.statistics import NO_INTERVAL, Estimate, mean_interval
from reveil.tables.estimates import estimate_row
from reveil.tables.labels import NOT_AVAILABLE
from reveil.tables.published import published_columns
from reveil.tables.search import OK

# Quantity of one unit of work -> per source: the published metric and the seconds a unit that one
# of its value makes. An attack on 100 images is of 4,800 iterations each.
_THEIRS = {
    "seconds_per_epoch": {
        "drabent2022": ("cost_train_200_epochs_minutes", 60 / 200),
        "warmerdam2022": ("cost_train_200_epochs_hours", 3600 / 200),
    },
    "seconds_per_candidate": {"warmerdam2022": ("cost_search_minutes_per_policy", 60)},
    "seconds_per_image_iteration": {
        "drabent2022": ("cost_attack_2500_iterations_minutes", 60 / 2500),
        "warmerdam2022": ("cost_attack_100_images_hours", 3600 / (100 * 4800)),
    },
}
# Work that comes in units, and the quantity that one costs.
UNITS = {
    "training": "seconds_per_epoch",
    "search": "seconds_per_candidate",
    "attack": "seconds_per_image_iteration",
}
_PLACE = ["dataset", "model"]
_BENCHMARK = ("s", "max_rss", "mean_load", "cpu_time")


def read_benchmarks(files: Mapping[str, Mapping[str, Hashable]]) -> pd.DataFrame:
    """Return the benchmark files that Snakemake wrote, one row a run of a job.

    Args:
        files: Path -> columns that say what it is of, ``rule`` among them.

    Returns:
        These columns and ``s`` (seconds), ``max_rss`` (MB), ``mean_load`` (percent of a core) and
        ``cpu_time`` (seconds), NaN where a job ended before it was looked at.

    Raises:
        ReveilError: a file that cannot be read or is no benchmark.
    """
    parts = []
    for path, named in files.items():
        try:
            table = pd.read_csv(Path(path), sep="\t", na_values=["-", "NA"])
        except (OSError, ValueError) as error:
            raise ReveilError(f"{path}: cannot be read as a benchmark ({error})") from None
        if missing := [column for column in _BENCHMARK if column not in table]:
            raise ReveilError(f"{path}: no benchmark of Snakemake; columns missing: {missing}")
        parts.append(table[list(_BENCHMARK)].astype(float).assign(**named))
    if not parts:
        return pd.DataFrame(columns=["rule", *_BENCHMARK])
    return pd.concat(parts, ignore_index=True)


def cost_table(
    models: pd.DataFrame,
    scores: pd.DataFrame,
    images: pd.DataFrame,
    jobs: pd.DataFrame,
    published: pd.DataFrame,
    *,
    restarts: Mapping[str, int] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what training, search and attacks cost in seconds, beside the papers' timings.

    The papers' are of other machines: a GTX 1080 (Drabent et al. 2022) and a GTX 1080 Ti
    (Warmerdam et al. 2022).

    Args:
        models: Rows of models.csv.
        scores: Rows of scores.csv. What does the same as an earlier candidate costs nothing, and
            counts: the seconds are those of a candidate drawn.
        images: Rows of images.csv. Images that were worked on together have one measurement.
        jobs: Rows of :func:`read_benchmarks`, with at least ``rule``.
        published: The papers' numbers.
        restarts: Restarts of each attack that has several: its iterations are those of one.
        seed: Seed of the bootstrap.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by dataset, model, ``stage`` (training, search,
        attack, job) and ``of`` (the recipe, protocol, attack or rule); jobs are of no one dataset.
    """
    rows = [
        *_training(models, seed),
        *_search(scores, seed),
        *_attacks(images, restarts or {}, seed),
    ]
    for row in rows:
        theirs = _THEIRS.get(row["quantity"], {})
        for source, (metric, seconds) in theirs.items():
            keys = {name: row[name] for name in _PLACE}
            value = published_columns(published, "cost", metric, **keys)[source]
            if value != NOT_AVAILABLE:
                row[source] = seconds * float(value)
    return pd.DataFrame([*rows, *_jobs(jobs)])


def gpu_hours(costs: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Predict the hours of experiments from the measured seconds of a unit of work.

    Args:
        costs: Rows of :func:`cost_table`.
        units: Columns experiment, dataset, model, ``stage`` (training, search or attack), ``of``,
            and ``units``: epochs, candidates, or images times iterations times restarts.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by experiment, n being the kinds of work. The
        interval adds the ends of those of the units, as if all erred together. An experiment with
        work that was not measured has no value.

    Raises:
        ReveilError: an unknown stage.
    """
    for stage in units["stage"].unique():
        if stage not in UNITS:
            raise ReveilError(not_allowed("stage", stage, UNITS))
    of = [*_PLACE, "stage", "of"]
    wanted = units.assign(quantity=units["stage"].map(UNITS))
    known = costs.drop_duplicates([*of, "quantity"])[[*of, "quantity", "value", "low", "high"]]
    joined = wanted.merge(known, on=[*of, "quantity"], how="left")
    rows = []
    for experiment, work in joined.groupby("experiment", sort=False):
        hours = work[["value", "low", "high"]].mul(work["units"] / 3600, axis=0).sum(skipna=False)
        found = Estimate(*map(float, hours), len(work), "sum")
        rows.append({"experiment": experiment} | estimate_row("gpu_hours", "Hours", found))
    return pd.DataFrame(rows)


def _training(models: pd.DataFrame, seed: int) -> list[dict[str, Hashable]]:
    rows = []
    for (dataset, model, recipe), part in models.groupby([*_PLACE, "recipe"], sort=True):
        named = {"dataset": dataset, "model": model, "stage": "training", "of": recipe}
        epoch = mean_interval(part["train_seconds"] / part["epochs"], seed=seed)
        whole = mean_interval(part["train_seconds"], seed=seed)
        rows += [
            named | estimate_row("seconds_per_epoch", "Seconds an epoch", epoch),
            named | estimate_row("seconds_per_training", "Seconds a training", whole),
        ]
    return rows


def _search(scores: pd.DataFrame, seed: int) -> list[dict[str, Hashable]]:
    rows = []
    scored = scores[scores["status"] == OK]
    for (dataset, model, protocol), part in scored.groupby([*_PLACE, "protocol"], sort=True):
        named = {"dataset": dataset, "model": model, "stage": "search", "of": protocol}
        found = mean_interval(part["seconds"], seed=seed)
        rows.append(named | estimate_row("seconds_per_candidate", "Seconds a candidate", found))
    return rows


def _attacks(
    images: pd.DataFrame, restarts: Mapping[str, int], seed: int
) -> list[dict[str, Hashable]]:
    rows = []
    done = images[(images["status"] == OK) & (images["iterations"] > 0)]
    for (dataset, model, attack), part in done.groupby([*_PLACE, "attack"], sort=True):
        named = {"dataset": dataset, "model": model, "stage": "attack", "of": attack}
        # Images that were worked on together share the time, evenly divided.
        together = ["protocol", "policy", "recipe", "defence", "seed", "wall_seconds"]
        chunks = part.groupby(together)["iterations"].mean().reset_index()
        steps = chunks["iterations"] * restarts.get(str(attack), 1)
        step = mean_interval(chunks["wall_seconds"] / steps, seed=seed)
        whole = mean_interval(chunks["wall_seconds"], seed=seed)
        title = "Seconds an image and iteration"
        rows += [
            named | estimate_row("seconds_per_image_iteration", title, step),
            named | estimate_row("seconds_per_image", "Seconds an image", whole),
        ]
    return rows


def _jobs(jobs: pd.DataFrame) -> list[dict[str, Hashable]]:
    rows = []
    for rule, part in jobs.groupby("rule", sort=True):
        named = {"dataset": "", "model": "", "stage": "job", "of": rule}
        sums = {
            "hours": ("Hours of all jobs", part["s"].sum() / 3600),
            "cpu_hours": ("Hours of processor time", part["cpu_time"].sum() / 3600),
            "max_rss_mb": ("Most memory, MB", part["max_rss"].max()),
            "mean_load_pct": ("Mean load, % of a core", part["mean_load"].mean()),
        }
        rows += [
            named
            | estimate_row(
                name, title, Estimate(float(value), np.nan, np.nan, len(part), NO_INTERVAL)
            )
            for name, (title, value) in sums.items()
        ]
    return rows
