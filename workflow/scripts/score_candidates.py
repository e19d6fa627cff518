"""Score one block of candidate policies on the tiny model."""

from reveil import rows
from reveil.files import write_csv
from reveil.job import Job
from reveil.stages.scoring import score_policies
from reveil.stages.work import Work, block_positions

how, log, output = snakemake.resources, snakemake.log[0], snakemake.output[0]
with Job("score_candidates", log, device=how.device, threads=snakemake.threads) as job:
    named, switches = dict(snakemake.wildcards.items()), dict(snakemake.params.items())
    work = Work(job, named, switches, output, how.chunk, how.state_seconds)
    candidates = rows.read(snakemake.input.candidates[0])
    scores, state = score_policies(
        work,
        candidates.iloc[list(block_positions(named["block"]))],
        prepared=snakemake.input.data[0],
        weights=snakemake.input.weights[0],
    )
    write_csv(output, scores)
    state.clear()
