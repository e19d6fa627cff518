"""What every long job is handed beside its own inputs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reveil import datasets
from reveil.errors import ReveilError
from reveil.job import Job, State


@dataclass(frozen=True)
class Work:
    """One long job: what it makes, of what, and how.

    Attributes:
        job: its surroundings; it computes on ``job.device``.
        named: the wildcards of its output, the dataset among them.
        switches: the parts of the configuration that its result depends on, its code's digest
            among them.
        output: path of its main output, which names its state.
        chunk: items per tensor, or ``auto``.
        state_seconds: seconds between two saves of its state.
    """

    job: Job
    named: dict[str, str]
    switches: dict[str, Any]
    output: str
    chunk: str = "auto"
    state_seconds: float = 60.0

    @property
    def seed(self) -> int:
        """Seed of all draws."""
        return int(self.named["seed"])

    @property
    def items(self) -> int | str:
        """Items per tensor: ``auto`` or a number."""
        return self.chunk if self.chunk == "auto" else int(self.chunk)

    def identity(self, **made_from: Any) -> dict[str, Any]:
        """Return what the result depends on: names, switches and what it is made from.

        Of a folder of the user ``images`` is the digest of its images.

        Raises:
            ReveilError: there is no such dataset.
        """
        folder = datasets.get(self.named["dataset"]).folder
        # Other images may lie in a folder of the same name.
        images = {} if folder is None else {"images": folder.content}
        return {**self.named, **self.switches, **images, **made_from}

    def state(self, identity: dict[str, Any]) -> State:
        """Return the resumable state of this job."""
        return self.job.state(self.output, identity, interval=float(self.state_seconds))


def block_positions(block: str) -> range:
    """Return the positions that a block's name stands for: ``00016-00031`` is 16 to 31.

    Raises:
        ReveilError: the name is not of that form.
    """
    first, dash, last = block.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise ReveilError(f"block: {block!r} is not allowed; allowed: first and last position")
    return range(int(first), int(last) + 1)


def dataset_folder(prepared: str) -> Path:
    """Return the folder of a prepared dataset from the path of one of its arrays."""
    return Path(prepared).parent.parent
