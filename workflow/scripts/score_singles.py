"""Score each of the 50 transformations by itself, and no policy, on the tiny model."""

from reveil.candidates import single_candidates
from reveil.files import write_csv
from reveil.job import Job
from reveil.stages.scoring import score_policies
from reveil.stages.work import Work

how, log, output = snakemake.resources, snakemake.log[0], snakemake.output[0]
with Job("score_singles", log, device=how.device, threads=snakemake.threads) as job:
    named, switches = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, switches, output, how.chunk, how.state_seconds)
    files = {"prepared": snakemake.input.data[0], "weights": snakemake.input.weights[0]}
    scores, state = score_policies(work, single_candidates(), **files)
    write_csv(output, scores)
    state.clear()
