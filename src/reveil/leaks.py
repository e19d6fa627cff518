"""Which images leak: what goes with a high gain of the attacker, policy by policy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from reveil import policies
from reveil.errors import ReveilError
from reveil.statistics import finite_psnr

TERMS = ("contrast", "edge_density", "victim_loss", "victim_confidence", "gradient_norm")
SETTING = ("protocol", "dataset", "model", "policy", "recipe", "attack", "defence")
# What the classes explain beyond the terms; a row of its own, in another unit.
CLASS = "class"
METHOD = "ols-hc3"
CLASS_METHOD = "noncentral-f"
NO_FIT = "none"
# Residual degrees of freedom below which a regression of five terms says nothing.
SMALLEST_DF = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """Ordinary least squares.

    Attributes:
        estimates: (k,) coefficients.
        errors: (k,) robust standard errors, HC3.
        r2: share of the variance around the mean that the columns explain.
        df: residual degrees of freedom.
    """

    estimates: Floats
    errors: Floats
    r2: float
    df: int


def leaks(images: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Regress the attacker's gain on what is known of each image, one regression per setting.

    gain_db = class effect + sum of coefficient * property, by ordinary least squares over images,
    each with its means over seeds. Properties are standardised, so that a coefficient is decibel
    per standard deviation. Intervals are heteroscedasticity-robust (HC3, MacKinnon and White 1985)
    with Student's t.

    Classes have an intercept each where that leaves ``SMALLEST_DF`` residual degrees of freedom; an
    image that is its class's only one then says nothing and is left out. Else there is one
    intercept, and the note says so. The row ``class`` is of all these intercepts together, see
    :func:`class_share`.

    Args:
        images: rows of images.csv; failed ones are left out.
        level: coverage, between 0 and 1.

    Returns:
        Rows by setting (a found policy under its role) and term: ``term``, ``estimate``, ``low``,
        ``high`` in dB, for ``class`` a share from 0 to 1, ``n`` images, ``classes`` with an
        intercept of their own, ``r2`` with those, ``method`` (``none`` where nothing could be
        fitted) and ``note``.

    Raises:
        ReveilError: a column is missing, as in tables of older runs, or there are no rows.
    """
    needed = [*SETTING, "status", "image", "label", "psnr_db", "floor_db", *TERMS]
    if missing := [name for name in needed if name not in images]:
        raise ReveilError(f"images: columns missing: {missing}; allowed: a table of this version")
    table = images[images["status"] == "ok"].copy()
    if table.empty:
        raise ReveilError(
            "images: the tidy table has no reconstruction, so there is nothing to fit"
        )
    table["policy"] = table["policy"].map(policies.role)
    table["gain_db"] = finite_psnr(table["psnr_db"]) - finite_psnr(table["floor_db"])
    rows: list[dict[str, Any]] = []
    for keys, setting in table.groupby(list(SETTING), sort=True):
        measured = setting.groupby("image")[["gain_db", "label", *TERMS]].mean().dropna()
        rows += [dict(zip(SETTING, keys, strict=True)) | row for row in _fitted(measured, level)]
    return pd.DataFrame(rows)


def _fitted(measured: pd.DataFrame, level: float) -> list[dict[str, Any]]:
    """Return a row per term of one regression, and that of the classes.

    Args:
        measured: (n images) with ``gain_db``, ``label`` and ``TERMS``.
    """
    kept, classes, notes = _with_classes(measured)
    spread = kept[list(TERMS)].std()
    used = [name for name in TERMS if spread[name] > 1e-12 * max(1.0, kept[name].abs().max())]
    if len(used) < len(TERMS) and len(kept) > 1:
        notes.append("the same for all images: " + ", ".join(t for t in TERMS if t not in used))
    fit, problem = _fit(kept, used, classes)
    notes += [problem] if problem else []
    row = {
        "n": len(kept),
        "classes": classes,
        "r2": fit.r2 if fit else np.nan,
        "method": METHOD if fit else NO_FIT,
        "note": "; ".join(notes),
    }
    ends: dict[str, tuple[float, float]] = {}
    if fit:
        half = special.stdtrit(fit.df, (1 + level) / 2) * fit.errors
        ends = {name: (fit.estimates[i], half[i]) for i, name in enumerate(used)}
    found = {name: ends.get(name, (np.nan, np.nan)) for name in TERMS}
    terms = [
        {"term": name, "estimate": b, "low": b - half, "high": b + half, **row}
        for name, (b, half) in found.items()
    ]
    without = _fit(kept, used, 0)[0] if fit and classes else None
    if fit is None or without is None:
        reason = [] if classes or notes else ["all images are of one class"]
        shares, how = (np.nan, np.nan, np.nan), NO_FIT
    else:
        reason = [f"R2 beyond the properties before the correction: {_beyond(fit, without):.3g}"]
        shares, how = class_share(fit, without, level=level), CLASS_METHOD
    ours = {"term": CLASS} | dict(zip(("estimate", "low", "high"), shares, strict=True))
    return [*terms, ours | row | {"method": how, "note": "; ".join([*notes, *reason])}]


