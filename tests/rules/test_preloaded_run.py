"""Jobs forked from a process that has loaded their libraries, against jobs that load them."""

import json
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file

from reveil import tables
from tests.small import ATTACK, MODEL, assert_undisturbed, empty
from tests.workflow import Clone

NOTES = "logs/tiny"


def noted(clone: Clone, rule: str) -> list[dict]:
    """Return what the jobs of a rule noted beside their logs."""
    paths = (clone.path / NOTES).rglob("*.json")
    said = [json.loads(path.read_text()) for path in paths]
    return [note for note in said if note.get("rule") == rule]


def pictures(clone: Clone) -> bytes:
    return (clone.path / ATTACK).with_suffix(".npz").read_bytes()


def weights(clone: Clone) -> dict[str, bytes]:
    stored = load_file(clone.path / MODEL / "weights.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in stored.items()}


def test_results_are_the_same_to_the_bit_and_each_job_says_how_it_started(
    small: Clone, disturbed: Clone
) -> None:
    assert [note["preloaded"] for note in noted(small, "attack_images")] == [True]
    empty(disturbed, "results/tiny", "logs/tiny", "scratch")
    cold = disturbed.with_config("cold", {"compute": {"preload": False, "state_seconds": 0}})
    cold.run("results/tiny/ats/tables/images.csv", "results/tiny/ats/tables/models.csv")
    assert {note["preloaded"] for note in noted(cold, "attack_images")} == {False}
    assert_undisturbed(cold, small)
    assert pictures(cold) == pictures(small)
    assert weights(cold) == weights(small)


def test_memory_and_processor_time_are_those_of_the_fork(small: Clone) -> None:
    (benchmark,) = (small.path / NOTES / "attack_images").rglob("*.tsv")
    (note,) = noted(small, "attack_images")
    read = tables.read_benchmarks({str(benchmark): {"rule": "attack_images"}})
    # Snakemake looked at the client, which is a few megabytes.
    assert pd.read_csv(benchmark, sep="\t", na_values=["-", "NA"])["cpu_time"].item() < 1
    assert read["max_rss"].item() == note["peak_mb"] > 200
    assert read["cpu_time"].item() == pytest.approx(note["cpu_seconds"])
    assert note["cpu_seconds"] > 0


def test_no_server_is_started_for_a_plan(
    small: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert small.plan("results/tiny/ats/tables/images.csv") == {}
    assert not list(tmp_path.glob("reveil-*/jobs"))
