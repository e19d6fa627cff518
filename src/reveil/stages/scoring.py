"""Score policies on the tiny model: candidates, lists, and GradSim along the interpolation."""

from dataclasses import replace
from typing import Any

import pandas as pd
import torch

from reveil import datasets, models, policies
from reveil.digest import file_digest
from reveil.job import State
from reveil.scores import Sample
from reveil.search import (
    Rows,
    interpolation,
    privacy_score,
    repeated_privacy,
    score_rows,
    score_table,
)
from reveil.splits import Splits
from reveil.stages.work import Work, dataset_folder
from reveil.views import View, view_for


def score_policies(
    work: Work, candidates: pd.DataFrame, *, prepared: str, weights: str
) -> tuple[pd.DataFrame, State]:
    """Score candidates, going on from an earlier state of the same job.

    Args:
        work: ``named`` holds protocol, dataset, model and seed, ``switches`` those of the search
            that a score depends on and the recipe of the search model.
        candidates: columns candidate and policy.
        prepared: path of an array of the prepared dataset.
        weights: checkpoint of the search model.

    Returns:
        A row per candidate, and the job's state, to be cleared once they are written.

    Raises:
        ReveilError: a file is missing or damaged, or the images are not there.
    """
    rows, state = _score(work, candidates, prepared=prepared, weights=weights)
    return score_table(rows, candidates, work.named), state


def score_list(
    work: Work, listed: pd.DataFrame, repeats: int, *, prepared: str, weights: str
) -> tuple[pd.DataFrame, pd.DataFrame, State]:
    """Score the policies of a list several times, going on from an earlier state of the same job.

    Args:
        work: as for :func:`score_policies`.
        listed: columns candidate, policy and group, as :func:`reveil.candidates.policy_list` has.
        repeats: draws of S_pri per policy, in place of the protocol's.

    Returns:
        A row per policy as of :func:`score_policies`, its S_pri the mean over the repeats; a row
        per policy and repeat; both with the column group; and the job's state.

    Raises:
        ReveilError: a file is missing or damaged, or the images are not there.
    """
    search = work.switches["search"]
    search = {**search, "s_pri": {**search["s_pri"], "repeats": repeats}}
    work = replace(work, switches={**work.switches, "search": search})
    rows, state = _score(work, listed, prepared=prepared, weights=weights)
    groups = listed.set_index("candidate")["group"]
    scores, each = (
        table.assign(group=table["candidate"].map(groups))
        for table in (make(rows, listed, work.named) for make in (score_table, repeated_privacy))
    )
    return scores, each, state


def trace_policy(work: Work, path: str, *, prepared: str, weights: str) -> pd.DataFrame:
    """Return GradSim at every point between noise and image under one policy.

    Args:
        work: as for :func:`score_policies`.
        path: the policy file.

    Raises:
        ReveilError: a file is missing or damaged, or the images are not there.
    """
    model, _ = models.load_model(weights, work.job.device)
    sample = _sample(work, Splits.open(dataset_folder(prepared)), "s_pri")
    how: dict[str, Any] = {"seed": work.seed, "device": work.job.device, "chunk": work.items}
    privacy = privacy_score(model, sample, work.switches["search"], view=_view(work), **how)
    return interpolation([policies.read(path)], privacy, work.named)


def _score(
    work: Work, candidates: pd.DataFrame, *, prepared: str, weights: str
) -> tuple[Rows, State]:
    search = work.switches["search"]
    view, splits = _view(work), Splits.open(dataset_folder(prepared))
    model, facts = models.load_model(weights, work.job.device)
    channels, size, _ = view.shape
    classes = datasets.get(work.named["dataset"]).classes

    def make_init(seed: int) -> torch.nn.Module:
        built = models.build(facts["model"], channels, size, classes, seed=seed)
        return built.to(work.job.device).eval()

    state = work.state(work.identity(weights=file_digest(weights)))
    rows = score_rows(
        candidates,
        model=model,
        make_init=make_init,
        private=_sample(work, splits, "s_pri"),
        accurate=_sample(work, splits, "s_acc"),
        view=view,
        search=search,
        seed=work.seed,
        device=work.job.device,
        chunk=work.items,
        state=state,
    )
    return rows, state


def _view(work: Work) -> View:
    return view_for(datasets.get(work.named["dataset"]), work.switches["recipe"])


def _sample(work: Work, splits: Splits, score: str) -> Sample:
    rule = work.switches["search"][score]["images"]
    picked = splits.pick(rule, work.switches["recipe"]["holdout"])
    images, labels = torch.from_numpy(picked.images), torch.from_numpy(picked.labels)
    return Sample(images, labels, picked.index.tolist())
