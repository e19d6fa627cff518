"""The correlation experiments: a policy's S_pri against what attackers reconstruct under it."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from reveil import correlations, power
from reveil.errors import ReveilError
from reveil.statistics import (
    NO_INTERVAL,
    Estimate,
    by_image,
    correlation,
    mean_interval,
)
from reveil.tables.estimates import NOBODY, estimate_row
from reveil.tables.labels import NOT_AVAILABLE, SOURCE_TITLES
from reveil.tables.measures import OK, common_settings, prepared
from reveil.tables.published import published_columns

EXPERIMENTS = ("ats-exp10", "ats-w-claim1")
# The attacked models: one for all policies that knew none, or one trained with each policy.
PLAIN, TRAINED = "plain", "trained"
_PREFIX = "plain-"
_SETTING = ["protocol", "dataset", "model", "victim", "attack"]
_MEASURES = ("psnr_db", "gain_db", "floor_db")


def policy_scores(
    images: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    scored_by: Mapping[str, str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Put the S_pri of every policy beside what attackers reconstruct under it.

    Args:
        images: Rows of images.csv. A policy ``plain-3-1-7`` is 3-1-7 on the victims of a model that
            was trained without a policy, any other that of a model trained with it.
        scores: One row per policy and seed, and per ``repeat`` where there are several: columns
            protocol, dataset, model, seed, policy, s_pri; s_pri_low, s_pri_high and status if any.
        scored_by: Protocol of the images -> protocol of the scores, where they have another.
        seed: Seed of the bootstrap.

    Returns:
        One row per protocol, dataset, model, ``victim`` (``plain`` or ``trained``), attack, seed
        and policy that has both, with the means over images ``psnr_db`` (and its interval),
        ``gain_db`` and ``floor_db``, ``n_images`` and ``n_failed``, and over ``repeats`` ``s_pri``.

    Raises:
        ReveilError: no images, none of a scored policy, or several recipes or defences.
    """
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to correlate")
    plain = images["policy"].str.startswith(_PREFIX)
    images = prepared(images.assign(policy=images["policy"].str.removeprefix(_PREFIX)))
    images["victim"] = np.where(plain, PLAIN, TRAINED)
    keys = [*_SETTING, "seed", "policy"]
    rows = []
    for key, attacked in images.groupby(keys, sort=False):
        row = dict(zip(keys, key, strict=True))
        common_settings(attacked, row)
        rows.append(row | _attacked(attacked, seed))
    table = pd.DataFrame(rows)
    by = ["scored", *_SETTING[1:3], "seed", "policy"]
    table["scored"] = table["protocol"].map(lambda name: (scored_by or {}).get(name, name))
    joined = table.merge(_mean_scores(scores), on=by, how="inner").drop(columns="scored")
    if joined.empty:
        raise ReveilError(
            "scores: no policy of the images has one of the same protocol, dataset, model and seed"
        )
    return joined


def _attacked(attacked: pd.DataFrame, seed: int) -> dict[str, Hashable]:
    psnr = mean_interval(by_image(attacked, "psnr_db"), seed=seed)
    return {
        "psnr_db": psnr.value,
        "psnr_low_db": psnr.low,
        "psnr_high_db": psnr.high,
        "gain_db": by_image(attacked, "gain_db").mean(),
        "floor_db": by_image(attacked, "floor_db").mean(),
        "n_images": psnr.n,
        "n_failed": int((attacked["status"] != OK).sum()),
    }


def _mean_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row a policy and seed: means over repeats, and how many there are."""
    if "status" in scores:
        scores = scores[scores["status"] == OK]
    measures = [name for name in ("s_pri", "s_pri_low", "s_pri_high") if name in scores]
    keys = [*_SETTING[:3], "seed", "policy"]
    # A policy that was drawn twice has equal scores.
    scores = scores.drop_duplicates([*keys, *({"repeat"} & set(scores.columns))])
    groups = scores.dropna(subset=["s_pri"]).groupby(keys, sort=False)
    table = groups[measures].mean().join(groups.size().rename("repeats"))
    return table.reset_index().rename(columns={"protocol": "scored"})


def correlation_table(
    table: pd.DataFrame,
    published: pd.DataFrame,
    repeats: pd.DataFrame | None = None,
    *,
    scored_by: Mapping[str, str] | None = None,
    experiments: str | Sequence[str] = EXPERIMENTS,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate S_pri with PSNR and gain over policies, beside the papers' coefficients.

    Seeds are averaged within a policy first. A quantity stands in several rows where its interval
    was made in several ways.

    Args:
        table: Rows of :func:`policy_scores`.
        published: The papers' numbers, which belong to ``plain`` victims.
        repeats: The scores with their repeats, for the correction of the noise of S_pri; it is left
            out without them. What all policies share in one repeat, such as its start points, is
            taken away first: it moves no correlation.
        scored_by: As in :func:`policy_scores`.
        experiments: Experiments whose published coefficients stand beside ours.
        seed: Seed of the bootstrap.

    Returns:
        Rows of :mod:`reveil.tables.estimates` by protocol, dataset, model, victim and attack;
        ``detectable_r`` is the smallest correlation that the number of policies finds with 80 %
        power, ``power_original`` the power to find that of Gao et al. 2021.

    Raises:
        ReveilError: no policies.
    """
    if table.empty:
        raise ReveilError("correlation: there are no policies to correlate over")
    rows = []
    for key, part in table.groupby(_SETTING, sort=True):
        named = dict(zip(_SETTING, key, strict=True))
        means = part.groupby("policy")[["s_pri", *_MEASURES]].mean()
        theirs = _published(published, experiments, named)
        found = _estimates(means, theirs, seed)
        if repeats is not None:
            mine = _repeats(repeats, named, (scored_by or {}).get(str(key[0]), str(key[0])))
            found += _noise_free(mine, means, seed)
        found += _power(len(means), theirs["pearson"])
        rows += [named | row for row in found]
    return pd.DataFrame(rows)