def _with_classes(measured: pd.DataFrame) -> tuple[pd.DataFrame, int, list[str]]:
    """Return the images to fit, how many classes get an intercept (0: one for all), and notes."""
    kept = measured[measured.groupby("label")["label"].transform("size") > 1]
    classes = kept["label"].nunique()
    if measured["label"].nunique() < 2:
        return measured, 0, []
    if len(kept) - classes - len(TERMS) < SMALLEST_DF:
        return measured, 0, ["too few images per class: no class effects"]
    alone = len(measured) - len(kept)
    notes = [f"only one of their class, left out: {alone}"] if alone else []
    return kept, classes, notes


def _fit(kept: pd.DataFrame, used: list[str], classes: int) -> tuple[Fit | None, str]:
    """Return the regression, or None and why there is none; the terms come first."""
    columns = kept[used].to_numpy(dtype=float)
    if len(kept) - max(classes, 1) - len(used) < SMALLEST_DF:
        return None, f"too few images: fewer than {SMALLEST_DF} residual degrees of freedom"
    standard = (columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1)
    kinds = kept["label"].to_numpy() if classes else np.zeros(len(kept))
    intercepts = (kinds[:, None] == np.unique(kinds)).astype(float)
    design = np.hstack([standard, intercepts])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return None, "the properties are not linearly independent"
    return least_squares(design, kept["gain_db"].to_numpy(dtype=float)), ""


def class_share(fit: Fit, without: Fit, *, level: float = 0.95) -> tuple[float, float, float]:
    """Return the share of the variance left by the properties that the classes explain.

    The partial R2, (R2 - R2_0) / (1 - R2_0) with R2_0 that of one intercept for all, grows with the
    number of classes even where they mean nothing. The estimate is corrected for that by the
    degrees of freedom, 1 - (1 - partial R2) df_0 / df (Ezekiel 1930), and cut off at 0. The
    interval is that of the population's share, lambda / (lambda + df_0 + 1), from the
    noncentralities lambda at which F has its tails (Smithson 2003). It takes errors to be normal
    and of one variance, which those of the coefficients do not.

    Args:
        fit: of the properties and an intercept for each class.
        without: of the properties and one intercept, over the same images.
        level: coverage, between 0 and 1.

    Returns:
        Estimate, lower and upper end; NaN where there is no variance left to explain.
    """
    beyond = _beyond(fit, without)
    if not beyond < 1 - 1e-9:
        return beyond, np.nan, np.nan
    between, within = without.df - fit.df, fit.df
    f = beyond / between / ((1 - beyond) / within)
    ends = [_noncentrality(f, between, within, (1 + side * level) / 2) for side in (1, -1)]
    low, high = (end / (end + without.df + 1) for end in ends)
    return max(0.0, 1 - (1 - beyond) * without.df / within), low, high


def _noncentrality(f: float, between: int, within: int, chance: float) -> float:
    """Return lambda with P(F' <= f) = chance; 0 where even the central F has less below f.

    By bisection: SciPy's inverse ends at 10,000 and is good to four digits.
    """
    low, high = 0.0, 1.0
    while special.ncfdtr(between, within, high, f) > chance:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        above = special.ncfdtr(between, within, middle, f) > chance
        low, high = (middle, high) if above else (low, middle)
    return high if high > 1e-9 else 0.0


def _beyond(fit: Fit, without: Fit) -> float:
    left = 1 - without.r2
    return max(0.0, (fit.r2 - without.r2) / left) if left > 1e-12 else np.nan


def least_squares(design: Floats, response: Floats) -> Fit:
    """Fit by ordinary least squares, with the HC3 covariance.

    V = (X'X)^-1 X' diag(e_i^2 / (1 - h_i)^2) X (X'X)^-1, h the diagonal of the hat matrix
    (MacKinnon and White 1985).

    Args:
        design: (n, k) of full column rank, an intercept or full set of class indicators included.
        response: (n,).
    """
    q, r = np.linalg.qr(design)
    estimates = np.linalg.solve(r, q.T @ response)
    residuals = response - design @ estimates
    leverage = (q**2).sum(axis=1)
    # A point that its own coefficient fits exactly has no say in anyone's error.
    free = leverage < 1 - 1e-9
    scaled = np.where(free, residuals / np.where(free, 1 - leverage, 1), 0)
    half = np.linalg.solve(r, (q * scaled[:, None]).T)
    total = ((response - response.mean()) ** 2).sum()
    r2 = 1 - (residuals**2).sum() / total if total > 0 else np.nan
    errors = np.sqrt((half**2).sum(axis=1))
    return Fit(estimates, errors, float(r2), len(response) - design.shape[1])
