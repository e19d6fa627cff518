"""Train one generator by its recipe, on what its operator measured."""

from reveil.files import write_csv
from reveil.job import Job, write_provenance
from reveil.seals import digests
from reveil.stages.reconstruction_training import generator_summary, train_generator
from reveil.stages.summaries import history_table
from reveil.stages.work import Work
from reveil.unir import weights

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("train_reconstruction", log, device=how.device, threads=snakemake.threads) as job:
    named, switches = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, switches, out.weights, state_seconds=how.state_seconds)
    files = snakemake.input
    done = train_generator(work, prepared=files.data[0], policy=files.policy[0])
    made = done.trained
    weights.save(out.weights, made.generator, made.discriminator, done.facts, made.averaged)
    write_csv(out.history, history_table(made, named))
    write_csv(out.summary, generator_summary(done, named))
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
    done.state.clear()
