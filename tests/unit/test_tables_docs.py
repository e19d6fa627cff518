"""The columns of the tables of the experiments are documented as they are written."""

import re
from pathlib import Path

import pandas as pd
import pytest

from reveil import tables
from reveil.tables import estimates
from tests.attacked import JUDGE, attack_rows, model_rows, published_rows

TEXT = (Path(__file__).resolve().parents[2] / "docs/reference/tables.md").read_text()


def documented(heading):
    """Return the columns of the first table under a heading."""
    (part,) = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", TEXT, re.S | re.M)
    return re.findall(r"^\| `(\w+)` \|", part, re.M)


def scores():
    named = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4", "seed": 0}
    row = named | {"candidate": 0, "policy": "3-1-7", "repeat": 0, "s_pri": 0.3, "status": "ok"}
    return pd.DataFrame([row])


def pairs():
    images = pd.concat(
        [attack_rows("3-1-7", [9.0]), attack_rows("none", [9.0]).assign(defence="prune-70")]
    )
    table = tables.attack_table(
        images, model_rows("none", "3-1-7"), published_rows(), {"fixed": JUDGE},
        experiment="ats-exp04", by=["policy", "defence"],
    )  # fmt: skip
    return tables.equal_accuracy(table, images)


@pytest.mark.parametrize(
    ("heading", "written"),
    [
        (
            "correlation.csv of ats-exp10 and ats-w-claim1",
            lambda: tables.policy_scores(attack_rows("3-1-7", [9.0]), scores()).columns,
        ),
        ("equal-accuracy.csv of ats-exp04", lambda: pairs().columns),
        ("grouped.csv of ats-w-insight3", lambda: tables.grouped_scores(scores()).columns[-2:]),
        ("Tables of numbers", lambda: estimates.COLUMNS),
    ],
    ids=["correlation", "equal-accuracy", "grouped", "numbers"],
)
def test_columns_are_documented_as_they_are_written(heading, written):
    assert documented(heading) == list(written())
