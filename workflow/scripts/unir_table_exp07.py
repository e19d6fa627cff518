"""Print the table of unir-exp07: what differs between paper and code."""

from reveil import rows
from reveil.job import Job
from reveil.unir import tables

files, params = snakemake.input, snakemake.params
with Job("unir_table_exp07", snakemake.log[0]):
    table = tables.sweep_table(
        rows.read(files.images),
        rows.read(files.models),
        sweep="switches",
        recipes=params.recipes,
        operators=params.operators,
    )
    tables.write(table, snakemake.output)
