"""The policy table: what each policy costs the attacker and the model, beside the papers."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from reveil import policies
from reveil.errors import ReveilError
from reveil.statistics import (
    PSNR_CEILING_DB,
    Estimate,
    by_image,
    finite_psnr,
    mean_interval,
    paired_difference,
    share_interval,
    standard_deviation,
)
from reveil.tables.labels import SOURCE_TITLES, policy_label, policy_order
from reveil.tables.published import published_value

OK = "ok"
SCENARIO = ["protocol", "dataset", "model", "attack", "defence"]
_PSNR = ["psnr_db", "psnr_original_db", "psnr_content_db"]
_FLOORS = ["floor_db", "floor_random_db", "floor_mean_db", "floor_black_db"]
_PUBLISHED_METRICS = ("psnr_db", "accuracy_pct")


def policy_table(
    images: pd.DataFrame,
    models: pd.DataFrame,
    published: pd.DataFrame,
    judges: Mapping[str, Mapping[str, Any]],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Summarise attacked images: one row per protocol, dataset, model, attack, defence and policy.

    A policy found by a search has another name under every seed; its rows are gathered under its
    role (``found-1``). Intervals are over images, each with its mean over seeds; ``psnr_std_db`` is
    the papers' deviation over the images of one seed, averaged over seeds, and
    ``psnr_seed_std_db`` the deviation of the seeds' means. Failed images enter ``n_failed`` alone.

    Args:
        images: The tidy table, one row per attacked image, policy and seed.
        models: One row per trained model, with clean and transformed test accuracy in percent.
        published: The papers' numbers.
        judges: Per protocol the switches ``accuracy_on`` (clean, transformed or both; the other
            accuracy stays empty), ``std_ddof`` (0 or 1) and ``baseline`` (none or crop-flip, the
            row that ``difference_*`` is measured from, image by image).
        seed: Seed of the bootstrap.

    Raises:
        ReveilError: no images, or a protocol without judge.
    """
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to summarise")
    images = _prepared(images)
    rows = []
    for keys, scenario in images.groupby(SCENARIO, sort=True):
        context = dict(zip(SCENARIO, map(str, keys), strict=True))
        judge = _judge(judges, context["protocol"])
        baseline = by_image(scenario[scenario["role"] == judge["baseline"]], "psnr_db")
        order = {
            role: policy_order(role, context["dataset"], context["model"])
            for role in scenario["role"].unique()
        }
        for role in sorted(order, key=order.__getitem__):
            attacked = scenario[scenario["role"] == role]
            row = context | {
                "policy": role,
                "label": policy_label(role, context["dataset"], context["model"]),
            }
            row |= _attack_columns(attacked, judge, seed)
            reference = baseline if role != judge["baseline"] else baseline.iloc[:0]
            difference = paired_difference(by_image(attacked, "psnr_db"), reference, seed=seed)
            row |= _columns("difference", difference, "_db") | {"difference_n": difference.n}
            row |= _accuracy_columns(attacked, models, judge)
            row |= _published_columns(published, row)
            rows.append(row)
    return pd.DataFrame(rows)


def _judge(judges: Mapping[str, Mapping[str, Any]], protocol: str) -> Mapping[str, Any]:
    if protocol not in judges:
        raise ReveilError(
            f"protocol: {protocol!r} of the tidy table has no judge; known: {', '.join(judges)}"
        )
    return judges[protocol]


