"""Measure a block of images, reconstruct it, and judge each reconstruction."""

from reveil.files import write_csv, write_npz
from reveil.job import Job, write_provenance
from reveil.seals import digests
from reveil.stages.reconstructing import reconstruct_block
from reveil.stages.work import Work

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("reconstruct_images", log, device=how.device, threads=snakemake.threads) as job:
    named, parts = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, {**parts.pop("switches"), **parts}, out.rows)
    files = snakemake.input
    done = reconstruct_block(
        work, prepared=files.data[0], policy=files.policy[0], weights=files.get("weights") or None
    )
    write_csv(out.rows, done.rows)
    write_npz(out.arrays, done.arrays)
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
