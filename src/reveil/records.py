"""The rows that a job writes, without pandas.

To load pandas takes a third of a second, and what is trained or attacked needs none of it: such
jobs write a handful of rows, and others read them.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Of a number that is written; more would be noise of the order of additions.
FLOAT = "%.10g"


class Records(list[dict[str, Any]]):
    """Rows, each a mapping of columns to values, and their columns in order.

    Args:
        rows: their values; a column that a row lacks is empty there.
        columns: names in order; if None those of the rows, in the order of first appearance.
    """

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None
    ) -> None:
        super().__init__(dict(row) for row in rows)
        named = dict.fromkeys(name for row in self for name in row)
        self.columns = list(named if columns is None else columns)

    def column(self, name: str) -> list[Any]:
        """Return the values of a column, None where a row lacks it."""
        return [row.get(name) for row in self]

    def frame(self) -> "pd.DataFrame":
        """Return the rows as a ``DataFrame``."""
        import pandas as pd

        return pd.DataFrame(list(self), columns=self.columns)

    def write(self, path: str | Path) -> None:
        """Write CSV as :func:`reveil.files.write_csv` writes a ``DataFrame`` of the same rows.

        Numbers have 10 significant digits; None and NaN are empty fields.
        """
        written = [_written(self.column(name)) for name in self.columns]
        with Path(path).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(zip(*written, strict=True))


def _written(values: Sequence[Any]) -> list[Any]:
    """Return what stands in the fields of one column."""
    missing = [_is_missing(value) for value in values]
    known = [value for value, gone in zip(values, missing, strict=True) if not gone]
    # A column with a gap or a fraction is one of floats; text and numbers mixed stay as they are.
    numbers = all(_is_number(value) for value in known)
    whole = all(missing) or (not any(missing) and not any(_is_float(value) for value in known))
    formatted = [FLOAT % value if numbers and not whole else value for value in known]
    left = iter(formatted)
    return ["" if gone else next(left) for gone in missing]


def _is_missing(value: Any) -> bool:
    return value is None or (_is_float(value) and math.isnan(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_float(value: Any) -> bool:
    # NumPy's floats of other widths are no ``float``.
    return isinstance(value, Real) and not isinstance(value, Integral)
