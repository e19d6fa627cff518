"""Bring one archive here, from a local folder or the first server that delivers it whole."""

from reveil.datasets import read_registry
from reveil.download import fetch
from reveil.job import Job

with Job("fetch_dataset", snakemake.log[0]):
    fetch(
        snakemake.wildcards.dataset,
        snakemake.wildcards.archive,
        snakemake.output[0],
        read_registry(snakemake.resources.registry),
        local_folders=snakemake.resources.local_folders.splitlines(),
        root=snakemake.resources.root,
    )
