"""One row of a table of numbers as the cells that a reader sees, all of them text."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reveil.tables.labels import (
    NOT_AVAILABLE,
    SOURCE_TITLES,
    dataset_title,
    model_title,
    policy_label,
)

HEADS = {
    "protocol": "Protocol",
    "dataset": "Dataset",
    "model": "Model",
    "seed": "Seed",
    "rank": "Rank",
    "rank_distinct": "Rank among distinct",
    "index": "Index",
    "operation": "Transformation",
    "operations": "Operations",
    "same_as": "Same function as",
    "policy": "Policy",
    "label": "Known as",
    "s_pri": "S_pri [95 %]",
    "s_pri_n": "Images",
    "s_pri_difference": "S_pri minus None",
    "s_acc": "S_acc",
    "warmerdam2022_s_pri": "S_pri of Warmerdam et al. 2022",
    "warmerdam2022_rank": "Rank of Warmerdam et al. 2022",
    "n_seeds": "Seeds",
    "n_failed": "Failed",
    "n_candidates": "Candidates",
    "n_passing": "Passing the filter",
    "top_five_original": "Top five of Gao et al. 2021",
    "top_five_drabent2022": "Top five of Drabent et al. 2022",
}
# Means of an attack table beside the PSNR: the column and its head.
MEANS = {
    "psnr_original_mean_db": "PSNR to the original, dB",
    "psnr_content_mean_db": "PSNR on content, dB",
    "psnr_unshifted_mean_db": "PSNR before the move, dB",
    "psnr_unshifted_original_mean_db": "PSNR before the move, to the original, dB",
    "psnr_registered_mean_db": "Registered PSNR, dB",
    "floor_db": "Floor, dB",
    "floor_random_db": "Floor of a random start, dB",
    "floor_mean_db": "Floor of one mean colour, dB",
    "floor_black_db": "Floor of a black image, dB",
    "floor_registered_db": "Registered floor, dB",
}
_ENHANCED = {
    "warmerdam2022_psnr_unshifted_db": "Warmerdam et al. 2022 before the move, dB",
    "warmerdam2022_psnr_aligned_db": "Warmerdam et al. 2022 aligned, dB",
    "warmerdam2022_psnr_aligned_area_db": "Warmerdam et al. 2022 aligned, common area, dB",
}
SETTINGS = {"attack": "Attack", "defence": "Defence", "recipe": "Recipe", "batch": "Batch"}
_SHARES = {
    "reid": "Re-identified",
    "reid_used": "Re-identified as what the victim used",
    "label_correct": "Label recovered",
}
# Columns of the estimates that say what a quantity is of.
_OF = {
    "label": "Policy",
    "attack": "Attack",
    "defence": "Defence",
    "recipe": "Recipe",
    "batch": "Batch",
    "victim": "Victims",
    "stage": "Stage",
    "of": "Of",
    "experiment": "Experiment",
}
TEXT = frozenset(
    {
        *(HEADS[k] for k in ("protocol", "dataset", "model", "policy", "operation")),
        *(HEADS[k] for k in ("operations", "same_as")),
        *("Attack", "Defence", "Recipe", "Victims", "Stage", "Of", "Experiment"),
        *("Quantity", "Interval by", "First", "Second", "Term", "Unit", "Method", "Note"),
    }
)


def attack_cells(row: Mapping[str, Any], settings: Sequence[str]) -> dict[str, str]:
    """Return the cells of a row of an attack table.

    Args:
        row: The row.
        settings: Columns of ``SETTINGS`` to show: those in which the rows of the table differ.
    """
    cells = _subject(row)
    if "label" in row:
        cells["Policy"] = str(row["label"])
    cells |= {SETTINGS[column]: str(row[column]) for column in settings}
    cells |= {
        "PSNR, dB [95 %]": _interval(row, "psnr", "_db"),
        "SD": number(row["psnr_std_db"]),
        "Images": f"{row['n_images']:.0f}",
        "Seeds": f"{row['n_seeds']:.0f}",
        "Failed": f"{row['n_failed']:.0f}",
        **{head: number(row[name]) for name, head in MEANS.items() if name in row},
        "Gain, dB [95 %]": _interval(row, "gain", "_db", sign="+"),
        "Gain > 0": number(100 * row["gain_positive_share"], 0, " %"),
        "Worst (max) PSNR, dB": number(row["psnr_max_db"]),
        "Worst (max) gain, dB": _worst(row),
        "SSIM [95 %]": _interval(row, "ssim", digits=3),
    }
    cells |= _measured(row)
    cells |= {
        "Difference, dB [95 %]": _interval(row, "difference", "_db", sign="+"),
        "Difference of gain, dB [95 %]": _interval(row, "gain_difference", "_db", sign="+"),
        "SD over seeds": number(row["gain_difference_seed_std_db"]),
        "Clean accuracy, % [95 %]": _accuracy(row, "clean"),
        "Transformed accuracy, % [95 %]": _accuracy(row, "transformed"),
        "Test images": f"{row['n_test']:.0f}",
    }
    if "pareto" in row:
        cells["Pareto front"] = _plain(row["pareto"])
    cells |= {title: _paper(row, source) for source, title in SOURCE_TITLES.items()}
    return cells | {head: number(row[name]) for name, head in _ENHANCED.items() if name in row}


def estimate_cells(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a row of :mod:`reveil.tables.estimates`."""
    cells = _subject(row) | {head: str(row[name]) for name, head in _OF.items() if name in row}
    cells |= {
        "Quantity": str(row["title"]),
        "Value [95 %]": bracketed(row["value"], row["low"], row["high"], None),
        "n": number(row["n"], 0),
        "Interval by": str(row["interval"]),
    }
    for source, title in SOURCE_TITLES.items():
        value = row[source]
        known = value != NOT_AVAILABLE
        cells[title] = number(float(value), None) if known else NOT_AVAILABLE
    return cells


