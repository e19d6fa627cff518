"""Collect what made every result of the run, from the notes of its jobs."""

from pathlib import Path

from reveil.digest import file_digest
from reveil.files import write_json
from reveil.job import Job
from reveil.provenance import run

params, how = snakemake.params, snakemake.resources
with Job("collect_provenance", snakemake.log[0]):
    config = {
        "path": snakemake.input.config,
        "sha256": file_digest(snakemake.input.config),
        "files": run.named(how.config_files.splitlines(), Path.cwd()),
        "seeds": list(params.seeds),
    }
    found = run.collect(Path.cwd(), params.run, commit=how.commit, config=config)
    write_json(snakemake.output[0], found)
