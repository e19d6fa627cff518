"""How long the supervisor waits for what, and how often it tries."""

from dataclasses import dataclass, field, fields
from typing import Any

from reveil.errors import ReveilError


def _setting(default: float, meaning: str) -> Any:
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True)
class Settings:
    """Times in seconds, and counts.

    Raises:
        ReveilError: a value is negative, or a count of checks is zero.
    """

    tick_seconds: float = _setting(0.5, "how often it looks whether Snakemake lives")
    check_seconds: float = _setting(30, "how often it asks squeue")
    line_seconds: float = _setting(60, "how often it says how far the run is")
    hang_seconds: float = _setting(
        300, "an empty queue and an idle Snakemake for so long are a hang; Snakemake itself "
        "pauses up to 180 between two looks at its jobs, and waits for late files after that"
    )  # fmt: skip
    hang_checks: int = _setting(5, "answers of squeue in a row that a hang takes at least")
    interrupt_seconds: float = _setting(
        240, "an interrupted Snakemake has so long to leave before it is killed"
    )
    leftover_seconds: float = _setting(
        30, "jobs on this machine that outlive Snakemake have so long to save their state"
    )
    settle_seconds: float = _setting(
        3, "two empty answers so far apart show that no submission was under way"
    )
    squeue_seconds: float = _setting(60, "squeue and scancel have so long to answer")
    pause_seconds: float = _setting(30, "between the end of one Snakemake and the next")
    futile_restarts: int = _setting(3, "so many restarts in a row without progress end the run")
    restarts: int = _setting(50, "so many restarts in all end the run")

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            least = 1 if entry.name == "hang_checks" else 0
            if value < least:
                option = "--" + entry.name.replace("_", "-")
                raise ReveilError(f"{option}: {value!r} is not allowed; allowed: {least} or more")
