"""The published numbers: which value of which paper belongs beside which row."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from reveil import datasets, policies
from reveil.errors import ReveilError
from reveil.tables.labels import NOT_AVAILABLE, SOURCE_TITLES, dataset_title, model_title

# Drabent et al. 2022, Table 1, with the values of Gao et al. 2021 quoted by the replications, and
# Warmerdam et al. 2022, Table 1.
POLICY_EXPERIMENTS = ("ats-exp03", "ats-w-claim2")
# Dataset -> source -> indices of the five single transformations with the lowest S_pri, all on
# ResNet20-4: Gao et al. 2021 as quoted, and Drabent et al. 2022, Experiment 9 and Extension 2.
TOP_FIVE = {
    "cifar100": {"original": (3, 15, 26, 18, 1), "drabent2022": (1, 3, 15, 18, 21)},
    "tiny-imagenet-200": {"drabent2022": (0, 1, 13, 15, 18)},
}
TOP_FIVE_SOURCES = ("original", "drabent2022")
# The papers give the two widths and the two depths these names; a name of ours that is not here
# goes by its title. "ConvNet" is 8 convolutions in Gao et al. and 9 in Drabent et al.: each of our
# two is shown beside the numbers of both.
_MODEL_NAMES = {"resnet20-1": "ResNet20", "convnet-9": "ConvNet"}
# Attacks that are one of the papers' under another name: as published, or with a trace.
_ATTACK_NAMES = {
    "inversed-translation-published": "inversed-translation",
    "inversed-traced": "inversed",
}


def top_five(dataset: str) -> dict[str, tuple[int, ...]]:
    """Return the published top fives of single transformations by source, if any.

    Args:
        dataset: Our name of the dataset; parts and stand-ins of one have its lists.
    """
    return TOP_FIVE.get(datasets.get(dataset).family, {})


def published_value(
    published: pd.DataFrame,
    source: str,
    metric: str,
    *,
    dataset: str,
    model: str,
    policy: str,
    attack: str | None = "inversed",
    defence: str = "none",
    experiments: str | Sequence[str] = POLICY_EXPERIMENTS,
) -> float | str:
    """Return what a paper prints for one row of a table, or ``"not available"``.

    The arguments are those of :func:`published_row`.
    """
    row = published_row(
        published,
        experiments,
        source,
        metric,
        dataset=dataset,
        model=model,
        policy=policy,
        attack=attack,
        defence=defence,
    )
    return NOT_AVAILABLE if row is None else float(row["value"])


def published_row(
    published: pd.DataFrame,
    experiments: str | Sequence[str],
    source: str,
    metric: str,
    *,
    dataset: str,
    model: str,
    policy: str | None = None,
    attack: str | None = None,
    defence: str = "none",
) -> pd.Series | None:
    """Return the row of the published numbers that a paper has for one row of ours.

    A ConvNet of 8 or of 9 convolutions gets what either paper prints for its ConvNet: that of Gao
    et al. 2021 has 8, that of Drabent et al. 2022 has 9. Where several numbers fit, as those of
    single images do, none is the row's.

    Args:
        published: Columns experiment, source, dataset, model, policy, defence, attack, metric,
            value; the first three, and policies and attacks, name things as the papers do.
        experiments: Experiments to look in, ``ats-exp03``.
        source: ``original``, ``drabent2022`` or ``warmerdam2022``.
        metric: ``psnr_db``, ``accuracy_pct`` or any other of the published metrics.
        dataset: Our name of the dataset; a subset of one has no published values.
        model: Our name of the model.
        policy: Name of the policy, or the papers' words for a set of them; None for a number that
            has a single one, or none.
        attack: Our name of the attack; None for any, and for a number without attack.
        defence: Name of the defence.

    Raises:
        ValueError: an unknown source.
    """
    if source not in SOURCE_TITLES:
        raise ValueError(f"source: {source!r} is not allowed; allowed: {', '.join(SOURCE_TITLES)}")
    wanted = [experiments] if isinstance(experiments, str) else list(experiments)
    rows = published[
        published["experiment"].isin(wanted)
        & (published["source"] == source)
        & (published["metric"] == metric)
        & (published["dataset"] == dataset_title(dataset))
        & (published["model"] == _MODEL_NAMES.get(model, model_title(model)))
        & (published["defence"] == defence)
    ]
    if policy is not None:
        rows = rows[rows["policy"].map(_policy_name) == policy]
    if attack is not None:
        rows = rows[rows["attack"].map(_attack_name) == _ATTACK_NAMES.get(attack, attack)]
    return rows.iloc[0] if len(rows) == 1 else None


def published_columns(
    published: pd.DataFrame, experiments: str | Sequence[str], metric: str, **keys: Any
) -> dict[str, float | str]:
    """Return what each source prints for one row, by source; ``"not available"`` where nothing.

    Args:
        published: As in :func:`published_row`, like the other arguments.
        experiments: Experiments to look in.
        metric: The metric.
        **keys: dataset and model, and policy, attack or defence.
    """
    found = {
        source: published_row(published, experiments, source, metric, **keys)
        for source in SOURCE_TITLES
    }
    return {
        source: NOT_AVAILABLE if row is None else float(row["value"])
        for source, row in found.items()
    }


def published_images(
    published: pd.DataFrame, experiment: str, source: str, *, dataset: str, model: str
) -> dict[tuple[str, int], float]:
    """Return what a paper prints for single images: policy and number of the image -> PSNR in dB.

    Args:
        published: As in :func:`published_row`, with ``note``, which ends in ``test image 0``.
        experiment: The experiment.
        source: As in :func:`published_row`.
        dataset: Our name of the dataset.
        model: Our name of the model.
    """
    rows = published[
        (published["experiment"] == experiment)
        & (published["source"] == source)
        & (published["metric"] == "psnr_db")
        & (published["dataset"] == dataset_title(dataset))
        & (published["model"] == _MODEL_NAMES.get(model, model_title(model)))
    ]
    numbers = rows["note"].str.extract(r"test image (\d+)$", expand=False)
    rows = rows.assign(image=numbers).dropna(subset=["image"])
    return {
        (_policy_name(row["policy"]), int(row["image"])): float(row["value"])
        for _, row in rows.iterrows()
    }


def _policy_name(published_name: Any) -> str:
    """Return our name of a policy of the papers, whose hybrids are in the order of the search."""
    if published_name == "None":
        return "none"
    try:
        return policies.canonical(published_name)
    except ReveilError:
        # Words for a set of policies.
        return str(published_name)


def _attack_name(published_name: Any) -> str:
    """Return our name of an attack of the papers, ``inversed-adam-l1`` for their L1."""
    return str(published_name).lower().replace("+", "-")
