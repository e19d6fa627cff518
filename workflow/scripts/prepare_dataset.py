"""Unpack the archives of a dataset into arrays of images, labels and what else there is."""

from pathlib import Path

from reveil import datasets, readers
from reveil.job import Job

with Job("prepare_dataset", snakemake.log[0]):
    readers.prepare(
        datasets.get(snakemake.wildcards.dataset),
        archives=Path(snakemake.input[0]).parent,
        destination=Path(snakemake.output[0]).parent.parent,
    )
