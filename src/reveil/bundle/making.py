"""The two steps of a bundle: its description, which lists all files, and the archive."""

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reveil import datasets
from reveil.bundle import archive, contents, readme
from reveil.bundle.contents import CHECKPOINTS, README
from reveil.config.presets import read_yaml
from reveil.datasets import read_registry
from reveil.files import write_json, write_text

log = logging.getLogger(__name__)


def describe(
    provenance: Mapping[str, Any],
    results: Iterable[str],
    *,
    config: Sequence[str],
    targets: Sequence[str],
    repository: Path,
    registry: str,
    metadata: str,
) -> None:
    """Write the metadata of a run's crate, and beside it what a bundle adds to the run's files.

    Args:
        provenance: of the run, from :func:`reveil.provenance.run.collect`.
        results: paths below the present folder; those that are not there are left out if they can
            be made at any time, such as the report.
        config: those among them that hold the configuration.
        targets: rules that draw from the results.
        repository: folder of the code.
        registry: path of ``config/datasets.csv``.
        metadata: path to write to.

    Raises:
        ReveilError: a file is missing.
    """
    # Only a job of this kind pays for loading it.
    from reveil.bundle import crate

    folder, root = Path(metadata).parent, Path.cwd()
    write_text(folder / README, readme.text(provenance, list(targets)))
    contents.write_checkpoints(str(folder / CHECKPOINTS), provenance)
    listed = [*results, *contents.measurements(root, provenance["run"])]
    files = contents.entries(
        listed, folder=folder, repository=repository, root=root, added=(README, CHECKPOINTS)
    )
    used = crate.used_datasets(provenance)
    run = crate.Run(
        provenance=provenance,
        files=files,
        config=config,
        datasets=crate.sources(used, read_registry(registry), datasets.DATASETS),
        cited=read_yaml(repository / "CITATION.cff"),
    )
    write_json(metadata, crate.metadata(run))


def pack(target: str, metadata: Path, *, repository: Path, drawn: Collection[str]) -> None:
    """Write the archive of all files that the metadata list.

    Raises:
        ReveilError: a file is missing, or is not what the metadata say.
    """
    named = archive.described(json.loads(metadata.read_text(encoding="utf-8")))
    added = (README, CHECKPOINTS)
    results = [name for name in named if name.split("/")[0] in contents.FOLDERS]
    files = contents.entries(
        results, folder=metadata.parent, repository=repository, root=Path.cwd(), added=added
    )
    count = archive.pack(target, metadata, files, drawn)
    log.info("%s: %d files, %.1f MB", target, count, Path(target).stat().st_size / 1e6)
