"""What readers see of a table: which columns, what in them, and the line under them."""

import re
import runpy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from reveil import rows, tables
from reveil.files import write_csv
from reveil.leaks import leaks
from tests.attacked import JUDGE, attack_rows, model_rows, published_rows
from tests.figure_tables import single_scores
from tests.workflow import ROOT

SCRIPTS = sorted((ROOT / "workflow/scripts").glob("ats_table_*.py"))
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
    shown, note = printed(
        pd.DataFrame(
            [
                regression(),
                regression(term="class"),
                regression(policy="none", method="none", note=np.nan) | empty,
            ]
        )
    )
    assert shown[0] == {
        "Protocol": "fixed", "Dataset": "CIFAR-100", "Model": "ResNet20-4",
        "Policy": "Searched 1 (3-1-7)", "Recipe": "full", "Attack": "inversed", "Defence": "none",
        "Term": "edge density", "Estimate [95 %]": "+1.23 [-0.50, +2.00]",
        "Unit": "dB per SD", "n": "60",
        "Classes": "6", "R2": "0.46", "Method": "ols-hc3", "Note": "left out: 3",
    }  # fmt: skip
    shares = [shown[1][head] for head in ("Term", "Estimate [95 %]", "Unit")]
    assert shares == ["class", "1.23 [-0.50, 2.00]", "share of variance"]
    assert (shown[2]["Estimate [95 %]"], shown[2]["R2"], shown[2]["Note"]) == ("-", "-", "")
    assert "Settings without a regression, as their notes tell: 1 of 2." in note
    assert "Failed" not in note and "Means" not in note


def test_what_leaks_writes_is_what_is_printed():
    facts = np.random.default_rng(0).normal(size=(40, 5))
    names = ["contrast", "edge_density", "victim_loss", "victim_confidence", "gradient_norm"]
    images = pd.DataFrame(facts, columns=names).assign(**SETTING, status="ok", label=0)
    images = images.assign(image=range(40), psnr_db=9.0 + facts[:, 0], floor_db=8.0, seed=0)
    shown, _ = printed(leaks(images))
    assert [row["Term"] for row in shown[:5]] == [name.replace("_", " ") for name in names]
    assert {row["n"] for row in shown} == {"40"}


def attacked(**columns):
    """Return the table of two policies whose images have some more columns."""
    images = pd.concat([attack_rows(policy, [9.0, 12.0]) for policy in ("none", "3-1-7")])
    return tables.attack_table(
        images.assign(**columns), model_rows("none"), published_rows(), {"fixed": JUDGE},
        experiment="ats-exp03", by=["policy"],
    )  # fmt: skip


def test_every_measure_of_an_attack_has_a_column():
    table = attacked(
        psnr_unshifted_db=7.0, psnr_unshifted_original_db=6.0, psnr_registered_db=13.0,
        floor_registered_db=12.5, floor_content_db=8.25, gain_content_db=0.0,
        reid_rank=[1, 2, 1, 2], reid_rank_used=1, reid_gallery=40,
    )  # fmt: skip
    shown, note = printed(table.assign(pareto=[False, True]))
    expected = {
        "PSNR to the original, dB": "9.50",
        "PSNR on content, dB": "11.50",
        "PSNR before the move, dB": "7.00",
        "PSNR before the move, to the original, dB": "6.00",
        "Registered PSNR, dB": "13.00",
        "Floor, dB": "8.00",
        "Floor of a random start, dB": "7.00",
        "Floor of one mean colour, dB": "8.00",
        "Floor of a black image, dB": "6.00",
        "Registered floor, dB": "12.50",
        "Gain on content, dB [95 %]": "+3.25 [-15.81, +22.31]",
        "Re-identified by chance, %": "2.50",
        "Pareto front": "yes",
    }
    assert {head: shown[1][head] for head in expected} == expected
    assert shown[0]["Pareto front"] == ""
    assert shown[1]["Re-identified as what the victim used, % [95 %]"].startswith("100.0 [")
    assert shown[1]["Re-identified, % [95 %]"].startswith("50.0 [")
    assert "Left out" not in note


