"""Print the table of unir-exp14: errors by the number of measurements."""

from reveil import rows
from reveil.job import Job
from reveil.unir import tables

files, params = snakemake.input, snakemake.params
with Job("unir_table_exp14", snakemake.log[0]):
    table = tables.sweep_table(
        rows.read(files.images),
        rows.read(files.models),
        sweep="size",
        recipes=params.recipes,
        operators=params.operators,
    )
    tables.write(table, snakemake.output)
