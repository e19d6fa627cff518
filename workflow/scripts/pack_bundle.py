"""Pack the run into one file, as its RO-Crate describes it."""

from pathlib import Path

from reveil import bundle
from reveil.job import Job

with Job("pack_bundle", snakemake.log[0]):
    bundle.pack(
        snakemake.output[0],
        Path(snakemake.input.metadata),
        repository=Path(snakemake.resources.root),
        drawn=set(snakemake.params.drawn),
    )