def test_columns_that_are_empty_or_repeat_another_are_not_printed():
    psnr = [9.0, 12.0, 9.0, 12.0]
    table = attacked(
        psnr_original_db=psnr, psnr_content_db=psnr, floor_content_db=8.0, gain_content_db=1.0,
        psnr_unshifted_db=np.nan, reid_rank=1, reid_rank_used=1, reid_gallery=40, lpips=np.nan,
    )  # fmt: skip
    shown, note = printed(table)
    heads = " ".join(shown[0])
    for absent in ("original", "content", "before the move", "victim used", "LPIPS", "over seeds"):
        assert absent not in heads
    assert "Difference of gain, dB [95 %]" in shown[0]
    told = (
        "PSNR to the original; PSNR on content; Gain on content; Re-identified as what the victim"
    )
    assert f"Left out, equal to another column: {told} used. " in note


def test_one_row_that_differs_keeps_a_column():
    table = attacked(psnr_original_db=[9.0, 12.0, 9.0, 12.5])
    shown, note = printed(table)
    assert [row["PSNR to the original, dB"] for row in shown] == ["10.50", "10.75"]
    assert "Left out" not in note


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_captions_name_the_judges_baseline_only_where_it_is_that_of_the_table(script):
    text = script.read_text()
    caption = (ROOT / f"workflow/report/{script.stem}.rst").read_text()
    judged = bool(re.search(r"tables\.(attack|policy)_table", text)) and "baseline=" not in text
    assert ('judge["baseline"]' in caption) == judged
    assert "ifferences are to" in caption or "baseline=" not in text


@pytest.mark.parametrize(
    ("dataset", "original", "drabent"),
    [
        ("cifar100-synthetic", {3, 15, 26, 18, 1}, {1, 3, 15, 18, 21}),
        ("tiny-imagenet-200", None, {0, 1, 13, 15, 18}),
        ("tiny-imagenet-200-synthetic", None, {0, 1, 13, 15, 18}),
        ("fashion-mnist", None, None),
    ],
)
def test_the_marks_are_those_published_for_the_dataset(dataset, original, drabent):
    table = tables.single_table(single_scores().assign(dataset=dataset))
    text = tables.to_markdown(table).splitlines()[0]
    for source, title, named in (("original", "Gao", original), ("drabent2022", "Drab", drabent)):
        marks = table[f"top_five_{source}"]
        assert (f"Top five of {title}" in text) == (named is not None)
        found = set(table.loc[marks.eq(True), "index"])
        assert found == named if named else marks.isna().all()


def test_pairs_of_equal_accuracy_are_printed_too(tmp_path):
    images = pd.concat(
        [
            attack_rows("3-1-7", [9.0, 12.0, 10.0]),
            attack_rows("none", [13.0, 13.5, 12.5]).assign(defence="prune-70"),
        ]
    )
    tables_of = {"images": images, "models": model_rows("none", "3-1-7")}
    for name, table in tables_of.items():
        write_csv(tmp_path / f"{name}.csv", table)
    names = ("csv", "markdown", "html", "pairs", "pairs_markdown", "pairs_html")
    snakemake = SimpleNamespace(
        input=SimpleNamespace(**{name: str(tmp_path / f"{name}.csv") for name in tables_of}),
        output=SimpleNamespace(**{name: tmp_path / f"out-{name}" for name in names}),
        params=SimpleNamespace(judge={"fixed": JUDGE}),
        resources=SimpleNamespace(published=str(ROOT / "config/published.csv")),
        log=[str(tmp_path / "log.txt")],
    )
    script = ROOT / "workflow/scripts/ats_table_exp04.py"
    runpy.run_path(str(script), {"snakemake": snakemake})
    assert rows.read(tmp_path / "out-pairs")["second_defence"].tolist() == ["prune-70"]
    text = (tmp_path / "out-pairs_markdown").read_text()
    assert "| Searched 1 (3-1-7) | None, prune-70 | 75.0 | 75.0 |" in text and "Newcombe" in text
    assert "None, prune-70" in (tmp_path / "out-pairs_html").read_text()
    assert "Pareto front" in (tmp_path / "out-markdown").read_text()
