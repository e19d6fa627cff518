"""Snakemake that submits to the tests' SLURM through profiles/slurm, as a user would."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.cluster.daemons import ACCOUNT, wait_until
from tests.cluster.slurm import Slurm
from tests.rule_files import submitted_rules, wants_gpu
from tests.workflow import SNAKEMAKE, Clone, environment, kill_tree

PROFILE = "profiles/slurm/config.yaml"
# The three lines that a user edits.
SITE = {"slurm_account": ACCOUNT, "slurm_partition": "gpu", "gpu_model": "fake"}


def edit_profile(clone: Clone, site: dict[str, str], rules: dict[str, dict]) -> None:
    """Write one site's lines into the profile of a clone, and what some rules ask for instead.

    Jobs compute on the CPU, so that the rules do not ask for a GPU by themselves: ``rules`` has
    them do it. Snakemake looks for finished jobs after 5 s instead of 40 s.
    """
    file = clone.path / PROFILE
    text = file.read_text()
    for key, value in site.items():
        text, count = re.subn(rf"(?m)^  {key}: .*$", f"  {key}: {value}", text)
        assert count == 1, f"{count} lines of {key} in {PROFILE}"
    profile = yaml.safe_load(text)
    for rule, body in submitted_rules().items():
        if wants_gpu(body):
            profile["set-resources"][rule] = {"gpu": 1} | rules.get(rule, {})
    profile["slurm-init-seconds-before-status-checks"] = 5
    file.write_text(yaml.safe_dump(profile))


class Run:
    """A Snakemake that submits jobs, and what it said so far."""

    def __init__(self, engine: subprocess.Popen, said: Path) -> None:
        self.engine, self._said = engine, said

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace")

    def finish(self, seconds: float = 600) -> None:
        """Wait until Snakemake has ended, well."""
        try:
            status = self.engine.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still ran after {seconds:.0f} s:\n{self.said}") from None
        assert status == 0, self.said

    def wait_until(self, what: str, condition, seconds: float = 300) -> object:
        """Return the first true value of ``condition()`` while Snakemake runs."""

        def asked() -> object:
            assert self.engine.poll() is None, f"it ended before {what}:\n{self.said}"
            return condition()

        try:
            return wait_until(what, asked, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said}") from None


@contextmanager
def submitted(clone: Clone, slurm: Slurm, *targets: str) -> Iterator[Run]:
    """Run Snakemake in the background; whatever is left of it and its jobs ends with the block."""
    words = [*SNAKEMAKE, *targets, "--workflow-profile", "profiles/slurm"]
    said = clone.path / "snakemake.log"
    with said.open("w") as output:
        engine = subprocess.Popen(
            [*words, "--configfile", *clone.config],
            cwd=clone.path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment() | slurm.daemons.environment | {"OMP_NUM_THREADS": "1"},
        )
        try:
            yield Run(engine, said)
        finally:
            kill_tree(engine)
            slurm.cancel_all()
