"""Jobs stopped in the middle of their work, so that what kills them comes at a known point."""

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.cluster.slurm import Slurm
from tests.cluster.submitting import Run
from tests.workflow import Clone


@dataclass(frozen=True)
class Caught:
    """A job of SLURM whose script stands still until it is woken or killed."""

    job: str
    node: str
    script: psutil.Process

    def wake(self) -> None:
        self.script.send_signal(signal.SIGCONT)


def states(clone: Clone, rule: str, policy: str) -> list[Path]:
    """Return the saved states of the jobs of a rule under a policy."""
    found = (clone.path / "scratch" / rule).rglob("state.safetensors")
    return [file for file in found if policy in file.parts]


def catch(run: Run, slurm: Slurm, clone: Clone, rule: str, *policies: str) -> list[Caught]:
    """Stop the running jobs of a rule under these policies, each once it has saved a state."""
    caught: dict[str, Caught] = {}

    def all_caught() -> bool:
        for policy in set(policies) - set(caught):
            if not states(clone, rule, policy):
                continue
            for job in slurm.running(rule, policy):
                script = slurm.script_of(job)
                if script is not None:
                    script.send_signal(signal.SIGSTOP)
                    caught[policy] = Caught(job, slurm.node_of(job), script)
        return len(caught) == len(policies)

    run.wait_until(f"{rule} at work under {', '.join(policies)}", all_caught, seconds=600)
    for policy in policies:
        assert states(clone, rule, policy), f"{rule} under {policy} was done before it was caught"
    return [caught[policy] for policy in policies]
