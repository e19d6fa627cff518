"""The main table of tiny through a real SLURM: what was asked for, and what came out."""

import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.archives import served
from tests.ats_tables import tables
from tests.cluster.slurm import Record, Slurm
from tests.cluster.submitting import SITE, edit_profile, submitted
from tests.workflow import Clone, clone_repository

# `all` runs the whole of tiny, which takes long.
TARGET = os.environ.get("REVEIL_CLUSTER_TARGET", "ats_table_policies")
# What the table takes, and per job: megabytes, minutes, GPUs.
JOBS = {"prepare_dataset": 1, "train_model": 4, "score_candidates": 1, "attack_images": 4}
ASKED = {
    "prepare_dataset": (4000, 30, 0),
    "train_model": (8000, 720, 1),
    "score_candidates": (8000, 120, 1),
    "attack_images": (8000, 480, 1),
}
# The GPUs here are none: jobs are given one, and leave it alone.
ON_THE_CPU = {"compute": {"device": "cpu"}}
WEIGHTS = "results/tiny/models/fashion-mnist-demo/lenetzhu/none/full/seed0/weights.safetensors"


@pytest.fixture(scope="module")
def finished(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> tuple[Clone, list[Record]]:
    """A clone whose table was made by jobs of SLURM, and SLURM's records of these jobs."""
    path = clone_repository(tmp_path_factory.mktemp("slurm") / "clone")
    # Downloads are local jobs, from 127.0.0.1.
    with served(path) as (clone, _):
        clone = clone.with_config("cpu", ON_THE_CPU)
        edit_profile(clone, SITE, {})
        # Those of another file, if its tests ran in this process before.
        slurm.forget()
        with submitted(clone, slurm, TARGET) as run:
            run.finish(seconds=1700)
    return clone, slurm.records()


def test_only_rules_that_compute_are_submitted(finished: tuple[Clone, list[Record]]) -> None:
    submitted_jobs = Counter(record.rule for record in finished[1])
    if TARGET == "all":
        assert submitted_jobs >= Counter(JOBS)
    else:
        assert submitted_jobs == JOBS


def test_every_job_ends_well_at_its_first_attempt(finished: tuple[Clone, list[Record]]) -> None:
    assert {(record.state, record.exit_code) for record in finished[1]} == {("COMPLETED", "0:0")}
    assert len({record.comment for record in finished[1]}) == len(finished[1])


@pytest.mark.parametrize("rule", ASKED)
def test_jobs_ask_for_what_their_rule_says(finished: tuple[Clone, list[Record]], rule: str) -> None:
    records = [record for record in finished[1] if record.rule == rule]
    asked = {(record.megabytes, record.minutes, record.gpus) for record in records}
    assert asked == {ASKED[rule]}
    assert {(r.account, r.partition, r.cpus) for r in records} == {("lab", "gpu", 1)}


def test_gpu_jobs_see_the_model_that_the_profile_names(
    finished: tuple[Clone, list[Record]],
) -> None:
    models = {(record.rule, "--gpus=fake:1" in record.submitted) for record in finished[1]}
    assert models == {(rule, bool(gpus)) for rule, (_, _, gpus) in ASKED.items()}


def test_logs_of_jobs_that_ended_well_are_removed(finished: tuple[Clone, list[Record]]) -> None:
    assert not list((finished[0].path / "logs/slurm").rglob("*.log"))
    assert not (finished[0].path / ".snakemake/slurm_logs").exists()


def test_a_job_that_sees_no_gpu_ends_at_once(slurm: Slurm, fresh: Clone) -> None:
    """In place of days on a CPU; Slurm gave it one, which PyTorch cannot find."""
    edit_profile(fresh, SITE, {})
    with submitted(fresh, slurm, WEIGHTS, "--retries", "0") as run:
        assert run.engine.wait(300) != 0
    assert "device: 'auto': PyTorch" in run.said
    assert "sees no GPU in Slurm's job" in run.said
    assert "(CUDA_VISIBLE_DEVICES=0)" in run.said


def test_tables_equal_those_of_a_local_run(
    finished: tuple[Clone, list[Record]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if TARGET == "all":
        local = request.getfixturevalue("tiny")
    else:
        local = clone_repository(tmp_path / "local")
        local.run(TARGET)
    there = tables(finished[0])
    for name, table in tables(local).items():
        pd.testing.assert_frame_equal(table, there[name], check_exact=True)
