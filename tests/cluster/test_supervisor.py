"""The supervisor over a real SLURM: what it must never let happen is two jobs on one file."""

import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import yaml

from reveil import rows
from reveil.supervisor.record import Record
from reveil.supervisor.said import runs_named_in
from tests.cluster.daemons import wait_until
from tests.cluster.slurm import Slurm
from tests.workflow import ROOT, Clone, clone_repository, environment

TARGET = "ats_table_policies"
# One training and its attack, long enough to be killed.
ONE = {
    "compute": {"device": "cpu"},
    "studies": {"ats": {"policies": ["none"]}},
    "recipes": {"full": {"epochs": 8}},
    "attacks": {"inversed": {"iterations": 200}},
}
PROFILE = {
    "executor": "slurm",
    "jobs": 10,
    "default-resources": {
        "slurm_account": "lab",
        "slurm_partition": "gpu",
        "mem_mb": 4000,
        "runtime": 10,
    },
    "slurm-status-command": "squeue",
    "slurm-init-seconds-before-status-checks": 5,
    "latency-wait": 10,
    "rerun-incomplete": True,
}
TIMES = ["--check-seconds=1", "--line-seconds=2", "--pause-seconds=1", "--settle-seconds=1"]
SECONDS = ["wall_seconds", "train_seconds"]

WORKFLOW = """
rule work:
    output: "out.txt"
    shell: "sleep 5; echo made > {output}"
"""
# Fails while a file is there, and says who asked.
BROKEN = """#!/bin/sh
echo "$@" >> {folder}/asked
[ -e {folder}/failing ] && {{ echo "slurm_load_jobs error: broken" >&2; exit 1; }}
exec {squeue} "$@"
"""


