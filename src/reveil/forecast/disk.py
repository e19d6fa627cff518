"""What the files of a job take on the disk."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reveil import datasets
from reveil.datasets.registry import Source, read_registry
from reveil.forecast.dryrun import Planned
from reveil.forecast.estimate import GUESSED, MEASURED, SCALED
from reveil.forecast.records import Record
from reveil.forecast.settings import Settings
from reveil.forecast.work import Work, array_bytes, network_of

# A table, a log, a provenance, a figure.
SMALL = 10_000
# Pictures and curves of an image, against its pixels: the original, what was seen, the guess, and
# numbers beside them, compressed.
PICTURES = 4.0
# Of each kind that a job of samples keeps, as bytes and half floats.
SAMPLES, SAMPLE_BYTES = 64, 4


class Disk:
    """Tells the bytes of what jobs will write.

    Archives are those of ``config/datasets.csv``, arrays follow from counts and sizes, and weights
    from the networks: these are as good as measured. Pictures are scaled from those of an earlier
    job of the same rule and model at the same size of images, else guessed.

    Args:
        root: of the repository.
        settings: of the configuration.
        records: of finished jobs.
    """

    def __init__(self, root: Path, settings: Settings, records: Iterable[Record]) -> None:
        self._settings = settings
        self._archives = _sizes(read_registry(root / settings.config["datasets"]["registry"]))
        left: dict[tuple[str, str], list[float]] = defaultdict(list)
        for record in records:
            if record.bytes and record.work.images:
                left[record.work.alike[:3]].append(record.bytes / record.work.images)
        self._pictures = {kind: sum(each) / len(each) for kind, each in left.items()}

    def __call__(self, job: Planned, work: Work | None) -> tuple[float, str]:
        """Return the bytes of a job's outputs, and how these are known."""
        named = job.wildcards
        if job.rule == "fetch_dataset":
            size = self._archives.get((named["dataset"], named["archive"]))
            return (size, MEASURED) if size else (SMALL, GUESSED)
        if job.rule.startswith("prepare_"):
            return array_bytes(datasets.get(named["dataset"])), MEASURED
        small = SMALL * len(job.outputs)
        if _writes(job, "weights.safetensors") and job.rule != "train_attacker":
            return small + network_of(named, self._settings).bytes, MEASURED
        if work is not None and _writes(job, ".npz"):
            known = self._pictures.get(work.alike[:3])
            if known:
                return small + known * work.images, SCALED
            data = datasets.get(named["dataset"])
            pixels = data.channels * data.size**2
            if job.rule == "draw_samples":
                return small + SAMPLES * SAMPLE_BYTES * pixels, GUESSED
            return small + PICTURES * pixels * work.images, GUESSED
        return small, GUESSED


def _writes(job: Planned, ending: str) -> bool:
    return any(file.endswith(ending) for file in job.outputs)


def _sizes(sources: Sequence[Source]) -> Mapping[tuple[str, str], float]:
    sizes: dict[tuple[str, str], float] = {}
    for source in sources:
        sizes.setdefault((source.name, source.archive), source.bytes)
    return sizes
