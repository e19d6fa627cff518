"""Train one private network by its recipe, under its protection."""

from reveil.cvnn import weights
from reveil.files import write_csv
from reveil.job import Job, write_provenance
from reveil.seals import digests
from reveil.stages.private_summaries import private_summary
from reveil.stages.private_training import train_private_model
from reveil.stages.summaries import history_table
from reveil.stages.work import Work

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("train_private_model", log, device=how.device, threads=snakemake.threads) as job:
    named, switches = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, switches, out.weights, how.chunk, how.state_seconds)
    files = snakemake.input
    done = train_private_model(work, prepared=files.data[0], policy=files.policy[0])
    weights.save(out.weights, done.trained.network, done.trained.critic, done.facts)
    write_csv(out.history, history_table(done.trained, named))
    write_csv(out.summary, private_summary(done.trained, named))
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
    done.state.clear()
