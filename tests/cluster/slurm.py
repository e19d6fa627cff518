"""What tests ask of a running cluster and do to it."""

import signal
from dataclasses import dataclass

import psutil

from tests.cluster.daemons import Daemons, members, wait_until

FIELDS = ("JobID", "State", "Comment", "Partition", "Account", "ReqMem", "TimelimitRaw")
FIELDS = (*FIELDS, "ReqCPUS", "AllocTRES", "NodeList", "ExitCode", "SubmitLine")


@dataclass(frozen=True)
class Record:
    """One run of a job as ``sacct`` knows it; a requeued job has several with one ``id``."""

    id: str
    state: str
    comment: str
    partition: str
    account: str
    memory: str
    minutes: int
    cpus: int
    allocated: str
    nodes: str
    exit_code: str
    submitted: str

    @property
    def rule(self) -> str:
        return self.comment.removeprefix("rule_").split("_wildcards_")[0]

    @property
    def megabytes(self) -> int:
        return int(self.memory.removesuffix("M"))

    @property
    def gpus(self) -> int:
        held = dict(part.split("=") for part in self.allocated.split(",") if part)
        return int(held.get("gres/gpu", 0))


class Slurm:
    """A cluster; its :class:`Daemons` may be killed and launched again."""

    def __init__(self, daemons: Daemons) -> None:
        self.daemons = daemons
        self.call = daemons.call
        self._forgotten = 0

    def records(self, rule: str | None = None) -> list[Record]:
        """Return every run of every job, in order of submission, repetitions included."""
        words = ("sacct", "-a", "-D", "-X", "-n", "-P", "-S", "now-1days", "-o", ",".join(FIELDS))
        found = []
        for line in self.call(*words).splitlines():
            id, state, comment, partition, account, memory, minutes, cpus, *rest = line.split(
                "|", len(FIELDS) - 1
            )
            known = (id, state.split()[0], comment, partition, account, memory)
            found.append(Record(*known, int(minutes or 0), int(cpus), *rest))
        new = [record for record in found if int(record.id) > self._forgotten]
        return [record for record in new if rule in (None, record.rule)]

    def forget(self) -> None:
        """Leave the jobs so far out of :meth:`records`."""
        self._forgotten = max([self._forgotten, *(int(record.id) for record in self.records())])

    def running(self, rule: str, policy: str) -> list[str]:
        """Return the ids of the jobs of a rule that run now under a policy."""
        lines = self.call("squeue", "-h", "-t", "R", "-o", "%i %k").splitlines()
        pairs = [line.split(maxsplit=1) for line in lines]
        return [
            job
            for job, comment in pairs
            if comment.startswith(f"rule_{rule}_") and policy in comment.split("_")
        ]

    def node_of(self, job: str) -> str:
        """Return the node that a job runs on."""
        return self.call("squeue", "-h", "-j", job, "-o", "%N").strip()

    def script_of(
        self, job: str, other_than: psutil.Process | None = None
    ) -> psutil.Process | None:
        """Return the process of the rule's own script in a job, once it is there."""
        for process in members(self.daemons.folder):
            try:
                # `python .../.snakemake/scripts/NAME`; Snakemake itself has `-m` there.
                words = process.cmdline()[1:2]
                of_job = process.environ().get("SLURM_JOB_ID") == job
            except psutil.Error:
                continue
            if of_job and "/.snakemake/scripts/" in "".join(words) and process != other_than:
                return process
        return None

    def stop(self, job: str) -> None:
        """Let the rule's own script in a job stand still, if it is there."""
        script = self.script_of(job)
        if script is not None:
            script.send_signal(signal.SIGSTOP)

    def crash(self, node: str) -> None:
        """Let a node die: SIGKILL its daemon and every process of the jobs on it."""
        jobs = self.call("squeue", "-h", "-w", node, "-o", "%i").split()
        self.daemons.kill(f"slurmd.{node}")
        for job in jobs:
            self.kill_all(job)

    def kill_all(self, job: str) -> None:
        """SIGKILL all processes of a job, those of SLURM first, so that nobody tells of it."""
        titled = f"[{job}."
        steps = [
            process
            for process in members(self.daemons.folder)
            if process.name() == "slurmstepd" and titled in " ".join(process.cmdline())
        ]
        family = [*steps, *(child for step in steps for child in step.children(recursive=True))]
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def cut_off(self, node: str) -> None:
        """Let a node fall silent while its jobs go on."""
        self.daemons.kill(f"slurmd.{node}")

    def bring_back(self) -> None:
        """Start whatever daemon does not run, and wait until all nodes answer."""
        for name in self.daemons.running:
            self.daemons.launch(name)
        self.daemons.wait_for_nodes()

    def cancel_all(self) -> None:
        """Cancel every job and wait until none is left."""
        jobs = self.call("squeue", "-h", "-o", "%i").split()
        if jobs:
            self.call("scancel", *jobs)
        wait_until("an empty queue", lambda: not self.call("squeue", "-h", "-o", "%i").split())
