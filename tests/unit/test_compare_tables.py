"""Tables that no run of ours writes, compared: errors that name file, row and column."""

from pathlib import Path

import pandas as pd
import pytest

from reveil.compare import notes
from reveil.compare.runs import TABLE
from reveil.compare.shown import compare
from reveil.errors import ReveilError
from tests.attacked import attack_rows
from tests.compared import run, two


def spoilt(tmp_path: Path, change) -> tuple[Path, Path]:
    """Return two runs, of which the tables were changed since."""
    found = two(tmp_path, *(attack_rows("none", [20.0, 21.0]) for _ in range(2)))
    for folder in found:
        path = folder / "ats" / TABLE
        change(pd.read_csv(path, keep_default_na=False, dtype=object)).to_csv(path, index=False)
        path.with_name(f".{path.name}.sha256").unlink(missing_ok=True)
    return found


@pytest.mark.parametrize("column", ["gain_db", "psnr_db", "dataset", "attack", "image"])
def test_a_column_that_is_needed_is_named(tmp_path: Path, column: str) -> None:
    found = spoilt(tmp_path, lambda table: table.drop(columns=column))
    with pytest.raises(ReveilError, match=f"demo/ats/{TABLE}: is no table .* lacks {column}$"):
        compare(*found)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("recipe", "", "row 3 has no recipe$"),
        ("seed", "", "row 3 has no seed$"),
        ("psnr_db", "abc", "row 3: psnr_db: 'abc' is no number that is measured"),
        ("floor_db", "abc", "row 3: floor_db: 'abc' is no number that is measured"),
        ("psnr_db", "-inf", "row 3: psnr_db: '-inf' is no number that is measured"),
    ],
)
def test_a_value_that_is_none_is_named_with_its_row(
    tmp_path: Path, column: str, value: str, message: str
) -> None:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[1, column] = value
        return table

    with pytest.raises(ReveilError, match=message):
        compare(*spoilt(tmp_path, change))


def test_a_table_without_rows_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReveilError, match=f"demo/ats/{TABLE}: has no rows"):
        compare(*spoilt(tmp_path, lambda table: table.iloc[:0]))


def test_runs_may_be_called_as_columns_are(tmp_path: Path) -> None:
    folders = [
        run(tmp_path / name, ats=attack_rows("none", [20.0, 21.0])) for name in ("key", "where")
    ]
    for folder, epochs in zip(folders, (3, 4), strict=True):
        text = f"run: {folder.name}\nrecipes: {{full: {{epochs: {epochs}}}}}\n"
        (folder / "config.yaml").write_text(text)
    assert "| `recipes.full.epochs` | 3 | 4 |" in compare(*folders)


@pytest.mark.parametrize("said", ['{"jobs": [1]}', '{"jobs": {"a": "b"}}'])
def test_a_provenance_of_another_form_is_named(tmp_path: Path, said: str) -> None:
    (tmp_path / notes.PROVENANCE).write_text(said)
    with pytest.raises(ReveilError, match="provenance.json: is no provenance"):
        notes.commits(tmp_path, [], 0)