def pair_cells(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a row of :func:`reveil.tables.defences.equal_accuracy`."""
    pair = {name.capitalize(): f"{row[f'{name}_label']}" for name in ("first", "second")}
    return _subject(row) | pair | {
        "Accuracy of the first, %": number(row["first_accuracy_pct"], 1),
        "Accuracy of the second, %": number(row["second_accuracy_pct"], 1),
        "Difference of accuracy, points [95 %]": _interval(
            row, "accuracy_difference", "_pct", sign="+"
        ),
        "Difference of gain, dB [95 %]": _interval(row, "gain_difference", "_db", sign="+"),
        "Images": number(row["n_images"], 0),
    }  # fmt: skip


def leak_cells(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a row of :func:`reveil.leaks.leaks`."""
    parts = (str(row[name]) for name in ("policy", "dataset", "model"))
    note, of_classes = row["note"], row["term"] == "class"
    ends = (row[end] for end in ("estimate", "low", "high"))
    return _subject(row) | {
        "Policy": policy_label(*parts),
        "Recipe": str(row["recipe"]),
        "Attack": str(row["attack"]),
        "Defence": str(row["defence"]),
        "Term": str(row["term"]).replace("_", " "),
        "Estimate [95 %]": bracketed(*ends, 2, "" if of_classes else "+"),
        "Unit": "share of variance" if of_classes else "dB per SD",
        "n": number(row["n"], 0),
        "Classes": number(row["classes"], 0),
        "R2": number(row["r2"]),
        "Method": str(row["method"]),
        # An empty note reads back from CSV as NaN.
        "Note": note if isinstance(note, str) else "",
    }


def search_cells(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a row of the tables of the search, of which ``HEADS`` names the shown."""
    special = {
        "dataset": lambda: dataset_title(row["dataset"]),
        "model": lambda: model_title(row["model"]),
        "s_pri": lambda: bracketed(row["s_pri"], row["s_pri_low"], row["s_pri_high"], 3),
        "s_pri_difference": lambda: number(row["s_pri_difference"], 3, sign="+"),
        "s_acc": lambda: number(row["s_acc"], 1),
        "warmerdam2022_s_pri": lambda: _plain(row["warmerdam2022_s_pri"], 3),
    }
    return {
        head: special[name]() if name in special else _plain(row[name])
        for name, head in HEADS.items()
        if name in row
    }


def number(value: float, digits: int | None = 2, unit: str = "", *, sign: str = "") -> str:
    """Return a number as text, ``-`` for NaN; four significant digits where ``digits`` is None."""
    if pd.isna(value):
        return "-"
    return f"{value:{sign}.4g}{unit}" if digits is None else f"{value:{sign}.{digits}f}{unit}"


def _subject(row: Mapping[str, Any]) -> dict[str, str]:
    titles = {"protocol": str, "dataset": dataset_title, "model": model_title}
    # The cost of a rule's jobs is of no one dataset, which reads back from CSV as NaN.
    return {
        HEADS[name]: title(row[name]) if isinstance(row[name], str) and row[name] else ""
        for name, title in titles.items()
        if name in row
    }


def _measured(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of the measures that not every run has."""
    cells = {}
    if "gain_content_mean_db" in row:
        cells["Gain on content, dB [95 %]"] = _interval(row, "gain_content", "_db", sign="+")
    if "lpips_mean" in row:
        cells["LPIPS"] = number(row["lpips_mean"], 3)
    for name, head in _SHARES.items():
        if f"{name}_share" in row:
            ends = (100 * row[f"{name}_{end}"] for end in ("share", "low", "high"))
            cells[f"{head}, % [95 %]"] = bracketed(*ends, 1)
    if "reid_chance" in row:
        cells["Re-identified by chance, %"] = number(100 * row["reid_chance"])
    return cells


def _worst(row: Mapping[str, Any]) -> str:
    if pd.isna(row["gain_max_db"]):
        return "-"
    return f"{row['gain_max_db']:+.2f} (image {row['gain_max_image']:.0f})"


def _plain(value: Any, digits: int = 0) -> str:
    if isinstance(value, str):
        return value
    # NumPy's booleans are not Python's; both are told by their name.
    if type(value).__name__.startswith("bool"):
        return "yes" if value else ""
    return number(value, digits)


def bracketed(mean: float, low: float, high: float, digits: int | None, sign: str = "") -> str:
    """Return a number with its interval as text; without one where an end of it is NaN."""
    text = number(mean, digits, sign=sign)
    if pd.isna(low) or pd.isna(high):
        return text
    return f"{text} [{number(low, digits, sign=sign)}, {number(high, digits, sign=sign)}]"


def _interval(
    row: Mapping[str, Any], name: str, unit: str = "", *, digits: int = 2, sign: str = ""
) -> str:
    ends = (row[f"{name}_{end}{unit}"] for end in ("mean", "low", "high"))
    return bracketed(*ends, digits, sign)


def _accuracy(row: Mapping[str, Any], measure: str) -> str:
    names = (f"accuracy_{measure}_{end}" for end in ("pct", "low_pct", "high_pct"))
    return bracketed(*(row[name] for name in names), 1)


def _paper(row: Mapping[str, Any], source: str) -> str:
    psnr, accuracy = row[f"{source}_psnr_db"], row[f"{source}_accuracy_pct"]
    if psnr == accuracy == NOT_AVAILABLE:
        return NOT_AVAILABLE
    deviation, n = row[f"{source}_psnr_std_db"], row[f"{source}_psnr_n"]
    extras = [
        f"{name} {float(value):.{digits}f}"
        for name, value, digits in (("SD", deviation, 2), ("n", n, 0))
        if value != NOT_AVAILABLE
    ]
    told = f" ({', '.join(extras)})" if extras else ""
    parts = ((psnr, f" dB{told}"), (accuracy, " %"))
    # A column with text in it reads back from CSV as text, numbers included.
    return ", ".join(
        NOT_AVAILABLE if value == NOT_AVAILABLE else f"{float(value):.2f}{unit}"
        for value, unit in parts
    )
