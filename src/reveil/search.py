"""The search for a policy: candidates, scores and the choice among them (Gao et al. 2021)."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from reveil.candidates import function_of, operations
from reveil.convolutions import serving
from reveil.job import State
from reveil.library import LIBRARY
from reveil.policies import Policy, parse
from reveil.progress import Progress
from reveil.scores import AccuracyScore, PrivacyScore, Sample
from reveil.statistics import mean_interval
from reveil.views import View

MEASURES = (
    "s_pri",
    "s_pri_std",
    "s_pri_n",
    "s_pri_low",
    "s_pri_high",
    "s_pri_global",
    "s_pri_class_mean",
    "s_pri_class_var",
    "s_acc",
    "s_acc_std",
    "s_acc_n",
    "s_acc_rows",
)
SUBJECT = ("protocol", "dataset", "model", "seed")
COLUMNS = (*SUBJECT, "candidate", "policy", *MEASURES, "status", "reason", "seconds")
REPEAT_COLUMNS = (*SUBJECT, "candidate", "policy", "repeat", "s_pri")
# S_pri of every repeat by itself: kept with a row, and not one of its columns.
_EACH = "s_pri_repeats"

Rows = list[dict[str, Any]]


def score_block(
    candidates: pd.DataFrame, *, subject: Mapping[str, Any], **how: Any
) -> pd.DataFrame:
    """Score candidates; one row each, in their order, with the columns ``COLUMNS``.

    Args:
        candidates: columns candidate and policy.
        subject: protocol, dataset, model and seed, for the rows.
        how: the rest of the arguments of :func:`score_rows`.
    """
    return score_table(score_rows(candidates, **how), candidates, subject)


def score_rows(
    candidates: pd.DataFrame,
    *,
    model: nn.Module,
    make_init: Callable[[int], nn.Module],
    private: Sample,
    accurate: Sample,
    view: View,
    search: Mapping[str, Any],
    seed: int,
    device: torch.device | str = "cpu",
    chunk: int | str = "auto",
    state: State | None = None,
) -> Rows:
    """Score candidates; one row each, for :func:`score_table` and :func:`repeated_privacy`.

    No row depends on the other candidates. Policies with one function are scored once. A
    candidate that cannot be scored is a row of status ``failed`` with the reason.

    Args:
        candidates: columns candidate and policy.
        model: the search model, in eval mode, on ``device``.
        make_init: from a seed to the same architecture at random initialisation.
        private: images of the privacy score.
        accurate: images of the accuracy score, all batches one after the other.
        view: what the network sees of the dataset.
        search: the protocol's switches of the search.
        seed: of all draws.
        state: where finished rows are kept for a later start.
    """
    rows = _resumed(state)
    done = {row["candidate"] for row in rows}
    known = {function_of(row["policy"]): row for row in reversed(rows) if row["status"] == "ok"}
    todo = [c for c in candidates.itertuples(index=False) if c.candidate not in done]
    progress = Progress("candidates scored", len(candidates), done=len(rows))
    if todo:
        settings = {"view": view, "seed": seed, "device": device, "chunk": chunk}
        privacy = privacy_score(model, private, search, **settings)
        accuracy = accuracy_score(make_init, accurate, search, **settings)
        pays = len(candidates) * (privacy.work + accuracy.work) >= serving.LOADING_PAYS
    for candidate in todo:
        key = function_of(candidate.policy)
        started = time.perf_counter()
        if key in known:
            measured = {name: known[key][name] for name in (*MEASURES, _EACH, "status", "reason")}
        else:
            with serving.serving(pays):
                measured = _measure(candidate.policy, key, privacy, accuracy)
        seconds = time.perf_counter() - started
        row = {
            "candidate": int(candidate.candidate),
            "policy": candidate.policy,
            **measured,
            "seconds": seconds,
        }
        if row["status"] == "ok":
            known.setdefault(key, row)
        rows.append(row)
        if state is not None and state.due():
            state.save({}, {"rows": rows})
        progress.step(note=f"{candidate.policy}: S_pri {row['s_pri']:.3f}")
    return rows


def score_table(rows: Rows, candidates: pd.DataFrame, subject: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of candidates in their order, with the columns ``COLUMNS``."""
    table = pd.DataFrame(rows).set_index("candidate").loc[candidates["candidate"]].reset_index()
    return table.assign(**_names(subject))[list(COLUMNS)]


