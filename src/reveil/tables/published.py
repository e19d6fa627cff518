"""The published numbers: which value of which paper belongs beside which row."""

import pandas as pd

from reveil import policies
from reveil.tables.labels import NOT_AVAILABLE, SOURCE_TITLES, dataset_title, model_title

# Drabent et al. 2022, Table 1, with the values of Gao et al. 2021 quoted by the replications, and
# Warmerdam et al. 2022, Table 1.
POLICY_EXPERIMENTS = ("ats-exp03", "ats-w-claim2")
# Indices of the five single transformations with the lowest S_pri on CIFAR-100, ResNet20-4:
# Gao et al. 2021 as quoted, and Drabent et al. 2022, Experiment 9.
TOP_FIVE = {"original": (3, 15, 26, 18, 1), "drabent2022": (1, 3, 15, 18, 21)}
# The papers give the two widths and the two depths these names; a name of ours that is not here
# goes by its title. "ConvNet" is 8 convolutions in Gao et al. and 9 in Drabent et al.: each of our
# two is shown beside the numbers of both.
_MODEL_NAMES = {"resnet20-1": "ResNet20", "convnet-9": "ConvNet"}


def published_value(
    published: pd.DataFrame,
    source: str,
    metric: str,
    *,
    dataset: str,
    model: str,
    policy: str,
    attack: str = "inversed",
    defence: str = "none",
) -> float | str:
    """Return what a paper prints for one row of the policy table, or ``"not available"``.

    A ConvNet of 8 or of 9 convolutions gets what either paper prints for its ConvNet: that of Gao
    et al. 2021 has 8, that of Drabent et al. 2022 has 9.

    Args:
        published: Columns experiment, source, dataset, model, policy, defence, attack, metric,
            value; the first three name things as the papers do.
        source: ``original``, ``drabent2022`` or ``warmerdam2022``.
        metric: ``psnr_db`` or ``accuracy_pct``.
        dataset: Our name of the dataset; a subset of one has no published values.
        model: Our name of the model.
        policy: Name of the policy.
        attack: Name of the attack.
        defence: Name of the defence.
    """
    if source not in SOURCE_TITLES:
        raise ValueError(f"source: {source!r} is not allowed; allowed: {', '.join(SOURCE_TITLES)}")
    rows = published[
        published["experiment"].isin(POLICY_EXPERIMENTS)
        & (published["source"] == source)
        & (published["metric"] == metric)
        & (published["dataset"] == dataset_title(dataset))
        & (published["model"] == _MODEL_NAMES.get(model, model_title(model)))
        & (published["attack"] == attack)
        & (published["defence"] == defence)
    ]
    rows = rows[rows["policy"].map(_policy_name) == policy]
    return float(rows["value"].iloc[0]) if len(rows) else NOT_AVAILABLE


def _policy_name(published_name: str) -> str:
    """Return our name of a policy of the papers, whose hybrids are in the order of the search."""
    return "none" if published_name == "None" else policies.canonical(published_name)
