"""The tables of tiny that a disturbed run, or one on a cluster, must make as any other does."""

import pandas as pd

from reveil import rows
from tests.workflow import Clone

# The columns that tell the time.
TABLES = {
    "images.csv": ["wall_seconds"],
    "models.csv": ["train_seconds"],
    "policies.csv": [],
}


def tables(clone: Clone) -> dict[str, pd.DataFrame]:
    """Return the tables of ats without the columns that tell the time."""
    folder = clone.path / "results/tiny/ats/tables"
    return {name: rows.read(folder / name).drop(columns=skip) for name, skip in TABLES.items()}
