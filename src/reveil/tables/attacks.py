"""The table of an experiment: what each of its rows costs the attacker and the model."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from reveil.errors import ReveilError, not_allowed
from reveil.pairing import paired
from reveil.power import detectable_difference
from reveil.statistics import mean_interval, standard_deviation
from reveil.tables.accuracy import accuracy_columns
from reveil.tables.labels import SOURCE_TITLES, policy_label, policy_order
from reveil.tables.measures import (
    common_settings,
    interval_columns,
    measure_columns,
    prepared,
)
from reveil.tables.published import NOT_AVAILABLE, published_row

SUBJECT = ["protocol", "dataset", "model"]


def attack_table(
    images: pd.DataFrame,
    models: pd.DataFrame,
    published: pd.DataFrame,
    judges: Mapping[str, Mapping[str, Any]],
    *,
    experiment: str | Sequence[str],
    by: Sequence[str],
    baseline: Mapping[str, Hashable] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Summarise attacked images: one row per protocol, dataset, model and combination of ``by``.

    A policy found by a search has another name under every seed; its rows are gathered under its
    role (``found-1``). Intervals are over images, each with its mean over seeds; ``psnr_std_db`` is
    the papers' deviation over the images of one seed, averaged over seeds, and columns with
    ``seed_std`` the deviation of the seeds' means. Failed images enter ``n_failed`` alone. Columns
    that rest on a measure which ``images`` lacks are left out.

    Args:
        images: The tidy table, one row per attacked image and setting.
        models: One row per trained model, with clean and transformed test accuracy in percent.
        published: The papers' numbers.
        judges: Per protocol the switches ``accuracy_on`` (clean, transformed or both; the other
            accuracy stays empty), ``std_ddof`` (0 or 1) and ``baseline`` (none or crop-flip).
        experiment: Experiments whose published numbers stand beside the rows.
        by: Columns of ``images`` that make the rows of one protocol, dataset and model, in their
            order in the table: policy, attack, defence, recipe, batch. Those left out stand behind
            them.
        baseline: Columns and values that turn a row into the one its differences are measured
            from, image by image: ``{"attack": "inversed"}`` is the same row under that attack. By
            default the policy that the protocol's judge names.
        seed: Seed of the bootstrap.

    Returns:
        Rows in the order of the papers' policies, and of first appearance for all else.

    Raises:
        ReveilError: no images, a protocol without judge, a column that is none, or a row that
            would mix two settings.
    """
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to summarise")
    for column in by:
        if column not in images:
            raise ReveilError(not_allowed("by", column, images.columns))
    images = prepared(images)
    # By role, so that policies of different searches stand in one row.
    images = images.assign(found=images["policy"], policy=images["role"])
    keys = [*SUBJECT, *by]
    for column in baseline or {}:
        if column not in keys:
            raise ReveilError(not_allowed("baseline", column, keys))
    groups = {key: rows for key, rows in images.groupby(keys, sort=False)}
    rows = []
    for key in sorted(groups, key=_order(images, keys)):
        attacked, named = groups[key], dict(zip(keys, key, strict=True))
        judge = _judge(judges, str(named["protocol"]))
        settings = common_settings(attacked, named)
        row = named | _labels(named, settings)
        row |= measure_columns(attacked, int(judge["std_ddof"]), seed)
        change = {"policy": judge["baseline"]} if baseline is None else baseline
        reference = groups.get(tuple((named | change)[column] for column in keys))
        if reference is attacked or set(change) - set(keys):
            reference = None
        told = ", ".join(f"{column} {value}" for column, value in change.items())
        row["baseline"] = "" if reference is None else told
        row |= difference_columns(attacked, reference, seed)
        behind = attacked.assign(policy=attacked["found"])
        row |= accuracy_columns(behind, models, str(judge["accuracy_on"]))
        row |= _published_columns(published, experiment, settings)
        rows.append(row)
    return pd.DataFrame(rows)


def difference_columns(
    attacked: pd.DataFrame, reference: pd.DataFrame | None, seed: int
) -> dict[str, Hashable]:
    """Return the paired differences of PSNR and gain to the rows of the baseline, if there are any.

    ``seed_std`` is the deviation over seeds of the difference that one seed gives, ``detectable``
    the smallest difference of gain that as many images find with 80 % power.
    """
    if reference is None:
        reference = attacked.iloc[:0]
    row: dict[str, Hashable] = {}
    for column, name in (("psnr_db", "difference"), ("gain_db", "gain_difference")):
        both = paired(attacked, reference, (column, column))
        away = both["own"] - both["other"]
        of_images = away.groupby(both["image"]).mean()
        estimate = mean_interval(of_images, seed=seed)
        row |= interval_columns(name, estimate, "_db")
        of_seeds = away.groupby(both["seed"]).mean()
        row[f"{name}_seed_std_db"] = standard_deviation(of_seeds, ddof=1)
    spread = standard_deviation(of_images, ddof=1)
    least = detectable_difference(spread, estimate.n)
    return row | {"gain_difference_detectable_db": least, "difference_n": estimate.n}


def _order(images: pd.DataFrame, keys: Sequence[str]) -> Any:
    """Return a sort key for the groups of ``keys``, whose values are a tuple in that order."""
    appeared = {column: list(images[column].unique()) for column in keys}
    policy, dataset, model = (
        keys.index(column) if column in keys else None for column in ("policy", "dataset", "model")
    )

    def position(key: tuple[Hashable, ...]) -> tuple[Any, ...]:
        parts: list[Any] = [str(value) for value in key[: len(SUBJECT)]]
        for place, value in enumerate(key[len(SUBJECT) :], start=len(SUBJECT)):
            if place == policy:
                parts.append(policy_order(str(value), str(key[dataset]), str(key[model])))
            else:
                parts.append(appeared[keys[place]].index(value))
        return tuple(parts)

    return position


def _judge(judges: Mapping[str, Mapping[str, Any]], protocol: str) -> Mapping[str, Any]:
    if protocol not in judges:
        raise ReveilError(
            f"protocol: {protocol!r} of the tidy table has no judge; known: {', '.join(judges)}"
        )
    return judges[protocol]


def _labels(named: Mapping[str, Hashable], settings: Mapping[str, Hashable]) -> dict[str, Hashable]:
    """Return the policy's name for readers, and the settings that all images have in common."""
    label: dict[str, Hashable] = {}
    if "policy" in named:
        parts = (str(named[column]) for column in ("policy", "dataset", "model"))
        label["label"] = policy_label(*parts)
    return label | {c: value for c, value in settings.items() if c not in named}


def _published_columns(
    published: pd.DataFrame, experiment: str | Sequence[str], settings: Mapping[str, Hashable]
) -> dict[str, float | str]:
    keys = {k: str(settings[k]) for k in ("dataset", "model", "policy", "attack", "defence")}
    row: dict[str, float | str] = {}
    for source in SOURCE_TITLES:
        psnr = published_row(published, experiment, source, "psnr_db", **keys)
        accuracy = published_row(published, experiment, source, "accuracy_pct", **keys)
        row |= {
            f"{source}_psnr_db": _cell(psnr, "value"),
            f"{source}_psnr_std_db": _cell(psnr, "std"),
            f"{source}_psnr_n": _cell(psnr, "n_images"),
            f"{source}_accuracy_pct": _cell(accuracy, "value"),
        }
    return row


def _cell(row: pd.Series | None, column: str) -> float | str:
    if row is None or column not in row or pd.isna(row[column]):
        return NOT_AVAILABLE
    return float(row[column])
