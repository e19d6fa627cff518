"""Hide the features of a block of images, let an attacker guess, and judge each guess."""

from reveil.files import write_csv, write_npz
from reveil.job import Job, write_provenance
from reveil.seals import digests
from reveil.stages.feature_attacking import attack_features
from reveil.stages.work import Work

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("attack_features", log, device=how.device, threads=snakemake.threads) as job:
    named, parts = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, {**parts.pop("switches"), **parts}, out.rows, how.chunk)
    files = snakemake.input
    done = attack_features(
        work,
        prepared=files.data[0],
        weights=files.weights,
        attacker=files.attacker,
        inner=files.get("inner"),
    )
    write_csv(out.rows, done.rows)
    write_npz(out.arrays, done.arrays)
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
