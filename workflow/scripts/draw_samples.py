"""Draw images from a generator of noise, and score them by their features."""

from reveil.files import write_csv, write_npz
from reveil.job import Job, write_provenance
from reveil.seals import digests
from reveil.stages.sampling import draw_samples
from reveil.stages.work import Work

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("draw_samples", log, device=how.device, threads=snakemake.threads) as job:
    named, parts = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, {**parts.pop("switches"), **parts}, out.scores)
    files = snakemake.input
    done = draw_samples(
        work,
        prepared=files.data[0],
        policy=files.policy[0],
        weights=files.weights,
        classifier=files.classifier,
        inception=how.inception,
    )
    write_csv(out.scores, done.scores)
    write_npz(out.arrays, done.arrays)
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
