"""What a run needs that no program can fetch, told before anything runs."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from reveil.datasets import DATASETS
from reveil.download import local_file
from reveil.forecast.dryrun import Planned


def missing(jobs: Iterable[Planned], config: dict[str, Any]) -> list[str]:
    """Return a line for each dataset whose archives a person has to fetch and has not yet.

    Args:
        jobs: of the dry run.
        config: the configuration, whose ``datasets.local_folders`` are looked through.
    """
    folders = [Path(folder).expanduser() for folder in config["datasets"]["local_folders"]]
    pages = {data.home: data.by_hand for data in DATASETS.values() if data.by_hand}
    absent: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        name = job.wildcards.get("dataset")
        if job.rule == "fetch_dataset" and name in pages:
            archive = job.wildcards["archive"]
            places = [local_file(folder, name, archive) for folder in folders]
            # Path.is_file() is an error where a folder may not be entered.
            if not any(map(os.path.isfile, places)):
                absent[name].append(archive)
    return [_line(name, files, pages[name], folders) for name, files in absent.items()]


def _line(name: str, files: Sequence[str], page: str, folders: Sequence[Path]) -> str:
    where = ", ".join(str(folder / name) for folder in folders) or "a folder of local_folders"
    return (
        f"To fetch by hand before the run, or it ends with an error: {name}: "
        f"{', '.join(sorted(files))}, from {page} into one of {where}; see docs/guides/data.md"
    )
