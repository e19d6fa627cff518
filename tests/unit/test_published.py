"""The published numbers: whole, tidy, and readable without knowing which report they are from."""

import csv
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    *("study", "experiment", "source", "dataset", "model", "policy", "defence", "attack"),
    *("operator", "method", "metric", "value", "std", "n_images", "note"),
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (ROOT / "config" / "published.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_row_has_exactly_the_columns(rows):
    assert {tuple(row) for row in rows} == {COLUMNS}
    assert not any(None in row.values() for row in rows)


def test_rows_per_study(rows):
    assert Counter(row["study"] for row in rows) == {"ats": 311, "cvnn": 139, "unir": 299}


def test_values_are_numbers_and_say_where_they_are_from(rows):
    for row in rows:
        float(row["value"])
        assert row["experiment"] and row["source"] and row["metric"] and row["note"]
        assert row["std"] == "" or float(row["std"]) >= 0
        assert row["n_images"] == "" or int(row["n_images"]) > 0


def test_no_row_is_there_twice(rows):
    counts = Counter(tuple(row.values()) for row in rows)
    assert [row for row, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(
    ("source", "policy", "metric", "value"),
    [
        ("original", "None", "psnr_db", "13.88"),
        ("original", "3-1-7", "accuracy_pct", "70.56"),
        ("drabent2022", "3-1-7+43-18-18", "psnr_db", "8.25"),
    ],
)
def test_cells_of_the_policy_table(rows, source, policy, metric, value):
    found = [
        row["value"]
        for row in rows
        if (row["experiment"], row["source"]) == ("ats-exp03", source)
        and (row["dataset"], row["model"]) == ("CIFAR-100", "ResNet20-4")
        and (row["policy"], row["metric"]) == (policy, metric)
    ]
    assert found == [value]
