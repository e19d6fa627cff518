"""One real dry run, read by the forecast; what is asked of Snakemake and of its logger."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reveil.errors import ReveilError
from reveil.forecast import paths
from reveil.forecast.dryrun import dry_run
from reveil.forecast.settings import Settings, read_config
from reveil.forecast.work import work_of
from tests.workflow import ROOT, Clone, clone_repository

CONFIG = "config/demo.yaml"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A checkout in which nothing has run."""
    return clone_repository(tmp_path_factory.mktemp("plan") / "clone")


@pytest.fixture(scope="module")
def jobs(fresh):
    return dry_run(fresh.path, [], [CONFIG])


def test_the_jobs_are_those_that_snakemake_counts(fresh, jobs):
    counted = Clone(fresh.path, (CONFIG,)).plan()
    read = [job.rule for job in jobs]
    assert {rule: read.count(rule) for rule in read} == {
        rule: count for rule, count in counted.items() if rule != "all"
    }


def test_every_heavy_job_has_work_and_its_benchmark_file_is_told_from_its_path(fresh, jobs):
    settings = Settings(read_config(fresh.path, [CONFIG]), fresh.path)
    timed = [job for job in jobs if job.benchmark]
    assert {"train_model", "train_attacker", "draw_samples"} - {job.rule for job in timed} <= {
        "draw_samples"
    }
    for job in timed:
        work = work_of(job.rule, job.wildcards, settings)
        assert work is not None and work.amount > 0, job.rule
        _, named = paths.parse(job.benchmark)
        assert named == job.wildcards
    for job in jobs:
        expected = paths.provenance(_folder(job), job.wildcards) if job.benchmark else None
        assert expected is None or expected in job.outputs


def _folder(job) -> str:
    return paths.parse(job.benchmark)[0]


def test_the_command_counts_every_job_once(fresh, jobs):
    done = _command(fresh.path, "--configfile", CONFIG, "--json", "--gpus", "2")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    rows = {row["name"]: row for row in said["rows"]}
    assert rows["all"]["jobs"] == len(jobs)
    assert sum(row["jobs"] for name, row in rows.items() if name != "all") == len(jobs)
    assert {"ats", "cvnn", "unir", "shared"} <= set(rows)
    assert rows["all"]["guessed"] == 1
    assert 0 < rows["all"]["wall_hours"] < rows["all"]["gpu_hours"] + rows["all"]["cpu_hours"]


def test_snakemake_s_own_message_comes_with_a_failed_dry_run(fresh):
    with pytest.raises(ReveilError, match="nonsense"):
        dry_run(fresh.path, ["nonsense"], [CONFIG])


def _command(root: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "reveil.forecast", *words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
