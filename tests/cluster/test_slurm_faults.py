"""Jobs cancelled, killed, timed out, preempted; nodes that die or fall silent; daemons killed.

Each fault is real, and hits a job in the middle of its work. Afterwards the tables are those of a
run that nobody disturbed.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.ats_tables import tables
from tests.cluster.catching import catch
from tests.cluster.daemons import NODES
from tests.cluster.slurm import Slurm
from tests.cluster.submitting import SITE, edit_profile, submitted
from tests.workflow import Clone, clone_repository

TARGET = "ats_table_policies"
ONE, OTHER = "3-1-7", "43-18-18"
# Two trainings and two attacks that save every step.
SLOW = {
    "compute": {"state_seconds": 0, "device": "cpu"},
    "recipes": {"full": {"epochs": 4}},
    "attacks": {"inversed": {"iterations": 120}},
    "studies": {
        "ats": {
            "policies": [ONE, OTHER],
            "experiments": {"targets": []},
            "pictures": {"images": [0]},
        }
    },
}


@pytest.fixture(scope="module")
def undisturbed(slurm: Slurm, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the results of a local run."""
    clone = clone_repository(tmp_path_factory.mktemp("undisturbed") / "clone")
    clone = clone.with_config("slow", SLOW)
    clone.run(TARGET)
    return clone


@pytest.fixture
def prepared(undisturbed: Clone, slurm: Slurm, tmp_path: Path) -> Iterator[Clone]:
    """A copy with the dataset unpacked and no results; the cluster is whole again afterwards."""
    with undisturbed.copy(tmp_path) as clone:
        for folder in ("results/tiny", "scratch", "logs"):
            shutil.rmtree(clone.path / folder)
        slurm.forget()
        try:
            yield clone
        finally:
            slurm.bring_back()


def assert_equal_tables(clone: Clone, undisturbed: Clone) -> None:
    there = tables(undisturbed)
    for name, table in tables(clone).items():
        pd.testing.assert_frame_equal(table, there[name], check_exact=True)


def resumed(clone: Clone, rule: str, policy: str) -> bool:
    """Return whether the last attempt of a job went on from a saved state."""
    logs = (clone.path / "logs/tiny" / rule).rglob("*.log")
    texts = [log.read_text(errors="replace") for log in logs if policy in log.parts]
    assert len(texts) == 1
    return f"resuming from scratch/{rule}" in texts[0]


def ends(slurm: Slurm, rule: str, job: str | None = None) -> Counter:
    """Return how often jobs of a rule, or one of them, ended in which state."""
    records = slurm.records(rule)
    return Counter(record.state for record in records if job in (None, record.id))


def test_cancelled_and_killed_jobs_are_submitted_again_and_go_on(
    prepared: Clone, undisturbed: Clone, slurm: Slurm
) -> None:
    edit_profile(prepared, SITE, {})
    with submitted(prepared, slurm, TARGET) as run:
        for rule in ("train_model", "attack_images"):
            one, other = catch(run, slurm, prepared, rule, ONE, OTHER)
            slurm.call("scancel", one.job)
            other.script.kill()
        run.finish()
    for rule in ("train_model", "attack_images"):
        assert ends(slurm, rule) == {"CANCELLED": 1, "FAILED": 1, "COMPLETED": 2}
        assert resumed(prepared, rule, ONE)
        assert resumed(prepared, rule, OTHER)
    assert_equal_tables(prepared, undisturbed)


def test_preempted_jobs_and_those_of_dead_and_silent_nodes_are_requeued(
    prepared: Clone, undisturbed: Clone, slurm: Slurm
) -> None:
    edit_profile(prepared, SITE | {"slurm_partition": "requeue"}, {})
    with submitted(prepared, slurm, TARGET) as run:
        preempted, dying = catch(run, slurm, prepared, "train_model", ONE, OTHER)
        slurm.crash(dying.node)
        urgent = ("sbatch", "-A", SITE["slurm_account"], "-p", "gpu", "--gpus=1")
        slurm.call(*urgent, "-w", preempted.node, "-o", "/dev/null", "--wrap", "sleep 1")
        for job, state in ((preempted, "PREEMPTED"), (dying, "NODE_FAIL")):
            run.wait_until(state, lambda j=job, s=state: ends(slurm, "train_model", j.job)[s])
        slurm.bring_back()

        silent, other = catch(run, slurm, prepared, "attack_images", ONE, OTHER)
        slurm.cut_off(silent.node)
        other.wake()

        def second_copy() -> bool:
            script = slurm.script_of(silent.job, other_than=silent.script)
            return script is not None and slurm.node_of(silent.job) == other.node

        run.wait_until("a second copy of the job", second_copy)
        # Two writers of one file from here on: the job that was given up lives.
        silent.wake()
        run.finish()
        silent.script.wait(300)
    assert ends(slurm, "train_model", preempted.job) == {"PREEMPTED": 1, "COMPLETED": 1}
    assert ends(slurm, "train_model", dying.job) == {"NODE_FAIL": 1, "COMPLETED": 1}
    assert ends(slurm, "attack_images", silent.job) == {"NODE_FAIL": 1, "COMPLETED": 1}
    # Each is the same job of SLURM, and no attempt of Snakemake.
    assert len({r.id for r in slurm.records() if r.rule in ("train_model", "attack_images")}) == 4
    assert resumed(prepared, "train_model", ONE)
    assert resumed(prepared, "train_model", OTHER)
    assert_equal_tables(prepared, undisturbed)


def test_time_limits_and_killed_daemons(prepared: Clone, undisturbed: Clone, slurm: Slurm) -> None:
    # Slurm may warn a minute too early: two minutes leave time for the job to begin.
    rules = {
        "train_model": {"runtime": "attempt ** 3", "slurm_extra": "''"},
        "attack_images": {"runtime": "2 * attempt ** 3", "slurm_extra": "'--signal=TERM@30'"},
    }
    edit_profile(prepared, SITE, rules)
    with submitted(prepared, slurm, TARGET) as run:
        late, other = catch(run, slurm, prepared, "train_model", ONE, OTHER)
        for daemon in ("slurmctld", *(f"slurmd.{node}" for node in NODES)):
            slurm.daemons.kill(daemon)
        # It ends while nobody listens, and tells when somebody does.
        other.wake()
        other.script.wait(300)
        time.sleep(5)
        slurm.bring_back()

        # The warning wakes it, too.
        (warned,) = catch(run, slurm, prepared, "attack_images", OTHER)
        run.wait_until("the warning", lambda: ends(slurm, "attack_images", warned.job)["FAILED"])
        run.wait_until("the time limit", lambda: ends(slurm, "train_model", late.job)["TIMEOUT"])
        run.finish()
    assert ends(slurm, "train_model", other.job) == {"COMPLETED": 1}
    assert ends(slurm, "train_model") == {"COMPLETED": 2, "TIMEOUT": 1}
    assert ends(slurm, "attack_images") == {"COMPLETED": 2, "FAILED": 1}
    for rule, first in (("train_model", 1), ("attack_images", 2)):
        asked = [(r.state == "COMPLETED", r.minutes) for r in slurm.records(rule)]
        assert Counter(asked) == {(False, first): 1, (True, first): 1, (True, 8 * first): 1}
    assert "stopped by SIGTERM; started again it resumes from scratch/attack_images" in run.said
    assert resumed(prepared, "attack_images", OTHER)
    assert resumed(prepared, "train_model", ONE)
    assert_equal_tables(prepared, undisturbed)
