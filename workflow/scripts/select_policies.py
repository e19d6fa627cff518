"""Rank the candidates that are accurate enough by their privacy and take the best."""

from reveil import rows, selection
from reveil.files import write_csv
from reveil.job import Job

with Job("select_policies", snakemake.log[0]):
    scores, selected = selection.select(rows.stack(snakemake.input), snakemake.params.search)
    write_csv(snakemake.output.scores, scores)
    write_csv(snakemake.output.selected, selected)
    write_csv(snakemake.output.passing, selection.passing(scores))