def _prepared(images: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with roles, capped PSNR, and no measures where the attack failed."""
    images = images.copy()
    images["role"] = images["policy"].map(policies.role)
    measures = [*_PSNR, *_FLOORS, "gain_db", "ssim"]
    images[measures] = images[measures].astype(float).where(images["status"] == OK)
    images["exact"] = images["psnr_db"] > PSNR_CEILING_DB
    # A floor is infinite too where the victim is of one colour: black after two shifts by half.
    images[_PSNR + _FLOORS] = finite_psnr(images[_PSNR + _FLOORS])
    images["gain_db"] = images["psnr_db"] - images["floor_db"]
    return images


def _columns(name: str, estimate: Estimate, unit: str = "") -> dict[str, Hashable]:
    return {
        f"{name}_mean{unit}": estimate.value,
        f"{name}_low{unit}": estimate.low,
        f"{name}_high{unit}": estimate.high,
    }


def _attack_columns(
    attacked: pd.DataFrame, judge: Mapping[str, Any], seed: int
) -> dict[str, Hashable]:
    ddof = int(judge["std_ddof"])
    psnr = mean_interval(by_image(attacked, "psnr_db"), seed=seed)
    gains = by_image(attacked, "gain_db")
    above = share_interval(float((gains > 0).mean()), len(gains))
    per_seed = attacked.groupby("seed")["psnr_db"]
    row: dict[str, Hashable] = {
        "n_images": psnr.n,
        "n_seeds": attacked["seed"].nunique(),
        "n_failed": int((attacked["status"] != OK).sum()),
        "n_exact": int(attacked["exact"].sum()),
    }
    row |= _columns("psnr", psnr, "_db")
    row |= {
        "interval": psnr.method,
        "psnr_std_db": per_seed.apply(standard_deviation, ddof=ddof).mean(),
        "psnr_seed_std_db": standard_deviation(per_seed.mean(), ddof=1),
        "psnr_max_db": attacked["psnr_db"].max(),
        "psnr_original_mean_db": by_image(attacked, "psnr_original_db").mean(),
        "psnr_content_mean_db": by_image(attacked, "psnr_content_db").mean(),
    }
    for floor in _FLOORS:
        row[floor] = by_image(attacked, floor).mean()
    row |= _columns("gain", mean_interval(gains, seed=seed), "_db")
    row |= {
        "gain_positive_share": above.value,
        "gain_positive_low": above.low,
        "gain_positive_high": above.high,
    }
    return row | _columns("ssim", mean_interval(by_image(attacked, "ssim"), seed=seed))


def _accuracy_columns(
    attacked: pd.DataFrame, models: pd.DataFrame, judge: Mapping[str, Any]
) -> dict[str, Hashable]:
    """Return the test accuracies of the models behind the rows, in percent.

    All seeds judge the same test images, so the interval is Wilson's for the mean accuracy on
    ``n_test`` images; the variance of training is in the deviation over seeds.
    """
    wanted = attacked[["dataset", "model", "policy", "recipe", "seed"]].drop_duplicates()
    wanted = wanted.assign(policy=wanted["policy"].map(policies.trained_name)).drop_duplicates()
    used = wanted.merge(models, on=list(wanted.columns), how="inner")
    n_test = int(used["n_test"].min()) if len(used) else 0
    row: dict[str, Hashable] = {"n_models": len(used), "n_test": n_test}
    for measure in ("clean", "transformed"):
        shown = judge["accuracy_on"] in (measure, "both")
        values = used[f"accuracy_{measure}_pct"] if shown else used["n_test"].iloc[:0]
        estimate = share_interval(values.mean() / 100, n_test)
        row |= {
            f"accuracy_{measure}_pct": 100 * estimate.value,
            f"accuracy_{measure}_low_pct": 100 * estimate.low,
            f"accuracy_{measure}_high_pct": 100 * estimate.high,
            f"accuracy_{measure}_seed_std_pct": standard_deviation(values, ddof=1),
        }
    return row


def _published_columns(
    published: pd.DataFrame, row: Mapping[str, Hashable]
) -> dict[str, float | str]:
    keys = {key: str(row[key]) for key in ("dataset", "model", "policy", "attack", "defence")}
    return {
        f"{source}_{metric}": published_value(published, source, metric, **keys)
        for source in SOURCE_TITLES
        for metric in _PUBLISHED_METRICS
    }
