"""What training, search and attacks cost, beside the papers, and what an experiment will take."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

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
# The attack that stands for all that were not measured.
_STANDARD_ATTACK = "inversed"
_PLACE = ["dataset", "model"]
_ENDS = ("value", "low", "high")
_BENCHMARK = ("s", "max_rss", "mean_load", "cpu_time")


def read_benchmarks(files: Mapping[str, Mapping[str, Hashable]]) -> pd.DataFrame:
    """Return the benchmark files that Snakemake wrote, one row a run of a job.

    Args:
        files: Path -> columns that say what it is of, ``rule`` among them.

    Returns:
        These columns and ``s`` (seconds), ``max_rss`` (MB), ``mean_load`` (percent of a core) and
        ``cpu_time`` (seconds), NaN where a job ended before it was looked at. Where the job was
        forked from a process that had loaded its libraries, Snakemake looked at another one: the
        last three are then what the job noted of itself beside its log.

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
        rows = table[list(_BENCHMARK)].astype(float)
        parts.append(rows.assign(**_noted(Path(path), rows["s"]), **named))
    if not parts:
        return pd.DataFrame(columns=["rule", *_BENCHMARK])
    return pd.concat(parts, ignore_index=True)


def _noted(benchmark: Path, seconds: pd.Series) -> dict[str, Any]:
    """Return what a preloaded job measured of itself, by the columns of a benchmark file."""
    try:
        said = json.loads(benchmark.with_suffix(".json").read_text(encoding="utf-8"))
        if not said["preloaded"]:
            return {}
        processor, memory = float(said["cpu_seconds"]), said["peak_mb"]
    # Of a job that left no note, or an earlier version's.
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {"max_rss": memory, "cpu_time": processor, "mean_load": 100 * processor / seconds}


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
        No interval reaches below 0 seconds.
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

    Work of a kind that was not measured is taken from another kind of the same dataset and model:
    an attack from ``inversed``, at the same seconds an image and iteration; a search from the
    protocol whose candidates took longest; a training from the recipe that it is derived from
    (``full`` for ``full-after-100`` and ``full-with-prune-70``), or else from that with the most
    similar number of images an epoch, in proportion to these images.

    Args:
        costs: Rows of :func:`cost_table`.
        units: Columns experiment, dataset, model, ``stage`` (training, search or attack), ``of``,
            ``units``: epochs, candidates, or images times iterations times restarts, and
            ``images`` an epoch of a training.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by experiment, n being the kinds of work, and
        ``assumed``, how many of them were taken from another kind. The interval adds the ends of
        those of the units, as if all erred together. An experiment with work on a dataset and model
        of which no work of that stage was measured has no value.

    Raises:
        ReveilError: an unknown stage.
    """
    for stage in units["stage"].unique():
        if stage not in UNITS:
            raise ReveilError(not_allowed("stage", stage, UNITS))
    known = costs[costs["quantity"].isin(UNITS.values())].dropna(subset=["value"])
    measured = {key: part.set_index("of") for key, part in known.groupby([*_PLACE, "stage"])}
    seconds = pd.DataFrame(
        [_seconds(work, measured, units) for work in units.to_dict("records")], index=units.index
    )
    rows = []
    for experiment, work in units.join(seconds).groupby("experiment", sort=False):
        hours = work[list(_ENDS)].mul(work["units"] / 3600, axis=0).sum(skipna=False)
        assumed = int(work["assumed"].sum())
        how = NO_INTERVAL if hours.isna().any() else "sum"
        title = f"Hours, {assumed} of {len(work)} kinds of work taken from another kind"
        found = Estimate(*map(float, hours), len(work), how)
        row = estimate_row("gpu_hours", title if assumed else "Hours", found)
        rows.append({"experiment": experiment} | row | {"assumed": assumed})
    return pd.DataFrame(rows)


def _seconds(
    work: Mapping[Hashable, Any], measured: Mapping[Any, pd.DataFrame], units: pd.DataFrame
) -> dict[str, float | bool]:
    """Return what one unit of a kind of work takes, and whether it was taken from another kind."""
    known = measured.get((work["dataset"], work["model"], work["stage"]))
    source, share = work["of"], 1.0
    if known is None or source not in known.index:
        source, share = _stand_in(work, known, units)
    if known is None or source is None:
        return dict.fromkeys(_ENDS, np.nan) | {"assumed": False}
    ends = {name: share * float(known.loc[source, name]) for name in _ENDS}
    return ends | {"assumed": source != work["of"]}


def _stand_in(
    work: Mapping[Hashable, Any], known: pd.DataFrame | None, units: pd.DataFrame
) -> tuple[str | None, float]:
    """Return the measured kind of work nearest to another, and how much a unit is of its units."""
    if known is None:
        return None, 1.0
    if work["stage"] == "search":
        return str(known["value"].idxmax()), 1.0
    if work["stage"] == "attack":
        return (_STANDARD_ATTACK if _STANDARD_ATTACK in known.index else None), 1.0
    here = units[[*_PLACE, "stage"]].eq([work[name] for name in (*_PLACE, "stage")]).all(axis=1)
    images = units[here].drop_duplicates("of").set_index("of")["images"]
    shares = work["images"] / images[images.index.isin(known.index)]

    def distance(name: str) -> tuple[bool, float, str]:
        derived = str(work["of"]).startswith((f"{name}-with-", f"{name}-after-"))
        return not derived, abs(np.log(shares[name])), name

    nearest = min(shares.index, key=distance, default=None)
    return nearest, 1.0 if nearest is None else float(shares[nearest])


def _mean_seconds(seconds: pd.Series, seed: int) -> Estimate:
    """Return the mean, its interval cut off at 0, which that of few measurements may pass."""
    found = mean_interval(seconds, seed=seed)
    return replace(found, low=float(np.maximum(found.low, 0)))


def _training(models: pd.DataFrame, seed: int) -> list[dict[str, Hashable]]:
    rows = []
    for (dataset, model, recipe), part in models.groupby([*_PLACE, "recipe"], sort=True):
        named = {"dataset": dataset, "model": model, "stage": "training", "of": recipe}
        epoch = _mean_seconds(part["train_seconds"] / part["epochs"], seed)
        whole = _mean_seconds(part["train_seconds"], seed)
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
        found = _mean_seconds(part["seconds"], seed)
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
        step = _mean_seconds(chunks["wall_seconds"] / steps, seed)
        whole = _mean_seconds(chunks["wall_seconds"], seed)
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
