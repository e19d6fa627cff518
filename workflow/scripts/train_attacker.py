"""Train one attacker on hidden features, until its patience ends."""

from reveil.files import write_csv
from reveil.job import Job, write_provenance
from reveil.seals import digests
from reveil.stages import feature_attacking as stage
from reveil.stages.work import Work

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("train_attacker", log, device=how.device, threads=snakemake.threads) as job:
    named, parts = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    switches = {**parts.pop("switches"), **parts}
    work = Work(job, named, switches, out.weights, how.chunk, how.state_seconds)
    done = stage.train_attacker(
        work,
        prepared=snakemake.input.data[0],
        weights=snakemake.input.weights,
        inner=snakemake.input.get("inner"),
    )
    stage.save_attacker(out.weights, done)
    write_csv(out.history, done.history)
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
    done.state.clear()
