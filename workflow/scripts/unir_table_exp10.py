"""Print the table of unir-exp10: scores of samples by what is missing."""

from reveil import rows
from reveil.job import Job
from reveil.unir import tables

params = snakemake.params
with Job("unir_table_exp10", snakemake.log[0]):
    table = tables.score_table(
        rows.read(snakemake.input.samples),
        rows.read(snakemake.resources.published),
        recipes=params.recipes,
        operators=params.operators,
    )
    tables.write(table, snakemake.output)
