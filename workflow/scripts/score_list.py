"""Score the policies of a list on the tiny model, with several draws of S_pri for each."""

from reveil.candidates import policy_list
from reveil.files import write_csv
from reveil.job import Job
from reveil.stages.scoring import score_list
from reveil.stages.work import Work

how, log, out = snakemake.resources, snakemake.log[0], snakemake.output
with Job("score_list", log, device=how.device, threads=snakemake.threads) as job:
    named, switches = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, switches, out.scores, how.chunk, how.state_seconds)
    listed = policy_list(named["list"], **switches["drawn"])
    files = {"prepared": snakemake.input.data[0], "weights": snakemake.input.weights[0]}
    scores, repeats, state = score_list(work, listed, int(named["repeats"]), **files)
    write_csv(out.scores, scores)
    write_csv(out.repeats, repeats)
    state.clear()
