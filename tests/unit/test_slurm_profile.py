"""profiles/slurm says what a site and its faults need, and every rule says what its jobs need."""

import re

import pytest
import yaml

from tests.markdown import markdown_tables
from tests.rule_files import is_local, rule_bodies, submitted_rules, wants_gpu
from tests.workflow import ROOT

TEXT = (ROOT / "profiles/slurm/config.yaml").read_text()
PROFILE = yaml.safe_load(TEXT)
SUBMITTED = submitted_rules()
# Rules whose scripts use PyTorch's device and may run for long.
COMPUTING = {
    *("train_model", "train_private_model", "train_attacker", "train_reconstruction"),
    *("attack_images", "attack_features", "reconstruct_images", "draw_samples"),
    *("score_candidates", "score_singles", "score_list", "trace_gradsim"),
}
UNPACKING = {
    "prepare_dataset",
    "prepare_coarse_dataset",
    "prepare_faces",
    "prepare_folder",
    "prepare_plugin",
}


def test_these_rules_are_submitted_and_all_others_are_local() -> None:
    assert set(SUBMITTED) == COMPUTING | UNPACKING
    assert len(rule_bodies()) > 100


@pytest.mark.parametrize("name", sorted(SUBMITTED))
def test_a_submitted_rule_asks_for_memory_and_time(name: str) -> None:
    body = SUBMITTED[name]
    assert re.search(r"^        mem_mb=", body, re.MULTILINE), "no memory"
    assert re.search(r"^        runtime=", body, re.MULTILINE), "no time"
    assert wants_gpu(body) == (name in COMPUTING)
    if name in COMPUTING:
        assert '    threads: COMPUTE["threads"]' in body


def test_no_rule_says_what_belongs_to_the_profile() -> None:
    """Retries in a rule are obeyed by each of the nested Snakemakes, so 2 become 9 runs."""
    words = ("    retries:", "    group:", "slurm_", "partition=", "account=", "gpu_model")
    assert not [(r, word) for r, body in rule_bodies().items() for word in words if word in body]


def test_no_local_rule_waits_for_a_gpu() -> None:
    assert not [r for r, body in rule_bodies().items() if is_local(body) and wants_gpu(body)]


def test_three_lines_to_edit_stand_at_the_top() -> None:
    lines = [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]
    keys = [line.strip().partition(":")[0] for line in lines if line]
    site = ["slurm_account", "slurm_partition", "gpu_model"]
    assert keys[:4] == ["default-resources", *site]


def test_rules_without_a_gpu_ask_for_no_model_of_one() -> None:
    """A model without a number is one GPU for the plugin."""
    blank = {rule for rule, own in PROFILE["set-resources"].items() if own.get("gpu_model") == ""}
    assert blank == UNPACKING


def test_faults_are_answered_by_the_profile_alone() -> None:
    assert PROFILE["executor"] == "slurm"
    assert PROFILE["retries"] >= 2
    assert PROFILE["slurm-requeue"] is True
    assert "slurm-no-requeue" not in PROFILE
    assert PROFILE["slurm-status-command"] == "squeue"
    assert PROFILE["rerun-incomplete"] is True
    assert PROFILE["keep-going"] is True
    assert PROFILE["latency-wait"] >= 60
    assert PROFILE["slurm-logdir"].startswith("logs/")
    assert "--signal=TERM@" in PROFILE["default-resources"]["slurm_extra"]


def test_jobs_are_neither_grouped_nor_made_arrays() -> None:
    assert not [key for key in PROFILE if "group" in key or "array" in key]


def test_both_profiles_rerun_for_the_same_reasons() -> None:
    local = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())
    for key in ("rerun-triggers", "rerun-incomplete", "show-failed-logs"):
        assert PROFILE[key] == local[key]


def test_the_guide_says_what_every_submitted_rule_asks_for() -> None:
    guide = (ROOT / "docs/guides/cluster.md").read_text()
    (table,) = (t for t in markdown_tables(guide) if t[0][:2] == ["rule", "`mem_mb`"])
    told = {name: cells for named, *cells in table[1:] for name in re.findall(r"`(\w+)`", named)}
    assert set(told) == set(SUBMITTED)
    for name, (memory, minutes, gpu) in told.items():
        body = SUBMITTED[name]
        # Of a rule that is made of another one its own text comes first.
        runtime = re.search(r"runtime=growing\((?:minutes\()?(\d+)\)", body)[1]
        assert (minutes, gpu) == (runtime, str(int(wants_gpu(body)))), name
        asked = re.search(r"mem_mb=growing\((\w+)\)", body)[1]
        assert not asked.isdigit() or memory == asked, name
