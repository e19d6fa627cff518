"""The policy table: what each policy costs the attacker and the model, beside the papers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reveil.tables.attacks import attack_table
from reveil.tables.measures import OK
from reveil.tables.published import POLICY_EXPERIMENTS

__all__ = ["OK", "policy_table"]


def policy_table(
    images: pd.DataFrame,
    models: pd.DataFrame,
    published: pd.DataFrame,
    judges: Mapping[str, Mapping[str, Any]],
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Summarise attacked images: one row per protocol, dataset, model, attack, defence and policy.

    The :func:`reveil.tables.attacks.attack_table` of the papers' main tables, whose arguments these
    are; differences are to the policy that each protocol's judge names.

    Raises:
        ReveilError: no images, a protocol without judge, or rows of two recipes.
    """
    return attack_table(
        images,
        models,
        published,
        judges,
        experiment=POLICY_EXPERIMENTS,
        by=("attack", "defence", "policy"),
        seed=seed,
    )
