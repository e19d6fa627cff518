"""Attack a block of images and judge each reconstruction."""

from reveil.files import write_csv, write_npz
from reveil.job import Job, write_provenance
from reveil.seals import digests
from reveil.stages.attacking import attack_block
from reveil.stages.work import Work

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("attack_images", log, device=how.device, threads=snakemake.threads) as job:
    named, parts = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    switches = {**parts.pop("switches"), **parts}
    work = Work(job, named, switches, out.rows, how.chunk, how.state_seconds)
    done = attack_block(
        work,
        prepared=snakemake.input.data[0],
        policy=snakemake.input.policy[0],
        weights=snakemake.input.weights[0],
        lpips_weights=how.lpips_weights,
    )
    write_csv(out.rows, done.rows)
    write_npz(out.arrays, done.arrays)
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
    done.state.clear()