class Supervised:
    """A folder with a profile, and supervisors in it."""

    def __init__(self, folder: Path, slurm: Slurm, arguments: list[str]) -> None:
        self.folder, self.slurm = folder, slurm
        self.arguments = [*arguments, "--workflow-profile", "cluster-profile"]
        profile = folder / "cluster-profile" / "config.yaml"
        profile.parent.mkdir()
        profile.write_text(yaml.safe_dump(PROFILE))
        self.environment = {
            **environment(),
            **slurm.daemons.environment,
            **{"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        }

    def start(self, *options: str) -> subprocess.Popen:
        """Start a supervisor as `make cluster` does, but in the foreground."""
        words = [sys.executable, "-m", "reveil.supervisor", "--foreground", *TIMES, *options]
        return subprocess.Popen(
            [*words, "--", *self.arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )

    def log(self) -> str:
        """Return what the supervisors said, and what the last Snakemake did."""
        path = self.folder / "logs" / "cluster" / "supervisor.log"
        return path.read_text() if path.exists() else ""

    def everything(self) -> str:
        logs = sorted((self.folder / "logs" / "cluster").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in logs)

    def runs(self) -> set[str]:
        """Return the run IDs of every Snakemake here."""
        logs = (self.folder / "logs" / "cluster").glob("snakemake-*.log")
        return {run for log in logs for run in runs_named_in(log)}

    def until_running(self, supervisor: subprocess.Popen, rule: str, start: int) -> None:
        """Wait until a job of a rule runs that the Snakemake of the given start submitted."""

        def runs() -> bool:
            assert supervisor.poll() is None, self.everything()
            lines = self.slurm.call("squeue", "-h", "-t", "R", "-o", "%j %k").splitlines()
            jobs = {tuple(line.split(" ", 1)) for line in lines}
            return len(self.runs()) == start and any(
                run in Record.load(self.folder).runs[-1:] and comment.startswith(f"rule_{rule}")
                for run, comment in jobs
            )

        wait_until(f"a job of {rule}", runs, 120)

    def kill_engine(self) -> None:
        """SIGKILL the main process of Snakemake alone."""
        psutil.Process(Record.load(self.folder).engine.pid).kill()

    def finish(self, supervisor: subprocess.Popen) -> None:
        """Wait until a supervisor has ended well."""
        try:
            status = supervisor.wait(300)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.everything()) from None
        assert status == 0, self.everything()

    def jobs(self) -> pd.DataFrame:
        """Return each run of each job here: job, comment, state, start and end (NaT: never)."""
        words = ["sacct", "-a", "-D", "-X", "-n", "-P", "-S", "now-1days"]
        words += ["-o", "JobID,JobName,Comment,State,Start,End"]
        lines = [line.split("|") for line in self.slurm.call(*words).splitlines()]
        names = ["job", "run", "comment", "state", "start", "end"]
        table = pd.DataFrame(lines, columns=names)
        table = table[table["run"].isin(self.runs())]
        for column in ("start", "end"):
            table[column] = pd.to_datetime(table[column], errors="coerce")
        return table


@contextmanager
def supervised(folder: Path, slurm: Slurm, arguments: list[str]) -> Iterator[Supervised]:
    """Yield a folder in which nothing runs any more afterwards, however the test ends."""
    made = Supervised(folder, slurm, arguments)
    try:
        yield made
    finally:
        for _ in range(200):
            left = [p for p in psutil.process_iter() if _in(p, folder)]
            for process in left:
                process.kill()
            if not left:
                break
        slurm.cancel_all()


def _in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def tables(clone: Clone) -> dict[str, pd.DataFrame]:
    """Return the tables of the study without the columns that tell the time."""
    files = sorted((clone.path / "results/tiny/ats/tables").glob("*.csv"))
    return {file.name: rows.read(file).drop(columns=SECONDS, errors="ignore") for file in files}


def overlaps(jobs: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of jobs that made the same output at the same time."""
    found, begun = [], jobs.dropna(subset=["start"]).sort_values("start")
    for _, same in begun.groupby("comment"):
        pairs = zip(same.itertuples(), same.iloc[1:].itertuples(), strict=False)
        found += [(a.job, b.job) for a, b in pairs if pd.isna(a.end) or a.end > b.start]
    return found


def test_overlapping_jobs_are_noticed() -> None:
    def at(second: int) -> pd.Timestamp:
        return pd.Timestamp(second, unit="s")

    names = ["job", "comment", "start", "end"]
    one, two = ("1", "train", at(0), at(9)), ("2", "train", at(9), at(20))
    assert overlaps(pd.DataFrame([two, one], columns=names)) == []
    assert overlaps(pd.DataFrame([one, ("3", "attack", at(3), at(5))], columns=names)) == []
    assert overlaps(pd.DataFrame([("2", "train", at(8), at(9)), one], columns=names)) == [
        ("1", "2")
    ]


def test_killed_with_and_without_its_supervisor_a_run_ends_in_the_same_tables(
    slurm: Slurm, tmp_path: Path
) -> None:
    undisturbed = clone_repository(tmp_path / "undisturbed").with_config("one", ONE)
    undisturbed.run(TARGET)
    # With its data, which need no second preparation.
    shutil.copytree(undisturbed.path, tmp_path / "clone", symlinks=True)
    clone = Clone(tmp_path / "clone", undisturbed.config)
    for name in ("results", "scratch", "logs"):
        shutil.rmtree(clone.path / name, ignore_errors=True)
    arguments = [TARGET, "--configfile", *clone.config]
    with supervised(clone.path, slurm, arguments) as here:
        first = here.start()
        here.until_running(first, "train_model", start=1)
        here.kill_engine()
        here.until_running(first, "train_model", start=2)
        first.kill()
        here.kill_engine()
        first.wait()
        second = here.start()
        here.finish(second)
        jobs = here.jobs()
        assert overlaps(jobs) == [], jobs
        assert len(here.runs()) == 3
        assert slurm.call("squeue", "-h", "-o", "%j").split() == []
        # The orphans of each kill, and nothing else.
        states: dict[str, Counter] = defaultdict(Counter)
        for row in jobs.itertuples():
            states[row.comment.split("_wildcards_")[0]][row.state.split()[0]] += 1
        assert states["rule_train_model"] == {"CANCELLED": 2, "COMPLETED": 1}
        assert states["rule_attack_images"] == {"COMPLETED": 1}
    expected, got = tables(undisturbed), tables(clone)
    assert expected.keys() == got.keys() != set()
    for name, table in expected.items():
        pd.testing.assert_frame_equal(table, got[name], check_exact=True)


def test_a_job_that_snakemake_forgets_is_found_and_the_run_ends(
    slurm: Slurm, tmp_path: Path
) -> None:
    """All attempts of one poll fail: Snakemake forgets its jobs, and would wait for ever."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "Snakefile").write_text(WORKFLOW)
    with supervised(folder, slurm, []) as here:
        tools = folder / "bin"
        tools.mkdir()
        real = next(
            path
            for part in here.environment["PATH"].split(":")
            if (path := Path(part, "squeue")).exists()
        )
        (tools / "squeue").write_text(BROKEN.format(folder=folder, squeue=real))
        (tools / "squeue").chmod(0o755)
        (folder / "failing").touch()
        here.environment["PATH"] = f"{tools}:{here.environment['PATH']}"
        supervisor = here.start("--hang-seconds=12", "--hang-checks=3", "--futile-restarts=1")

        def polled() -> bool:
            """Snakemake has asked; the supervisor's own questions have another format."""
            asked = (folder / "asked").read_text() if (folder / "asked").exists() else ""
            return sum("%i|%T|%r|%j" not in line for line in asked.splitlines()) >= 5

        wait_until("a poll of Snakemake", polled, 120)
        assert "squeue: slurm_load_jobs error: broken" in here.log()
        (folder / "failing").unlink()
        here.finish(supervisor)
        assert (folder / "out.txt").read_text() == "made\n"
        assert "SLURM knows no job of run" in here.log()
        assert overlaps(here.jobs()) == []
