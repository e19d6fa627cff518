"""Describe the run as an RO-Crate, with the files that its bundle adds."""

import json
from pathlib import Path

from reveil import bundle
from reveil.job import Job

how = snakemake.resources
with Job("export_crate", snakemake.log[0]):
    provenance = json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8"))
    bundle.describe(
        provenance,
        list(snakemake.input),
        config=list(snakemake.input.config),
        targets=snakemake.params.targets,
        repository=Path(how.root),
        registry=how.registry,
        metadata=snakemake.output.metadata,
    )
