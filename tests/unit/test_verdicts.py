"""The machinery of verdicts: margins, cells, scope, stand-ins, registration and tables."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from reveil import reproduction_docs
from reveil import rows as tidy
from reveil.config import merge, read_yaml
from reveil.errors import ReveilError
from reveil.stages.judging_claims import judge_study
from reveil.statistics import Estimate
from reveil.verdicts import frames, registry, shown
from reveil.verdicts.criteria import (
    Cut,
    criterion_digest,
    read_claims,
    read_stand_ins,
)
from reveil.verdicts.cuts import cuts
from reveil.verdicts.decide import Verdict, of_cell, of_test
from reveil.verdicts.judge import judge
from reveil.verdicts.tables import prepared, reader

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "config" / "claims.yaml"
S, C, U, N = Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.UNDECIDED, Verdict.NOT_RUN

MINE = {
    "id": "mine",
    "study": "ats",
    "experiment": "ats-exp03",
    "statement": "A policy lowers\n the gain.",
    "sources": [{"source": "original", "conclusion": "claimed", "quote": "so", "numbers": []}],
    "criterion": "Lower in every cell.",
    "tests": [
        {
            "name": "lower",
            "role": "decides",
            "table": "images",
            "statistic": "paired_difference",
            "column": "gain_db",
            "select": {"policy": ["published-1"], "attack": ["inversed"]},
            "reference": {"policy": "crop-flip"},
            "alternative": "less",
            "margin": 0.0,
            "confidence": 0.95,
            "cells": ["dataset", "model"],
            "require": "all",
        }
    ],
    "scope": {
        "datasets": ["cifar100"],
        "models": ["resnet20-4"],
        "min_images": 8,
        "min_iterations": 100,
        "min_seeds": 1,
    },
}


@pytest.fixture
def written(tmp_path):
    """Write a file of one claim, changed in some keys, and return its path."""

    def write(name="claims.yaml", stand_ins=None, **changed):
        content = {"claims": [{**MINE, **changed}]}
        content |= {"stand_ins": stand_ins} if stand_ins else {}
        path = tmp_path / name
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def claim(written):
    return read_claims([written()], ROOT)[0]


def attacked(difference=-1.0, images=8, **changed):
    """Return images under crop and flip, and under a policy with another gain."""
    parts = []
    for policy, gain in (("crop-flip", 2.0), ("3-1-7", 2.0 + difference)):
        named = {"protocol": "fixed", "dataset": "cifar100", "model": "resnet20-4"}
        named |= {"policy": policy, "recipe": "full", "seed": 0, "attack": "inversed"}
        named |= {"defence": "none", "iterations": 100, "status": "ok"} | changed
        own = 0.01 * np.arange(images) * (policy != "crop-flip")
        parts.append(pd.DataFrame({**named, "image": range(images), "gain_db": gain + own}))
    return pd.concat(parts, ignore_index=True)


def of(table):
    return {"images": table}.get


@pytest.mark.parametrize(
    ("low", "high", "alternative", "margin", "expected"),
    [
        (-2, -1, "less", 0.0, S),
        (1, 2, "less", 0.0, C),
        (-1, 1, "less", 0.0, U),
        (0.6, 2, "greater", 0.5, S),
        (0.1, 0.4, "greater", 0.5, C),
        (0.4, 0.6, "greater", 0.5, U),
        (-0.5, 0.5, "equivalent", 1.0, S),
        (1.5, 2.0, "equivalent", 1.0, C),
        (-3.0, -1.1, "equivalent", 1.0, C),
        (0.5, 1.5, "equivalent", 1.0, U),
        (-2.0, 2.0, "equivalent", 1.0, U),
        (math.nan, math.nan, "less", 0.0, U),
        # An end on the margin is on neither side.
        (-1.0, 0.0, "less", 0.0, U),
        (0.0, 1.0, "less", 0.0, U),
    ],
)
def test_a_cell_is_decided_by_its_whole_interval(claim, low, high, alternative, margin, expected):
    test = replace(claim.tests[0], alternative=alternative, margin=margin)
    assert of_cell(Estimate((low + high) / 2, low, high, 9, "x"), test) == expected


@pytest.mark.parametrize(
    ("found", "require", "expected"),
    [
        ([S, S], "all", S),
        ([S, U], "all", U),
        ([S, U, C], "all", C),
        ([], "all", U),
        ([S, S, C], "most", S),
        ([C, C, S], "most", C),
        ([S, C], "most", U),
        ([], "most", U),
    ],
)
def test_cells_make_a_test(found, require, expected):
    assert of_test(found, require) == expected


def test_numbers_and_names_of_a_verdict(claim):
    found = judge(claim, of(attacked()))
    assert (found.verdict, found.reason, found.comparisons) == (S, "", 1)
    number = found.deciding()
    assert number.estimate.value == pytest.approx(-1 + 0.035)
    assert number.estimate.n == 8
    assert number.cell.asked == {"policy": "published-1", "attack": "inversed"}
    assert judge(claim, of(attacked(+1.0))).reason == "by lower"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"dataset": "cifar10"}, "dataset cifar10"),
        ({"model": "convnet"}, "model convnet"),
        ({"iterations": 99}, "99 of 100 iterations"),
        ({"images": 7}, "7 of 8 images"),
        ({"protocol": "orig2021"}, "protocol orig2021"),
    ],
)
def test_what_is_outside_of_the_scope_is_not_run(claim, changed, reason):
    if changed.get("model") == "convnet":
        claim = replace(claim, tests=(replace(claim.tests[0], select={"policy": ("3-1-7",)}),))
    found = judge(claim, of(attacked(**changed)))
    assert (found.verdict, found.demonstration) == (N, "supports")
    assert reason in found.reason
    assert judge(claim, of(attacked(+1.0, **changed))).demonstration == "contradicts"


def test_a_part_of_the_scope_supports_nothing_and_may_contradict(claim):
    wider = replace(claim, scope=replace(claim.scope, datasets=("cifar100", "fashion-mnist")))
    found = judge(wider, of(attacked()))
    assert found.verdict == N and "not run" in found.reason and "fashion-mnist" in found.reason
    assert judge(wider, of(attacked(+1.0))).verdict == C


def test_an_attack_with_fewer_iterations_by_design_has_to_do_those(claim):
    table = attacked(iterations=50)
    assert judge(claim, of(table), iterations={"inversed": 50}).verdict == S
    assert judge(claim, of(table), iterations={"inversed": 51}).verdict == N


@pytest.mark.parametrize(
    ("where", "concerned"),
    [
        ({"recipe": "full"}, True),
        ({"recipe": "full", "dataset": "cifar100"}, True),
        ({"recipe": "full", "dataset": "cifar10"}, False),
        ({"recipe": "tiny"}, False),
        ({"attack": "inversed"}, True),
        # What it is compared with.
        ({"policy": "crop-flip"}, True),
        # Of columns that the rows lack, the recipe may be any, and no other is theirs.
        ({"part": "decoder"}, False),
    ],
)
def test_what_the_configuration_cut_short_is_not_run(claim, where, concerned):
    cut = [Cut(where, "recipe full with 2 of 60 epochs")]
    found = judge(claim, of(attacked(+1.0)), cuts=cut)
    assert found.verdict == (N if concerned else C)
    assert (found.demonstration == "contradicts") == concerned
    assert ("recipe full with 2 of 60 epochs" in found.reason) == concerned


def test_rows_without_a_recipe_may_be_of_any(claim):
    table = attacked(+1.0).drop(columns="recipe")
    cut = [Cut({"recipe": "full"}, "recipe full with 2 of 60 epochs")]
    assert judge(claim, of(table)).verdict == C
    assert judge(claim, of(table), cuts=cut).verdict == N


def test_seeds_that_one_side_lacks_are_left_out(claim):
    table = pd.concat([attacked(-1.0), attacked(+9.0, seed=1)])
    table = table[~((table["seed"] == 1) & (table["policy"] == "crop-flip"))]
    assert judge(claim, of(table)).deciding().estimate.value == pytest.approx(-0.965)


def test_defended_and_failed_rows_are_no_part_of_a_cell(claim):
    table = pd.concat([attacked(-1.0), attacked(+9.0, defence="prune-70")])
    failed = attacked(+9.0).assign(image=99, status="failed", gain_db=np.nan)
    found = judge(claim, of(pd.concat([table, failed])))
    assert found.deciding().estimate.value == pytest.approx(-0.965)
    assert found.deciding().cell.failed == 8


def test_rows_of_two_recipes_are_two_cells(claim):
    table = pd.concat([attacked(-1.0), attacked(+1.0, recipe="other")])
    found = judge(claim, of(table))
    assert found.verdict == C and found.comparisons == 2


def test_corrected_intervals_are_wider_and_may_not_decide(claim):
    table = attacked(-0.02, images=8)
    table.loc[table["policy"] == "3-1-7", "gain_db"] += 0.012 * np.tile([1, -1], 4)
    many = [table.assign(recipe=f"r{i}") for i in range(30)]
    found = judge(claim, of(pd.concat(many, ignore_index=True)))
    number = found.deciding()
    assert found.comparisons == 30
    assert number.adjusted.high - number.adjusted.low > number.estimate.high - number.estimate.low


def test_stand_ins_demonstrate_and_decide_nothing(claim):
    table = attacked().replace({"policy": {"3-1-7": "found-fixed-s0-1", "crop-flip": "none"}})
    assert judge(claim, of(table)).demonstration == "no data"
    others = {"policy": {"published-1": ("found-1",), "crop-flip": ("none",)}}
    found = judge(claim, of(table), stand_ins=others)
    assert (found.verdict, found.demonstration) == (N, "supports")
    assert "policy found-fixed-s0-1 for published-1" in found.reason
    assert "compared with policy none" in found.reason


def test_stand_ins_of_any_column_decide_nothing(claim):
    others = {"attack": {"inversed": ("zhu",)}}
    found = judge(claim, of(attacked(attack="zhu")), stand_ins=others)
    assert (found.verdict, found.demonstration) == (N, "supports")
    assert "attack zhu for inversed" in found.reason


@pytest.mark.parametrize(("column", "kept"), [("image", "3 of 8 images"), ("seed", "1 of 2 seeds")])
def test_what_has_nothing_to_be_compared_with_does_not_count(claim, column, kept):
    claim = replace(claim, scope=replace(claim.scope, min_seeds=2))
    table = pd.concat([attacked(), attacked(seed=1)], ignore_index=True)
    few = table[column] < {"image": 3, "seed": 1}[column]
    assert judge(claim, of(table)).verdict == S
    found = judge(claim, of(table[few | (table["policy"] != "crop-flip")]))
    assert found.verdict == N and kept in found.reason


def test_iterations_that_nobody_noted_meet_no_scope(claim):
    found = judge(claim, of(attacked().drop(columns="iterations")))
    assert found.verdict == N and "iterations not known" in found.reason
    found = judge(claim, of(attacked(iterations=np.nan)))
    assert found.verdict == N and "0 of 100 iterations" in found.reason


def test_of_numbers_without_an_interval_the_least_favourable_is_shown(claim):
    table = pd.concat([attacked(-0.1), attacked(+0.5, recipe="b"), attacked(-1.0, recipe="c")])
    found = judge(claim, of(table[table["image"] == 0]))
    assert found.deciding().estimate.value == pytest.approx(0.5)
    assert math.isnan(found.deciding().estimate.low)


def test_a_claim_is_about_its_table(claim):
    with pytest.raises(ReveilError, match="claim 'mine': tests 'lower': column 'gain_db' is not"):
        judge(claim, of(attacked().drop(columns="gain_db")))
    odd = replace(claim, tests=(replace(claim.tests[0], reference={"policies": "x"}),))
    with pytest.raises(ReveilError, match="no column 'policies'"):
        judge(odd, of(attacked()))
    odd = replace(claim, tests=(replace(claim.tests[0], statistic="overlap"),))
    with pytest.raises(ReveilError, match="column 'candidate' is not in the table images"):
        judge(odd, of(attacked()))


def test_layers_count_at_the_end_of_the_attack():
    table = pd.DataFrame({"image": 0, "tensor": "a", "iteration": [0, 5], "cosine": [0.1, 0.9]})
    table = table.assign(dataset="d", model="m", policy="p", seed=0)
    [row] = prepared("layers", table, lambda _: None).to_dict("records")
    assert (row["cosine"], row["iterations"]) == (0.9, 5)


def test_correlations_know_the_iterations_of_their_images():
    place = {"protocol": "p", "dataset": "d", "model": "m", "attack": "a"}
    table = pd.DataFrame([{**place, "psnr_db": 1.0}])
    images = pd.DataFrame([{**place, "iterations": 7}])
    assert prepared("correlation", table, lambda _: images)["iterations"].tolist() == [7]


def test_rows_of_two_files_are_stacked_and_the_same_row_counts_once(tmp_path):
    epochs = pd.DataFrame({"dataset": "d", "seed": 0, "epoch": [0, 1], "best": [0, 1]})
    tidy.write(str(tmp_path / "a.csv"), epochs)
    found = reader()({"attackers": [str(tmp_path / "a.csv")] * 2})("attackers")
    assert found["epoch"].tolist() == [0, 1]


def test_files_of_claims_are_checked(written, tmp_path):
    with pytest.raises(ReveilError, match=r"claims.yaml: claims\[0\].study: 'cnn' is not allowed"):
        read_claims([written(study="cnn")], ROOT)
    with pytest.raises(ReveilError, match="'mine' is in .*one.yaml, too"):
        read_claims([written("one.yaml"), written("two.yaml")], ROOT)
    with pytest.raises(ReveilError, match="tests: 'lower' is there twice"):
        read_claims([written(tests=MINE["tests"] * 2)], ROOT)
    with pytest.raises(ReveilError, match=r"none\.yaml: cannot be read"):
        read_claims([tmp_path / "none.yaml"], ROOT)
    by_seed = [{**MINE["tests"][0], "unit": "seed"}]
    with pytest.raises(ReveilError, match="statistic: 'paired_difference' is not allowed.*mean"):
        read_claims([written(tests=by_seed)], ROOT)
    for changed, message in (
        ({"table": "models"}, "table: 'models' is not allowed.*images, layers"),
        (
            {"statistic": "share", "where": {"s_pri": "above_none"}},
            "table: 'images' is not allowed; allowed: scores",
        ),
    ):
        with pytest.raises(ReveilError, match=message):
            read_claims([written(tests=[{**MINE["tests"][0], **changed}])], ROOT)
    path = written(stand_ins={"policy": {"a": ["b"]}})
    assert read_stand_ins([path]) == {"policy": {"a": ("b",)}}


def test_the_claim_of_the_guide_is_judged(tmp_path):
    guide = (ROOT / "docs" / "guides" / "own-claim.md").read_text()
    path = tmp_path / "my-claims.yaml"
    path.write_text(guide.split("```yaml\n")[1].split("```")[0])
    [claim] = read_claims([path], ROOT)
    assert "min_iterations: 160" in guide
    assert read_yaml(ROOT / "config/demo.yaml")["attacks"]["inversed"]["iterations"] == 160
    demo = {"dataset": "fashion-mnist-demo", "model": "lenetzhu", "iterations": 160}
    table = attacked(-0.1, images=10, **demo)
    table = table.replace({"policy": {"crop-flip": "none", "3-1-7": "crop-flip"}})
    assert judge(claim, of(table)).verdict == S
    # The demo cuts its recipe short, which the claim is about.
    demo_config = merge(read_yaml(ROOT / "config.yaml"), read_yaml(ROOT / "config/demo.yaml"))
    short = cuts(demo_config, ROOT, claim)
    assert "recipe full with 6 of 60 epochs" in [cut.text for cut in short]
    assert judge(claim, of(table), cuts=short).verdict == S
    strict = replace(claim, scope=replace(claim.scope, as_run=False))
    assert judge(strict, of(table), cuts=short).verdict == N
    assert judge(claim, of(table.assign(gain_db=table["gain_db"] - 2))).reason == "by leaks"
    table.loc[table["policy"] == "crop-flip", "gain_db"] -= 1
    assert judge(claim, of(table)).reason == "by cropped-too"


def test_wording_is_no_part_of_a_criterion(claim):
    assert criterion_digest({**MINE, "statement": "other", "criterion": "x"}) == claim.digest
    assert criterion_digest({**MINE, "scope": {}}) != claim.digest


def test_a_measure_that_is_text_is_told(claim):
    table = attacked().assign(gain_db="high")
    with pytest.raises(ReveilError, match="claim 'mine': .*'gain_db' .* no number: it has 'high'"):
        judge(claim, of(table))


def test_later_edits_of_a_criterion_show(claim):
    first = registry.Registration("mine", claim.digest, "2026-01-01")
    other = registry.Registration("mine", "feed", "2026-02-02")
    assert registry.standing(claim, []) == "not registered"
    assert registry.standing(claim, [first]) == "registered 2026-01-01"
    assert registry.standing(claim, [first, other]) == "registered 2026-01-01"
    again = [other._replace(date="2025-12-12"), first]
    assert registry.standing(claim, again) == "edited 2026-01-01, registered 2025-12-12"
    assert registry.standing(claim, [other]) == "edited and not registered since 2026-02-02"
    assert registry.added([claim], [first], "x") == []
    assert registry.added([claim], [first, other], "x") == [first._replace(date="x")]


def test_every_criterion_is_registered_in_its_present_form():
    registered = registry.of_files([FILE])
    claims = read_claims([FILE], ROOT)
    assert registry.added(claims, registered, "today") == [], "python -m reveil.verdicts.registry"
    assert sorted(entry.date for entry in registered) == [entry.date for entry in registered]


def test_registrations_are_read_as_written(tmp_path):
    entries = [registry.Registration("a", "1", "2026-01-01")]
    registry.write(tmp_path / "r.csv", entries)
    assert registry.read(tmp_path / "r.csv") == entries
    (tmp_path / "r.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReveilError, match="its columns are claim, digest, date"):
        registry.read(tmp_path / "r.csv")


def test_claims_of_ones_own_are_registered_beside_them(written, monkeypatch, capsys):
    """And not in a file of the repository, whose results would count as made by changed code."""
    path = written("mine.yaml")
    assert registry.of_files([path]) == []
    monkeypatch.setattr("sys.argv", ["registry", str(path)])
    registry.main()
    [claim] = read_claims([path], ROOT)
    [entry] = registry.read(path.with_name("mine-registered.csv"))
    assert (entry.claim, entry.digest) == ("mine", claim.digest)
    assert f"registered mine {claim.digest}" in capsys.readouterr().out
    verdicts, _ = judge_study("ats", "run", [path], ROOT, {}, iterations={}, cuts={})
    assert verdicts["criterion_standing"].tolist() == [f"registered {entry.date}"]
    registry.main()
    assert registry.of_files([path]) == [entry]


def test_a_source_of_ones_own_has_its_columns(written):
    own = {"source": "our-lab", "conclusion": "claimed", "quote": "seen once", "numbers": []}
    path = written(sources=[own, {**own, "source": "theirs", "words": "as ours"}])
    verdicts, _ = judge_study("ats", "run", [path], ROOT, {}, iterations={}, cuts={})
    assert shown.sources(verdicts.iloc[0].to_dict()) == (
        'our-lab: claimed: "seen once"; theirs: claimed: as ours; "seen once"'
    )


@pytest.fixture
def judged(written, tmp_path):
    """The tables of a study with one claim, from a file of images."""
    tidy.write(str(tmp_path / "images.csv"), attacked())
    files = {"mine": {"images": [str(tmp_path / "images.csv")] * 2}}
    return judge_study("ats", "run", [written()], ROOT, files, iterations={}, cuts={})


def test_a_study_is_judged_from_files(judged):
    verdicts, tests = judged
    row = verdicts.iloc[0]
    assert row["verdict"] == row["verdict_adjusted"] == "supported"
    assert row["cell"] == "cifar100, resnet20-4, 3-1-7, inversed"
    assert row["statistic"] == "gain over the floor (dB), less that of crop-flip < 0"
    assert row["original_conclusion"] == 'claimed: "so"' and row["guo2020_conclusion"] == ""
    assert row["criterion_standing"] == "not registered"
    assert tests[["test", "n", "in_scope", "premise", "failed"]].values.tolist() == [
        ["lower", 8, 1, 1, 0]
    ]


def test_a_study_without_claims_is_refused(written):
    with pytest.raises(ReveilError, match="no claim of the study unir"):
        judge_study("unir", "run", [written()], ROOT, {}, iterations={}, cuts={})


def test_tables_of_verdicts_read_well(judged, tmp_path):
    table = judged[0].assign(statement="<b>Is | it?</b>")
    markdown, html = shown.to_markdown(table), shown.to_html(table)
    assert "| **supported** |" in markdown and r"Is \| it?" in markdown
    assert "-0.965 [-0.98" in markdown and "n = 8 images" in markdown
    assert "&lt;b&gt;Is" in html and "<b>" not in html and html.isascii()
    assert shown.summary(pd.concat([table, table.assign(verdict="not run")])) == (
        "1 supported, 1 not run"
    )
    # As they are after a way through a file, too.
    tidy.write(str(tmp_path / "v.csv"), table)
    assert shown.to_markdown(tidy.read(tmp_path / "v.csv")) == markdown


def test_sources_have_the_names_of_their_papers(judged):
    said = {"knijff2021_conclusion": "mixed: higher; in part", "guo2020_conclusion": "claimed"}
    table = judged[0].assign(**said)
    markdown, html = shown.to_markdown(table), shown.to_html(table)
    assert "Knijff et al. 2021: mixed: higher; in part; Guo et al. 2020: claimed" in markdown
    assert (
        "original: claimed: &quot;so&quot;<br>Knijff et al. 2021: mixed: higher; in part<br>Guo et"
        in html
    )


def test_a_star_marks_what_corrected_intervals_do_not_give(judged):
    table = judged[0].assign(verdict="contradicted", verdict_adjusted="undecided")
    assert "**contradicted***" in shown.to_markdown(table)
    assert "**contradicted** |" in shown.to_markdown(table.assign(verdict_adjusted="contradicted"))


def test_support_needs_no_correction(claim):
    table = attacked(-0.061)
    table.loc[table["policy"] == "3-1-7", "gain_db"] += 0.012 * np.tile([1, -1], 4)
    many = [table.assign(recipe=f"r{i}") for i in range(300)]
    found = judge(claim, of(pd.concat(many, ignore_index=True)))
    assert {n.adjusted_verdict for n in found.numbers} == {U}
    assert found.verdict == found.adjusted == S


def test_every_source_has_columns(judged):
    for name in ("original", "drabent2022", "warmerdam2022", "knijff2021", "guo2020"):
        assert f"{name}_numbers" in judged[0]
    cited = frames.verdict_table(
        [judge(claim, lambda _: None) for claim in read_claims([FILE], ROOT)], "run", []
    )
    first = cited[cited["claim"] == "ats-claim-7"].iloc[0]
    assert first["original_numbers"] == "pearson_r 0.697 (CIFAR-100, ResNet20-4)"
    assert first["warmerdam2022_conclusion"] == "rejected"


def test_the_pages_on_kept_results_say_what_their_table_says(tmp_path):
    """And that by the criteria in force: else run python -m reveil.reproduction_docs."""
    table = tidy.read(ROOT / "docs/reproduction/verdicts.csv")
    for path, text in reproduction_docs.pages(ROOT, table).items():
        assert path.suffix == ".csv" or (ROOT / path).read_text() == text, path
    digests = {claim.id: claim.digest for claim in read_claims([FILE], ROOT)}
    assert dict(zip(table["claim"], table["criterion_digest"], strict=True)) == digests
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(ReveilError, match=r"README\.md: the lines .* are missing"):
        reproduction_docs.pages(tmp_path, table)


def test_a_decided_claim_of_the_readme_has_its_number(judged):
    text = reproduction_docs.readme_table(judged[0])
    asked = "gain over the floor (dB), less that of crop-flip < 0 | -0.965 ["
    assert f"| **supported** | {asked}" in text
    assert '| cifar100, resnet20-4, 3-1-7, inversed | original: claimed: "so" |' in text
    assert text.endswith("1 supported; for 0 of them no rows are kept to judge by.")


def test_an_edited_criterion_is_marked_in_the_readme(judged):
    table = judged[0].assign(criterion_standing="edited 2026-11-23 after it was registered")
    assert "(criterion edited 2026-11-23 after it was registered)" in (
        reproduction_docs.readme_table(table)
    )
