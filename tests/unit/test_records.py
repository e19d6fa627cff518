"""Rows that jobs write without pandas are those that pandas would write."""

import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from reveil.files import write_csv
from reveil.records import Records

TABLES = {
    "whole numbers": [{"a": 1, "b": -3}, {"a": 12345678901234, "b": 0}],
    "fractions": [{"a": 1 / 3}, {"a": 1e-12}, {"a": 2.0}, {"a": 12345678901234.5}],
    "numbers and fractions": [{"a": 1}, {"a": 0.5}],
    "gaps": [{"a": 7, "b": "x"}, {"a": None, "b": None}, {"a": math.nan, "b": "y"}],
    "columns that a row lacks": [{"a": 1, "b": 2}, {"b": 3, "c": 4.5}, {"a": 5}],
    "no values at all": [{"a": None, "b": math.nan, "c": 1}, {"a": None, "b": math.nan, "c": 2}],
    "of one field": [{"a": None}, {"a": "x"}],
    "infinite": [{"a": math.inf}, {"a": -math.inf}, {"a": 0.1}],
    "of NumPy": [
        {"a": np.float32(0.1), "b": np.int64(4), "c": np.bool_(True), "d": np.float64(1 / 3)},
        {"a": np.float32(3), "b": np.int64(5), "c": np.bool_(False), "d": np.nan},
    ],
    "true and false": [{"a": True, "b": True}, {"a": False, "b": None}],
    "text that is quoted": [{"a": 'a "word", and more', "b": "two\nlines"}, {"a": "", "b": " "}],
    "text beside numbers": [{"a": "not available"}, {"a": 1 / 3}, {"a": 2}, {"a": math.nan}],
}


@pytest.mark.parametrize("name", TABLES)
def test_records_are_written_as_pandas_writes_them(name, tmp_path):
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    write_csv(ours, Records(TABLES[name]))
    write_csv(theirs, pd.DataFrame(TABLES[name]))
    assert ours.read_bytes() == theirs.read_bytes()


def test_columns_can_be_named_also_where_no_row_is(tmp_path):
    write_csv(tmp_path / "a.csv", Records([], columns=["a", "b"]))
    write_csv(tmp_path / "b.csv", Records([{"b": 1, "c": 2}], columns=["a", "b"]))
    assert (tmp_path / "a.csv").read_text() == "a,b\n"
    assert (tmp_path / "b.csv").read_text() == "a,b\n,1\n"
    assert list(Records([], columns=["a"]).frame()) == ["a"]


def test_jobs_that_compute_do_not_load_pandas(root):
    """It would be a fifth of their start."""
    stages = (
        *("training", "attacking", "private_training", "private_summaries", "feature_attacking"),
        *("reconstructing", "reconstruction_training", "summaries"),
    )
    program = "".join(f"import reveil.stages.{stage}\n" for stage in stages)
    program += "import sys\nassert not {'pandas', 'scipy'} & set(sys.modules)\n"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
    )
    assert ran.returncode == 0, ran.stderr
