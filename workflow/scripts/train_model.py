"""Train one model by its recipe, under its policy."""

from reveil.files import write_csv
from reveil.job import Job, write_provenance
from reveil.models import save_weights
from reveil.seals import digests
from reveil.stages import summaries
from reveil.stages.training import train_model
from reveil.stages.work import Work

out, how, log = snakemake.output, snakemake.resources, snakemake.log[0]
with Job("train_model", log, device=how.device, threads=snakemake.threads) as job:
    named, switches = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, switches, out.weights, how.chunk, how.state_seconds)
    done = train_model(work, prepared=snakemake.input.data[0], policy=snakemake.input.policy[0])
    save_weights(out.weights, done.trained.model, done.facts)
    write_csv(out.history, summaries.history_table(done.trained, named))
    write_csv(out.summary, summaries.model_summary(done.trained, named))
    write_provenance(out.provenance, job, outputs=digests(out), **done.identity)
    done.state.clear()
