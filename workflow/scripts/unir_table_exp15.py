"""Print the table of unir-exp15: what clean images add."""

from reveil import rows
from reveil.job import Job
from reveil.unir import tables

files = snakemake.input
with Job("unir_table_exp15", snakemake.log[0]):
    table = tables.methods_table(
        rows.read(files.images),
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        recipes=snakemake.params.recipes,
    )
    tables.write(table, snakemake.output)