def repeated_privacy(
    rows: Rows, candidates: pd.DataFrame, subject: Mapping[str, Any]
) -> pd.DataFrame:
    """Return S_pri of every repeat by itself, with the columns ``REPEAT_COLUMNS``.

    S_pri of a candidate is the mean over its repeats, 0, 1, ...: each has start points, crops,
    flips and signs of its own, the same for all candidates. What failed has no rows.

    Args:
        rows: what :func:`score_rows` returned for ``candidates``.
    """
    found = {row["candidate"]: row[_EACH] for row in rows}
    long = [
        {"candidate": c.candidate, "policy": c.policy, "repeat": repeat, "s_pri": value}
        for c in candidates.itertuples(index=False)
        for repeat, value in enumerate(found[c.candidate])
    ]
    table = pd.DataFrame(long, columns=["candidate", "policy", "repeat", "s_pri"])
    return table.assign(**_names(subject))[list(REPEAT_COLUMNS)]


def privacy_score(
    model: nn.Module, sample: Sample, search: Mapping[str, Any], **settings: Any
) -> PrivacyScore:
    """Return S_pri under a protocol's switches; ``settings``: view, seed, device, chunk."""
    switches = search["s_pri"]
    chosen = {key: switches[key] for key in ("points", "quadrature", "gradsim", "repeats")}
    return PrivacyScore(model, sample, **settings, **chosen)


def accuracy_score(
    make_init: Callable[[int], nn.Module],
    sample: Sample,
    search: Mapping[str, Any],
    **settings: Any,
) -> AccuracyScore:
    """Return S_acc under a protocol's switches; ``settings``: view, seed, device, chunk."""
    switches = search["s_acc"]
    chosen = {key: switches[key] for key in ("inits", "init_count", "dedup")}
    batches = switches["images"]["batches"]
    return AccuracyScore(make_init, sample, **settings, batches=batches, **chosen)


def interpolation(
    policies: Sequence[Policy], privacy: PrivacyScore, subject: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the gradient similarity at every point of the way from noise to the images.

    One row per policy, image and point (0..1): columns protocol, dataset, model, seed, policy,
    image, point, gradsim (mean over parameter tensors), gradsim_global.
    """
    points = np.linspace(0.0, 1.0, privacy.points + 1)
    index = np.asarray(privacy.sample.index)
    tables = []
    pays = len(policies) * privacy.work >= serving.LOADING_PAYS
    for policy in policies:
        with serving.serving(pays):
            per_tensor, whole = privacy.curves(policy).numpy()
        columns = {
            **_names(subject),
            "policy": policy.name,
            "image": index.repeat(len(points)),
            "point": np.tile(points, len(index)),
            "gradsim": per_tensor.ravel(),
            "gradsim_global": whole.ravel(),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _measure(
    name: str, function: str, privacy: PrivacyScore, accuracy: AccuracyScore
) -> dict[str, Any]:
    known = {operation.index for operation in LIBRARY}
    missing = [i for i in ([] if name == "none" else operations(name)) if i not in known]
    if missing:
        return _failed(f"transformation {missing[0]} does not exist")
    policy = parse(name)
    repeats, whole = privacy.repeated(policy)
    images = repeats.mean(0)
    batches = accuracy(policy, function)
    if not (images.isfinite().all() and batches.isfinite().all()):
        return _failed("a score is not finite")
    interval = mean_interval(images.numpy())
    class_mean, class_variance = _over_classes(images, privacy.sample.labels)
    return {
        "s_pri": interval.value,
        "s_pri_std": _deviation(images),
        "s_pri_n": len(images),
        "s_pri_low": interval.low,
        "s_pri_high": interval.high,
        "s_pri_global": whole.mean().item(),
        "s_pri_class_mean": class_mean,
        "s_pri_class_var": class_variance,
        "s_acc": batches.mean().item(),
        "s_acc_std": _deviation(batches),
        "s_acc_n": len(batches),
        "s_acc_rows": accuracy.counts.double().mean().item(),
        _EACH: repeats.mean(1).tolist(),
        "status": "ok",
        "reason": "",
    }


def _failed(reason: str) -> dict[str, Any]:
    empty = dict.fromkeys(MEASURES, math.nan)
    return {**empty, "s_pri_n": 0, "s_acc_n": 0, _EACH: [], "status": "failed", "reason": reason}


def _deviation(values: torch.Tensor) -> float:
    return values.std().item() if len(values) > 1 else math.nan


def _over_classes(images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Return the mean and the variance (ddof 0) over classes of the mean score of each class."""
    means = pd.Series(images.numpy()).groupby(labels.numpy()).mean()
    return float(means.mean()), float(means.var(ddof=0))


def _resumed(state: State | None) -> Rows:
    loaded = None if state is None else state.load()
    return [] if loaded is None else loaded[1]["rows"]


def _names(subject: Mapping[str, Any]) -> dict[str, Any]:
    return {key: subject[key] for key in SUBJECT}
