"""What readers see of a table: which columns, what in them, and the line under them."""

import numpy as np
import pandas as pd

from reveil import tables
from reveil.leaks import leaks

SETTING = {
    "protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4", "policy": "3-1-7",
    "recipe": "full", "attack": "inversed", "defence": "none",
}  # fmt: skip


def printed(table, *notes):
    """Return the rows of a table as it is printed, by head, and the line under it."""
    *lines, _, note = tables.to_markdown(table, *notes).splitlines()
    head, _, *body = (line[2:-2].split(" | ") for line in lines)
    return [dict(zip(head, cells, strict=True)) for cells in body], note


def regression(**values):
    row = SETTING | {"term": "edge_density", "estimate": 1.234, "low": -0.5, "high": 2.0}
    row |= {"n": 60, "classes": 6, "r2": 0.4567, "method": "ols-hc3", "note": "left out: 3"}
    return row | values


def test_the_regressions_of_the_leaks_are_printed_whole():
    empty = dict.fromkeys(("estimate", "low", "high", "r2"), np.nan)
    rows, note = printed(
        pd.DataFrame(
            [
                regression(),
                regression(term="class"),
                regression(policy="none", method="none", note=np.nan) | empty,
            ]
        )
    )
    assert rows[0] == {
        "Protocol": "fixed", "Dataset": "CIFAR-100", "Model": "ResNet20-4",
        "Policy": "Searched 1 (3-1-7)", "Recipe": "full", "Attack": "inversed", "Defence": "none",
        "Term": "edge density", "Estimate [95 %]": "+1.23 [-0.50, +2.00]",
        "Unit": "dB per SD", "n": "60",
        "Classes": "6", "R2": "0.46", "Method": "ols-hc3", "Note": "left out: 3",
    }  # fmt: skip
    shares = [rows[1][head] for head in ("Term", "Estimate [95 %]", "Unit")]
    assert shares == ["class", "1.23 [-0.50, 2.00]", "share of variance"]
    assert (rows[2]["Estimate [95 %]"], rows[2]["R2"], rows[2]["Note"]) == ("-", "-", "")
    assert "Settings without a regression, as their notes tell: 1 of 2." in note
    assert "Failed" not in note and "Means" not in note


def test_what_leaks_writes_is_what_is_printed():
    facts = np.random.default_rng(0).normal(size=(40, 5))
    names = ["contrast", "edge_density", "victim_loss", "victim_confidence", "gradient_norm"]
    images = pd.DataFrame(facts, columns=names).assign(**SETTING, status="ok", label=0)
    images = images.assign(image=range(40), psnr_db=9.0 + facts[:, 0], floor_db=8.0, seed=0)
    rows, _ = printed(leaks(images))
    assert [row["Term"] for row in rows[:5]] == [name.replace("_", " ") for name in names]
    assert {row["n"] for row in rows} == {"40"}
