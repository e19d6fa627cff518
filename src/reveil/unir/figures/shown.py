"""What the figures of this study take from its tidy table: methods, means, names."""

from collections.abc import Sequence

import pandas as pd

from reveil.errors import ReveilError
from reveil.figures.pages import group_means
from reveil.statistics import finite_psnr
from reveil.tables.measures import OK
from reveil.unir import names
from reveil.unir.labels import (
    SUPERVISED,
    UNTRAINED,
    method_label,
    method_of,
    method_order,
    operator_label,
    operator_order,
    plain_recipe,
)

# Measure -> its axis, with the direction that is better.
AXES = {
    "psnr_db": "PSNR, dB (right: better)",
    "mse_pm1": "MSE on [-1, 1] (left: better)",
    "ssim": "SSIM (right: better)",
    "residual": "Residual, MSE (left: nearer to y)",
}
UPRIGHT = {name: text.replace("right:", "up:").replace("left:", "down:")
           for name, text in AXES.items()}  # fmt: skip
# Ratio of the highest to the lowest value from which an axis is logarithmic.
STEEP = 10
_UNTRAINED = "untrained"


def measured(images: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Return the rows with ``method`` and ``group``, failures without their measures.

    Infinite PSNR is capped, as everywhere in tables and figures.

    Args:
        images: Rows of images.csv of this study.
        measures: Columns.

    Returns:
        A method goes by its name of ours where it has the settings of a report, which the
        protocol over the figure tells. ``group`` is ``untrained``, ``supervised`` or
        ``unsupervised``.

    Raises:
        ReveilError: there is no row, no such column, a row of a generator that only samples,
            which reconstructs nothing, or a method by settings of two sources.
    """
    if images.empty:
        raise ReveilError("images: the tidy table has no rows, so there is nothing to draw")
    if missing := [name for name in measures if name not in images]:
        raise ReveilError(f"images: columns missing: {missing}; allowed: a table of this version")
    for model in images["model"].unique():
        if names.is_reconstructor(model) and not names.reconstructs(model):
            raise ReveilError(
                f"model: {model!r} is not allowed among reconstructions, as it samples from noise"
            )
    table = images.copy()
    for name in measures:
        values = table[name].astype(float)
        capped = finite_psnr(values) if name.startswith("psnr") else values
        table[name] = pd.Series(capped, table.index).where(table["status"] == OK)
    _one_source(table)
    pairs = zip(table["recipe"], table["attack"], strict=True)
    methods = [method_of(plain_recipe(recipe), attack) for recipe, attack in pairs]
    return table.assign(method=methods, group=[group_of(recipe) for recipe in table["recipe"]])


def _one_source(table: pd.DataFrame) -> None:
    found: dict[str, str] = {}
    for recipe in table["recipe"].unique():
        if (first := found.setdefault(plain_recipe(recipe), recipe)) != recipe:
            raise ReveilError(
                f"recipe: {first} and {recipe} are not allowed together; allowed: recipes of one "
                "protocol"
            )


def group_of(recipe: str) -> str:
    """Return ``untrained``, ``supervised`` or ``unsupervised``."""
    if recipe == UNTRAINED:
        return _UNTRAINED
    supervised = any(recipe == name or recipe.startswith(f"{name}-") for name in SUPERVISED)
    return "supervised" if supervised else "unsupervised"


def means(images: pd.DataFrame, by: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each measure over images, each with its mean over seeds first.

    Args:
        images: Rows of :func:`measured`.
        by: Columns to group by.
        measures: Columns.

    Returns:
        As :func:`reveil.figures.pages.group_means`.
    """
    return group_means(images, by, measures)


def method_names(table: pd.DataFrame) -> dict[str, str]:
    """Return the methods of a table and their labels, in the order of the study."""
    return {name: method_label(name) for name in sorted(table["method"].unique(), key=method_order)}


def operator_names(table: pd.DataFrame) -> dict[str, str]:
    """Return the operators of a table and their labels, in the order of the study."""
    found = sorted(table["policy"].unique(), key=operator_order)
    return {name: operator_label(name) for name in found}


def untrained(method: str, table: pd.DataFrame) -> bool:
    """Return whether a method of a table trains nothing."""
    return bool((table.loc[table["method"] == method, "group"] == _UNTRAINED).all())


def steep(values: pd.Series) -> bool:
    """Return whether values ask for a logarithmic axis: all above 0, and far apart."""
    kept = values[values.notna()].astype(float)
    return bool(len(kept) and kept.min() > 0 and kept.max() > STEEP * kept.min())
