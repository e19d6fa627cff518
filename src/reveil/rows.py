"""Tidy tables: rows from many files stacked, and checked against their schema."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from reveil import seals
from reveil.errors import ReveilError, not_allowed
from reveil.files import remake, write_csv

NUMBERS = {"number": pd.api.types.is_numeric_dtype, "integer": pd.api.types.is_integer_dtype}


def stack(paths: Iterable[str]) -> pd.DataFrame:
    """Return the rows of all CSV files, one below the other, in the order of the files.

    Raises:
        ReveilError: a file is missing, empty, damaged, or has other columns than the first.
    """
    tables: list[pd.DataFrame] = []
    for path in paths:
        table = read(path)
        if tables and list(table.columns) != list(tables[0].columns):
            odd = sorted(set(table.columns) ^ set(tables[0].columns))
            raise ReveilError(f"{path}: its columns differ from the first file's: {odd}")
        tables.append(table)
    if not tables:
        raise ReveilError("no files to stack: the configuration asks for no rows")
    return pd.concat(tables, ignore_index=True)


def read(path: str | Path) -> pd.DataFrame:
    """Return a CSV of this project, or one packed by gzip; policies named ``none`` stay text.

    Raises:
        ReveilError: the file is missing, empty, cut off or not what its job wrote.
    """
    try:
        # A line without its end has lost a number's last digits, or whole columns, which would be
        # read as empty. A packed file has a checksum.
        packed = Path(path).suffix == ".gz"
        if not packed and Path(path).read_bytes()[-1:] not in (b"\n", b""):
            raise ValueError("it is cut off in its last line")
        seals.check(path)
        return pd.read_csv(path, keep_default_na=False, na_values=["", "nan"])
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ReveilError(f"{path}: cannot be read as a table ({error}); {remake(path)}") from None


def write(path: str, table: pd.DataFrame) -> None:
    """Write a table so that :func:`read` notices if it is cut off or changed."""
    write_csv(path, table)
    seals.seal(path)


def select(table: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Return the rows that have the given value in each of the named columns.

    Raises:
        ReveilError: there is no such row.
    """
    kept = table
    for column, value in values.items():
        kept = kept[kept[column] == value]
    if kept.empty:
        named = ", ".join(f"{column} {value!r}" for column, value in values.items())
        raise ReveilError(f"the table has no row of {named}")
    return kept


def check(table: pd.DataFrame, schema_path: str | Path) -> None:
    """Check the columns of a tidy table against a JSON schema of one row, whole columns at once.

    Raises:
        ReveilError: naming every column that is missing, unknown, of the wrong type or out of
            range.
    """
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    properties: dict[str, dict[str, Any]] = schema["properties"]
    problems = [f"column {name} is missing" for name in properties if name not in table]
    problems += [
        not_allowed("column", name, properties) for name in table if name not in properties
    ]
    for name, rule in properties.items():
        if name in table:
            problems += _column_problems(table[name].dropna(), name, rule)
    if problems:
        raise ReveilError("the tidy table breaks its schema: " + "; ".join(problems))


def _column_problems(column: pd.Series, name: str, rule: dict[str, Any]) -> list[str]:
    kinds = rule.get("type", [])
    wanted = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind in NUMBERS]
    if column.empty:
        return []
    if wanted and not any(NUMBERS[kind](column) or _whole(column, kind) for kind in wanted):
        return [f"column {name}: {column.iloc[0]!r} is no {wanted[0]}"]
    problems = []
    if "enum" in rule:
        odd = column[~column.isin(rule["enum"])]
        problems += [not_allowed(f"column {name}", value, rule["enum"]) for value in odd[:1]]
    if "minimum" in rule and (low := column[column < rule["minimum"]]).size:
        problems.append(f"column {name}: {low.iloc[0]} is below {rule['minimum']}")
    if "maximum" in rule and (high := column[column > rule["maximum"]]).size:
        problems.append(f"column {name}: {high.iloc[0]} is above {rule['maximum']}")
    return problems


def _whole(column: pd.Series, kind: str) -> bool:
    # A column of whole numbers with gaps is read as floats.
    return (
        kind == "integer"
        and pd.api.types.is_float_dtype(column)
        and bool((column == column.round()).all())
    )
