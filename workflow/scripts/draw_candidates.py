"""Draw the candidate policies of a search."""

from reveil import candidates
from reveil.files import write_csv
from reveil.job import Job

with Job("draw_candidates", snakemake.log[0]):
    drawn = candidates.draw_candidates(
        snakemake.params.search["candidates"],
        slots=snakemake.params.search["slots"],
        slot_max=snakemake.params.search["slot_max"],
        seed=int(snakemake.wildcards.seed),
    )
    write_csv(snakemake.output[0], drawn)
