"""What made every result of a run: commits, what jobs note, and the list of all of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reveil import job as jobs
from reveil.files import write_text
from reveil.provenance import records, run, source
from tests.provenanced import (
    BESIDE,
    COMMIT,
    FIGURE,
    PLACE,
    TABLE,
    WEIGHTS,
    digest,
    made_up_run,
    note,
)
from tests.workflow import ROOT


def git(folder: Path, *words: str) -> None:
    named = ["-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True, env=clean)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_text(tmp_path / "src/module.py", "VALUE = 1\n")
    write_text(tmp_path / "notes.md", "a note\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_working_tree_has_its_commit(repository: Path) -> None:
    found = source.find_commit(repository)
    assert source.short(found) == found[:12] and len(source.short(found)) == 12
    assert source.short(found + source.CHANGED) == found[:12] + "+changed"
    commit, dirty = source.parse(found)
    assert len(commit) == 40 and dirty is False


@pytest.mark.parametrize(
    ("file", "dirty"),
    [("src/module.py", True), ("src/another.py", True), ("notes.md", False), ("x.md", False)],
)
def test_changed_code_makes_it_dirty_and_a_note_does_not(
    repository: Path, file: str, dirty: bool
) -> None:
    write_text(repository / file, "other\n")
    assert source.parse(source.find_commit(repository)).dirty is dirty


def test_without_git_nothing_is_invented(tmp_path: Path, repository: Path, monkeypatch) -> None:
    assert source.parse(source.find_commit(repository / "src")) == (None, None)
    monkeypatch.setenv("PATH", "")
    assert source.parse(source.find_commit(repository)) == (None, None)


def test_what_planning_found_reaches_the_provenance_of_a_job(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(source.VARIABLE, COMMIT + source.CHANGED)
    with jobs.Job("a", str(tmp_path / "a.log")) as job:
        said = job.provenance()
    assert (said["commit"], said["dirty"]) == (COMMIT, True)
    assert said["peak_mb"] > 1


SCRIPT = """
import sys
sys.path.insert(0, {source!r})
class Named(dict):
    pass
class snakemake:
    rule, wildcards = "draw", {{"run": "toy"}}
    input, output, log = ["b.csv", "a.csv"], ["results/x.csv", "resources/y.npy"], ["logs/draw.log"]
from pathlib import Path
from reveil.job import Job
with Job("draw", snakemake.log[0]):
    for name in snakemake.output:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("made")
    {then}
