"""Candidates that pass the accuracy filter, and the policies that are read from a search."""

import pandas as pd
import pytest

from reveil import found, policies, selection
from reveil.errors import ReveilError
from reveil.files import write_csv

SUBJECT = {"protocol": "fixed", "dataset": "cifar100", "model": "convnet", "seed": 3}
SEARCH = {
    "final": 1,
    "distinct": True,
    "variant": "cvpr2021",
    "s_acc": {"per_image": False, "threshold": -85.0},
}


def scores(names: list[str], s_acc: list[float], s_pri: list[float] | None = None) -> pd.DataFrame:
    """Return scored candidates as a search's blocks have them."""
    return pd.DataFrame(
        {
            **SUBJECT,
            "candidate": range(len(names)),
            "policy": names,
            "s_pri": s_pri or [0.5 - 0.01 * i for i in range(len(names))],
            "s_acc": s_acc,
            "s_acc_rows": 60.0,
            "status": "ok",
        }
    )


def test_passing_candidates_are_the_first_by_draw_not_by_privacy():
    names = ["5", "3-1", "none", "28", "28-3-1", "42", "7", "24"]
    table, _ = selection.select(scores(names, [-60, -85, -60, -60, -60, -90, -60, -60]), SEARCH)
    # "none" and "28" change nothing, "28-3-1" does what "3-1" does, and "42" is not accurate.
    chosen = selection.passing(table)
    assert chosen["number"].tolist() == [1, 2, 3, 4]
    assert chosen["policy"].tolist() == ["5", "3-1", "7", "24"]
    assert chosen["candidate"].tolist() == [0, 1, 6, 7]
    assert selection.passing(table.iloc[::-1], count=2)["policy"].tolist() == ["5", "3-1"]


def test_ten_candidates_pass_at_most():
    names = [f"3-{i}" for i in range(25)]
    table, _ = selection.select(scores(names, [-60.0] * 25), SEARCH)
    chosen = selection.passing(table)
    assert chosen["number"].tolist() == list(range(1, 11))
    assert len(set(chosen["policy"])) == 10


@pytest.fixture
def selections(tmp_path):
    """Both tables of a search whose best is its second candidate and whose third fails."""
    names, s_pri = ["5", "3-1", "7", "24-2"], [0.3, 0.1, 0.05, 0.2]
    search = {**SEARCH, "final": 2}
    table, selected = selection.select(scores(names, [-60, -60, -99, -60], s_pri), search)
    paths = [str(tmp_path / name) for name in ("selected.csv", "passing.csv")]
    write_csv(paths[0], selected)
    write_csv(paths[1], selection.passing(table))
    return paths


@pytest.mark.parametrize(
    ("name", "members", "augment"),
    [
        ("found-fixed-s3-1", ((3, 1),), None),
        ("passing-fixed-s3-1", ((5,),), None),
        ("passing-fixed-s3-3", ((24, 2),), None),
        ("only-passing-fixed-s3-2", ((3, 1),), "policy"),
        ("plain-found-fixed-s3-2", ((24, 2),), None),
        ("found-fixed-s3-2+passing-fixed-s3-1", ((24, 2), (5,)), None),
    ],
)
def test_searched_policies_are_read_from_their_own_table(selections, name, members, augment):
    policy = found.define(name, selections)
    assert (policy.name, policy.members, policy.augment) == (name, members, augment)
    assert policy.source == "search fixed cifar100 convnet seed3"
    assert policy.name == policies.canonical(name)


def test_policies_that_are_spelled_out_need_no_table():
    assert found.define("plain-3-1-7") == policies.parse("plain-3-1-7")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("found-fixed-s3-3", "selected no rank 3; allowed: 1 to 2"),
        ("passing-fixed-s3-4", "has 3 candidates that are accurate enough and no two alike"),
        ("passing-fixed-s0-1", "protocol 'fixed', seed 0"),
    ],
)
def test_what_no_search_gave_is_told(selections, name, problem):
    with pytest.raises(ReveilError, match=problem):
        found.define(name, selections)
