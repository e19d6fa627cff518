"""Writes every job of a dry run as a line of JSON, for ``reveil.forecast``.

What Snakemake prints of a job with a message leaves out its files, and its drawings of the graph
end at 10,000 jobs; a logger gets all of it. Found by Snakemake where this folder is on the path.
"""

import json
from dataclasses import dataclass, field
from logging import LogRecord

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

RESOURCES = ("gpu",)


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Where the lines go."""

    file: str | None = field(
        default=None, metadata={"help": "File that the planned jobs are written to", "type": str}
    )


class LogHandler(LogHandlerBase):
    """Keeps what a forecast needs of the jobs that Snakemake announces."""

    def __post_init__(self) -> None:
        self.baseFilename = self.settings.file
        # Closed with the handler, once the last job has been announced.
        self._stream = open(self.baseFilename, "w", encoding="utf-8")  # noqa: SIM115

    def emit(self, record: LogRecord) -> None:
        """Write one job; all else that Snakemake has to say goes past."""
        if getattr(record, "event", None) != LogEvent.JOB_INFO:
            return
        resources = dict(record.resources.items())
        job = {
            "rule": record.rule_name,
            "wildcards": dict(record.wildcards or {}),
            "inputs": list(record.input),
            "outputs": list(record.output),
            "benchmark": record.benchmark or "",
            "threads": record.threads,
            **{name: resources.get(name, 0) for name in RESOURCES},
        }
        self._stream.write(json.dumps(job) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Errors still go where they always go."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """The file of the settings."""
        return True

    @property
    def has_filter(self) -> bool:
        """Jobs are wanted however quiet the rest is."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Lines are JSON."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Files say what depends on what."""
        return False