"""


def run_script(folder: Path, then: str) -> subprocess.CompletedProcess:
    (folder / "job.py").write_text(SCRIPT.format(source=str(ROOT / "src"), then=then))
    return subprocess.run([sys.executable, "job.py"], cwd=folder, capture_output=True, text=True)


def test_a_job_of_the_workflow_notes_what_it_made_beside_its_log(tmp_path: Path) -> None:
    assert run_script(tmp_path, "").returncode == 0
    said = json.loads((tmp_path / "logs/draw.json").read_text())
    assert said["rule"] == "draw" and said["wildcards"] == {"run": "toy"}
    assert said["inputs"] == ["a.csv", "b.csv"]
    assert said["outputs"] == {
        "results/x.csv": digest(tmp_path, "results/x.csv"),
        "resources/y.npy": None,
    }
    assert said["python"] and said["started"] and said["peak_mb"] > 1
    assert 1 <= said["cores"] <= os.cpu_count() and said["memory_gib"] >= 1


def test_a_job_that_fails_notes_nothing(tmp_path: Path) -> None:
    assert run_script(tmp_path, "1 / 0").returncode == 1
    assert not (tmp_path / "logs/draw.json").exists()


def test_a_process_that_is_no_script_of_a_rule_has_no_rule() -> None:
    assert records.rule_facts() is None


def collect(root: Path) -> dict:
    return run.collect(root, "toy", commit=COMMIT, config={"sha256": "abc"})


def test_commits_and_machines_are_those_of_results_that_are_there(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    note(tmp_path, "b", TABLE, dirty=True, gpu="a GPU", cores=2, memory_gib=16)
    note(tmp_path, "c", FIGURE, commit=None, cpu="", cores=1)
    note(tmp_path, "gone", WEIGHTS, commit="feed" * 10)
    (tmp_path / WEIGHTS).unlink()
    (tmp_path / BESIDE).unlink()
    assert run.made_by(tmp_path, "toy") == {
        "commits": {COMMIT[:12]: 2, f"{COMMIT[:12]}, modified": 1, "unknown": 1},
        "machines": {
            "a processor": 2,
            "a GPU, a processor, 2 cores, 16 GiB": 1,
            "x86_64, 1 core": 1,
        },
    }


def test_every_result_is_listed_with_what_made_it(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    found = collect(tmp_path)
    rows = {row["path"]: row for row in found["results"]}
    assert list(rows) == sorted([TABLE, FIGURE, WEIGHTS, BESIDE])
    assert {path: row["kind"] for path, row in rows.items()} == {
        TABLE: "tidy table",
        FIGURE: "figure",
        WEIGHTS: "model",
        BESIDE: "model",
    }
    assert rows[TABLE]["sha256"] == digest(tmp_path, TABLE) and rows[TABLE]["unchanged"] is True
    drawn = found["jobs"][rows[FIGURE]["job"]]
    assert drawn["rule"] == "ats_figure_psnr" and drawn["inputs"] == [TABLE]
    assert found["environments"][drawn["environment"]]["versions"]["torch"] == "2.13.0"
    assert (found["commit"], found["dirty"]) == (COMMIT, False)
    assert (found["started"], found["ended"][-14:]) == (drawn["started"], "03:04:15+00:00")
    assert found["without_provenance"] == found["changed"] == []


def test_provenance_beside_a_result_and_its_benchmark_count_without_a_note(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    trained = collect(tmp_path)["jobs"][BESIDE]
    assert trained["rule"] is None and trained["job"] == "train_model"
    assert trained["measured_seconds"] == 20.5


def test_a_note_beside_the_log_comes_before_the_one_beside_the_result(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    both = {WEIGHTS: digest(tmp_path, WEIGHTS), BESIDE: digest(tmp_path, BESIDE)}
    log = f"train_model/{PLACE}"
    note(tmp_path, log, WEIGHTS, wildcards={"seed": "3"})
    path = tmp_path / f"logs/toy/{log}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"outputs": both}))
    found = collect(tmp_path)
    assert BESIDE not in found["jobs"]
    assert found["jobs"][log]["seed"] == 3
    assert found["jobs"][log]["measured_seconds"] == 20.5


def test_the_plugins_that_a_job_ran_are_told(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    note(tmp_path, "ats_figure_psnr", FIGURE, plugins={"my_attack.py": "abc"})
    jobs = collect(tmp_path)["jobs"]
    assert jobs["ats_figure_psnr"]["plugins"] == {"my_attack.py": "abc"}
    assert jobs["collect_images/ats"]["plugins"] is None


def test_a_result_of_unknown_origin_is_listed_as_such(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    other = "results/toy/ats/tables/policies.csv"
    write_text(tmp_path / other, "by hand\n")
    found = collect(tmp_path)
    assert found["without_provenance"] == [other]
    row = next(row for row in found["results"] if row["path"] == other)
    assert row["job"] is None and row["unchanged"] is None


def test_of_two_notes_on_a_file_the_later_one_counts(tmp_path: Path) -> None:
    """The note of a rule that was renamed since stays where it was."""
    made_up_run(tmp_path)
    before = collect(tmp_path)
    note(
        tmp_path, "zz_old_name/ats", TABLE, rule="zz_old_name", started="2025-01-01T00:00:00+00:00"
    )
    assert collect(tmp_path) == before


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("policies/cifar100/none.json", "policy"),
        ("ats/search/fixed/cifar100/lenetzhu/seed0/scores.csv", "search"),
        (
            "ats/attacks/fixed/cifar100/lenetzhu/none/full/seed0/inversed/none/00000-00003.npz",
            "attack",
        ),
        ("ats/experiments/ats-exp03/images.csv", "tidy table"),
        ("cvnn/tables/attackers.csv", "tidy table"),
        ("cvnn/tables/protection.csv", "table"),
        ("cvnn/tables/images.html", "table"),
        ("verdicts.csv", "verdicts"),
        ("verdicts.md", "verdicts"),
        ("verdict-tests.csv", "verdicts"),
        ("unir/verdicts.json", "verdicts"),
        ("unir/verdict-tests.csv", "verdicts"),
        ("gallery.html", "gallery"),
        ("report.html", "report"),
        ("in-force.yaml", "configuration"),
        ("notes.txt", "other"),
        ("ats/notes/verdicts.csv", "other"),
    ],
)
def test_the_kind_of_a_result_follows_from_its_path(path: str, kind: str) -> None:
    assert run.kind_of(f"results/toy/{path}") == kind


def test_a_result_that_was_changed_is_told(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    write_text(tmp_path / TABLE, "other numbers\n")
    assert collect(tmp_path)["changed"] == [TABLE]


def test_collecting_twice_gives_the_same_bytes_and_not_itself(tmp_path: Path) -> None:
    made_up_run(tmp_path)
    first = json.dumps(collect(tmp_path))
    write_text(tmp_path / "results/toy/provenance.json", first)
    write_text(tmp_path / "results/toy/crate/README.txt", "read me")
    write_text(tmp_path / "results/toy/.hidden", "x")
    note(tmp_path, "collect_provenance", "results/toy/provenance.json", started="2027-01-01")
    assert json.dumps(collect(tmp_path)) == first


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"job": "x", "outputs": 3}'])
def test_a_damaged_note_counts_as_none(tmp_path: Path, damage: str) -> None:
    made_up_run(tmp_path)
    write_text(tmp_path / "logs/toy/ats_figure_psnr.json", damage)
    assert collect(tmp_path)["without_provenance"] == [FIGURE]


def test_configuration_files_elsewhere_are_named_without_their_folder(tmp_path: Path) -> None:
    files = [str(tmp_path / "config.yaml"), "config/demo.yaml", "/home/somebody/own.yaml"]
    assert run.named([*files, files[0]], tmp_path) == [
        "config.yaml",
        "config/demo.yaml",
        "own.yaml",
    ]
