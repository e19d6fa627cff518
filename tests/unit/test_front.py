"""The front page of the report: verdicts, what was run, by what, on what, and its switches."""

import re
from html import unescape
from pathlib import Path

import pytest

from reveil import config as settings
from reveil import front
from reveil.digest import data_digest
from reveil.errors import ReveilError
from reveil.files import write_json
from tests.front_pages import front_page
from tests.workflow import ROOT

HEAD = "claim,statement,verdict,reason,demonstration,demonstration_of,statistic,cell,unit"
HEAD += ",criterion_standing,n_seeds,value,low,high,n"
ROW = (
    "mine,*S_pri* `is` |x|,not run,too few,supports,LeNet; 8 images,mean PSNR (dB) < 9,LeNet,image"
)
ROW += ",edited 2026-02-02,3"
ROW += ",-0.965,-0.98123,-0.95,8"
CONFIG = {"run": "toy", "studies": {"ats": {"models": ["a"]}, "unir": {}}, "seeds": [0]}
FILES = ["config.yaml", "my_own.yaml"]
ONE, OTHER = "0123456789ab, modified", "feedfeedfeed"


def in_force(**changes) -> dict:
    """Some presets with every switch, the protocol `fixed` changed."""
    config = {"protocols": {"fixed": changes}}
    return {
        "protocols": {"fixed": settings.resolve_protocol(config, ROOT, "fixed")},
        "feature_attacks": {"knn-1": settings.resolve_feature_attack(config, ROOT, "knn-1")},
    }


@pytest.fixture
def notes(tmp_path: Path) -> list[Path]:
    """The notes of three studies: two that were judged, and one that was not."""
    early, late = tmp_path / "a.json", tmp_path / "b.json"
    write_json(early, {front.MADE_BY: {"commits": {ONE: 2}, "machines": {"a processor": 2}}})
    machines = {"a GPU, a processor, 2 cores, 16 GiB": 1, "a processor": 1204}
    write_json(late, {front.MADE_BY: {"commits": {ONE: 2, OTHER: 1203}, "machines": machines}})
    return [early, late, tmp_path / "none.json"]


def test_verdicts_are_in_the_markup_of_the_page(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    assert front.report_rows(path) == []
    path.write_text(f"{HEAD}\n{ROW}\n")
    [row] = front.report_rows(path)
    assert row["statement"] == r"\*S\_pri\* \`is\` \|x\|"
    assert row["ours"] == "-0.965 [-0.981, -0.95], n = 8 images under 3 seeds"
    assert row["asked"] == "mean PSNR (dB) < 9 (LeNet)"
    assert (row["why"], row["of"]) == ("", "LeNet; 8 images")
    path.write_text(f"{HEAD}\n{ROW.replace('not run', 'undecided')}\n")
    assert front.report_rows(path)[0]["why"] == "too few"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("claim\nx\n", "column 'criterion_standing' is missing"),
        (f"{HEAD}\n{ROW[:-2]}\n", "cannot be read"),
        (f"{HEAD}\n{ROW}x\n", "cannot be read"),
    ],
)
def test_a_damaged_table_of_verdicts_is_told_to_be_deleted(tmp_path: Path, text, said) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_text(text)
    with pytest.raises(ReveilError, match=rf"verdicts\.csv: {said}.*delete it"):
        front.report_rows(path)


def test_what_was_run_by_which_commit_and_on_what(notes: list[Path]) -> None:
    said = dict(front.ran(CONFIG, FILES, notes))
    assert (said["Run"], said["Studies"]) == ("toy", "ats, unir")
    digest = data_digest(CONFIG)
    assert said["Configuration"] == rf"config.yaml, my\_own.yaml; digest of all of it {digest}"
    # Jobs that two studies count are the same ones.
    assert said["Commit"] == f"{OTHER} (1,203 jobs); {ONE} (2 jobs)"
    assert said["Hardware"] == (
        "a processor (1,204 jobs); a GPU, a processor, 2 cores, 16 GiB (1 job)"
    )


def test_what_nobody_noted_is_not_invented(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    write_json(tmp_path / "older.json", {"job": "judge_ats"})
    said = dict(front.ran(CONFIG, FILES, tmp_path.glob("*.json")))
    assert said["Commit"] == said["Hardware"] == front.escaped(front.NOT_NOTED)


def test_switches_that_are_not_the_default_stand_out() -> None:
    own = {"search": {"candidates": 30}, "scene": {"draws": "per_image"}}
    found = dict(front.changed(in_force(**own), ROOT))
    assert found["protocols fixed"] == "search.candidates 30"
    assert "method knn" in found["feature attacks knn-1"]
    assert "protocols fixed" not in dict(front.changed(in_force(), ROOT))
    places = {name: {"epochs": 2, "batch_size": 4} for name in ("full for a_b", "full for c")}
    [entry] = front.changed({"recipes": places}, ROOT)
    assert entry == (r"recipes full for a\_b; full for c", r"batch\_size 4, epochs 2")


def test_the_page_shows_it_and_folds_the_other_switches(notes: list[Path], tmp_path: Path) -> None:
    (tmp_path / "verdicts.csv").write_text(f"{HEAD}\n{ROW}\n")
    forced = in_force(search={"candidates": 30})
    config = {
        **CONFIG,
        "in_force": forced,
        "changed": front.changed(forced, ROOT),
        "ran": front.ran(CONFIG, FILES, notes),
        "verdicts": front.report_rows(tmp_path / "verdicts.csv"),
    }
    html = front_page(config)
    assert "system-message" not in html
    shown, _, rest = html.partition("<details>")
    folded, closed, _ = rest.partition("</details>")
    assert closed
    text = unescape(" ".join(re.sub(r"<[^>]+>", " ", shown).split()))
    number = "mean PSNR (dB) < 9 (LeNet): -0.965 [-0.981, -0.95], n = 8 images under 3 seeds"
    for said in (
        "*S_pri* `is` |x| (mine, criterion edited 2026-02-02)",
        number,
        "supports (LeNet; 8 images)",
        "my_own.yaml",
        ONE,
        "2 cores, 16 GiB (1 job)",
    ):
        assert said in text
    assert "search.candidates 30" in text and "convnet_layers" not in text
    assert "convnet_layers" in folded
    assert "All are the defaults" in front_page({**config, "changed": [], "verdicts": []})
