"""Follow the gradient similarity on the way from noise to the images under one policy."""

from reveil.files import write_csv
from reveil.job import Job
from reveil.stages.scoring import trace_policy
from reveil.stages.work import Work

how, log, output = snakemake.resources, snakemake.log[0], snakemake.output[0]
with Job("trace_gradsim", log, device=how.device, threads=snakemake.threads) as job:
    named, switches = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, switches, output, how.chunk)
    files = {"prepared": snakemake.input.data[0], "weights": snakemake.input.weights[0]}
    write_csv(output, trace_policy(work, snakemake.input.policy[0], **files))
