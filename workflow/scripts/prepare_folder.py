"""Make arrays of the images of a folder."""

from pathlib import Path

from reveil import datasets, readers
from reveil.job import Job

with Job("prepare_folder", snakemake.log[0]):
    dataset = datasets.get(snakemake.wildcards.dataset)
    readers.prepare(
        dataset,
        archives=dataset.folder.path,
        destination=Path(snakemake.output[0]).parent.parent,
    )
