"""What a verdict rests on, in words; read without pandas, as a report's front page does."""

import math
from collections.abc import Mapping
from typing import Any

from reveil.verdicts.criteria import Test

# Column of a table -> what it measures, and its unit in brackets.
_MEASURES = {
    "psnr_db": "PSNR (dB)",
    "gain_db": "gain over the floor (dB)",
    "floor_db": "floor (dB)",
    "accuracy_clean_pct": "clean accuracy (%)",
    "accuracy_transformed_pct": "accuracy on transformed images (%)",
    "train_seconds": "training time",
    "cosine": "cosine of a layer's gradients",
    "s_pri": "S_pri",
    "s_acc": "S_acc",
    "policies_beaten_share": "share of random policies with a higher S_pri",
    "rmse": "RMSE",
    "rmse_either": "RMSE to the nearer image",
    "rmse_blend": "RMSE of the mean of both images",
    "rmse_mean_colour": "RMSE of one colour",
    "angle_error_rad": "error of the angle (rad)",
    "epoch": "epochs to the best attacker",
}
_SIDES = {"above_none": "above", "below_none": "below"}
_SIGNS = {"less": "<", "greater": ">", "equivalent": "within ±"}


def measure(column: str) -> str:
    """Return what a column of a table measures, the column itself where that is not known."""
    return _MEASURES.get(column, column)


def plural(unit: str) -> str:
    """Return what several units are called."""
    return "policies" if unit == "policy" else f"{unit}s"


def asked(test: Test) -> str:
    """Return what a test compares with which margin: ``mean gain over the floor (dB) > 0.5``."""
    sign = _SIGNS[test.alternative]
    margin = (
        f"{sign}{test.margin:g}" if test.alternative == "equivalent" else f"{sign} {test.margin:g}"
    )
    return f"{_statistic(test)} {margin}"


def _statistic(test: Test) -> str:
    what, other = measure(test.column), measure(str(test.more.get("with", "")))
    # A method without a network is known by its own name.
    named = [name for name in map(str, test.reference.values()) if name != "none"] or ["none"]
    match test.statistic:
        case "mean":
            return f"mean {what}"
        case "share":
            return _share(test)
        case "overlap":
            return f"of the {test.more['top']} lowest {what}, those that are listed"
        case "column_difference":
            return f"{what}, less {other}"
        case "pearson" | "spearman" as kind:
            return f"{kind.capitalize()} correlation of {what} with {other}"
        case "partial":
            fixed = measure(str(test.more["control"]))
            return f"correlation of {what} with {other}, {fixed} held fixed"
        case "seed_ratio":
            return f"{what}, over that of {', '.join(named)}"
        case "recovered":
            return f"share of the lost {what} that comes back"
        case _:
            return f"{what}, less that of {', '.join(named)}"


def _share(test: Test) -> str:
    parts = [f"{measure(key)} {_SIDES[side]}" for key, side in test.more["where"].items()]
    return f"share of policies with {' and '.join(parts)} that of none"


def ours(row: Mapping[str, Any]) -> str:
    """Return our number of a row of verdicts: ``-1.22 [-1.51, -0.93], n = 100 images``."""
    if not text(row["value"]):
        return ""
    value, low, high = (_number(row[key]) for key in ("value", "low", "high"))
    n, unit = int(float(row["n"])), row["unit"]
    if unit == "seed" and n == 1 and not low:
        return f"{value}, of one training, which has no interval"
    interval = f" [{low}, {high}]" if low else " (no interval)"
    seeds = text(row.get("n_seeds"))  # Tables of earlier versions lack it.
    under = f" under {int(float(seeds))} seeds" if seeds else ""
    return f"{value}{interval}, n = {n:,} {unit if n == 1 else plural(unit)}{under}"


def edited(row: Mapping[str, Any]) -> str:
    """Return the standing of a criterion that is not the one first registered, else nothing."""
    standing = text(row["criterion_standing"])
    return "" if standing.startswith("registered") else standing


def text(value: Any) -> str:
    """Return a value of a table as text, empty where there is none."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _number(value: Any) -> str:
    found = text(value)
    return f"{float(found):.3g}" if found else ""