def correlation_notes(table: pd.DataFrame) -> str:
    """Return what the numbers of policies of a :func:`correlation_table` can show, as a caption."""
    shown = table[(table["quantity"] == "pearson_psnr_db")].drop_duplicates("n")
    theirs = [
        None if row["original"] == NOT_AVAILABLE else float(row["original"])
        for _, row in shown.iterrows()
    ]
    pairs = zip(shown["n"], theirs, strict=True)
    return " ".join(power.correlation_statement(int(n), r) for n, r in pairs)


def _published(
    published: pd.DataFrame, experiments: str | Sequence[str], named: Mapping[str, Hashable]
) -> dict[str, dict[str, float | str]]:
    if named["victim"] != PLAIN:
        return {"pearson": dict(NOBODY), "spearman": dict(NOBODY)}
    keys = {key: str(named[key]) for key in ("dataset", "model")}
    return {
        kind: published_columns(published, experiments, f"{kind}_r", **keys)
        for kind in ("pearson", "spearman")
    }


def _estimates(
    means: pd.DataFrame, theirs: Mapping[str, Mapping[str, float | str]], seed: int
) -> list[dict[str, Hashable]]:
    rows = []
    names = {"pearson": "Pearson's r", "spearman": "Spearman's rank correlation"}
    measured = {"psnr_db": "PSNR", "gain_db": "the gain over the floor", "floor_db": "the floor"}
    x = means["s_pri"]
    for measure, what in measured.items():
        for kind, name in names.items():
            beside = theirs[kind] if measure == "psnr_db" else NOBODY
            for estimate in (
                correlation(x, means[measure], kind=kind),
                correlations.bootstrap_correlation(x, means[measure], kind=kind, seed=seed),
            ):
                title = f"{name} of S_pri and {what}"
                rows.append(estimate_row(f"{kind}_{measure}", title, estimate, beside))
    columns = x, means["psnr_db"], means["floor_db"]
    for estimate in (
        correlations.partial_correlation(*columns),
        correlations.bootstrap_correlation(*columns, seed=seed),
    ):
        title = "Partial correlation of S_pri and PSNR given the floor"
        rows.append(estimate_row("partial_psnr_db", title, estimate))
    return rows


def _repeats(repeats: pd.DataFrame, named: Mapping[str, Hashable], scored: str) -> pd.DataFrame:
    """Return the repeated scores of one setting, each repeat of each seed centred."""
    rows = repeats[
        (repeats["protocol"] == scored)
        & (repeats["dataset"] == named["dataset"])
        & (repeats["model"] == named["model"])
    ].drop_duplicates(["seed", "repeat", "policy"])
    common = rows.groupby(["seed", "repeat"])["s_pri"].transform("mean")
    return rows.assign(s_pri=rows["s_pri"] - common)


def _noise_free(repeats: pd.DataFrame, means: pd.DataFrame, seed: int) -> list[dict[str, Hashable]]:
    rows = []
    for measure, what in (("psnr_db", "PSNR"), ("gain_db", "the gain")):
        corrected, share = correlations.attenuated(repeats, means[measure], seed=seed)
        title = f"Pearson's r of S_pri and {what}, corrected for the noise of S_pri"
        rows.append(estimate_row(f"attenuated_{measure}", title, corrected))
    found = correlations.reliability(repeats[repeats["policy"].isin(means.index)])
    noise = Estimate(found.noise_std, np.nan, np.nan, found.n, NO_INTERVAL)
    return [
        *rows,
        estimate_row("reliability", "Reliability of the mean S_pri", share),
        estimate_row("noise_std", "Standard deviation of S_pri between repeats", noise),
    ]


def _power(n: int, theirs: Mapping[str, float | str]) -> list[dict[str, Hashable]]:
    smallest = Estimate(power.detectable_correlation(n), np.nan, np.nan, n, NO_INTERVAL)
    title = "Smallest correlation found with 80 % power"
    rows = [estimate_row("detectable_r", title, smallest)]
    for source, r in theirs.items():
        if r != NOT_AVAILABLE and n >= power.SMALLEST_N:
            chance = Estimate(power.correlation_power(float(r), n), np.nan, np.nan, n, NO_INTERVAL)
            title = f"Power to find the {float(r):.3f} of {SOURCE_TITLES[source]}"
            rows.append(estimate_row(f"power_{source}", title, chance))
    return rows
