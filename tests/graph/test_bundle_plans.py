"""What a bundle holds is enough to draw again all that a configuration asks for, and no less."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from reveil.bundle.unpacking import BEFORE
from tests.rule_files import is_local, rule_bodies
from tests.workflow import Clone, environment

DRAWING = re.compile(r"(ats|cvnn|unir)_(table|figure)_\w+|judge_\w+")
# Tables that read nothing: up to date as soon as they are there.
COUNTED = {"cvnn_table_exp11", "cvnn_table_ext13"}
# What is done for the bundle itself.
OWN = {"record_config", "collect_provenance", "export_crate", "pack_bundle"}
LIST = """
include: "Snakefile"
import json
drawn, needed = bundled()
rules_of = {path: rule.name for path, rule in drawing_rules().items()}
inputs = {rule.name: flat(rule.input) for path, rule in drawing_rules().items() if path in drawn}
kept = [path for path in PACKED_AS_THEY_ARE if path in flat(rules.all.input)]
said = {"drawn": {path: rules_of[path] for path in drawn}, "needed": needed, "inputs": inputs}
said["kept"] = kept
Path("bundled.json").write_text(json.dumps(said))
"""


def listed(clone: Clone) -> dict:
    (clone.path / "list.smk").write_text(LIST)
    clone.run("--snakefile", "list.smk", "--dry-run", "--quiet", "all")
    return json.loads((clone.path / "bundled.json").read_text())


def put(clone: Clone, said: dict) -> None:
    """Let empty files stand for those of a bundle, with the times that unpacking gives."""
    now = time.time()
    ages = dict.fromkeys(said["drawn"], BEFORE) | dict.fromkeys(said["needed"] + said["kept"], 0.0)
    for name, age in ages.items():
        path = clone.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (now - age, now - age))


def only_drawing(plan: dict[str, int]) -> dict[str, int]:
    return {rule: count for rule, count in plan.items() if rule != "all"}


@pytest.mark.parametrize("preset", ["config/tiny.yaml", "config/demo.yaml"])
def test_every_figure_and_table_is_one_job_from_what_a_bundle_holds(
    fresh: Clone, preset: str
) -> None:
    clone = Clone(fresh.path, (preset,))
    said = listed(clone)
    rules = set(said["drawn"].values())
    assert all(DRAWING.fullmatch(rule) for rule in rules)
    held = {*said["drawn"], *said["needed"]}
    for rule, inputs in said["inputs"].items():
        assert set(inputs) <= held, rule
    put(clone, said)
    assert only_drawing(clone.plan()) == dict.fromkeys(sorted(rules), 1)
    if preset == "config/demo.yaml":
        for rule in ("ats_figure_grid", "cvnn_figure_grid", "unir_figure_grid"):
            assert clone.plan(rule) == {rule: 1}
    else:
        assert clone.plan("cvnn_figure_exp11") == {"cvnn_figure_exp11": 1}
        # All that there are, but for those of a study's section that this run leaves out.
        everywhere = {rule for rule in rule_bodies() if DRAWING.fullmatch(rule)}
        assert rules == everywhere - COUNTED


def test_without_one_of_its_pictures_a_grid_plans_the_attack_again(fresh: Clone) -> None:
    clone = Clone(fresh.path, ("config/demo.yaml",))
    said = listed(clone)
    put(clone, said)
    lost = next(name for name in said["needed"] if name.endswith(".npz"))
    (clone.path / lost).unlink()
    assert not only_drawing(clone.plan()).keys() <= set(said["drawn"].values())


def test_a_bundle_of_an_unfinished_run_is_refused_with_one_message(fresh: Clone) -> None:
    """Without the question Snakemake would make the run first, which takes GPU days for some."""
    clone = Clone(fresh.path, ("config/demo.yaml",))
    planned = clone.plan("pack_bundle")
    assert planned.keys() >= OWN and planned["attack_images"] > 0
    done = subprocess.run(
        [sys.executable, "-m", "reveil.bundle", "check", "--configfile", *clone.config],
        cwd=clone.path,
        env={**environment(), "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not done.stdout
    assert re.fullmatch(
        r"error: bundle: \d+ jobs of its run are still to be done .*\n", done.stderr
    )


def test_the_rules_of_a_bundle_are_light() -> None:
    bodies = rule_bodies()
    assert all(is_local(bodies[rule]) for rule in OWN)
