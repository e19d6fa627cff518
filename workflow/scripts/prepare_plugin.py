"""Make arrays of the images that a plug-in gives."""

from pathlib import Path

from reveil import datasets, readers
from reveil.job import Job

with Job("prepare_plugin", snakemake.log[0]):
    readers.prepare(
        datasets.get(snakemake.wildcards.dataset),
        archives=".",
        destination=Path(snakemake.output[0]).parent.parent,
    )
