"""Print the table of unir-exp09: reconstructions without training."""

from reveil import rows
from reveil.job import Job
from reveil.unir import tables

files = snakemake.input
with Job("unir_table_exp09", snakemake.log[0]):
    table = tables.methods_table(
        rows.read(files.images),
        None,
        rows.read(snakemake.resources.published),
        recipes=snakemake.params.recipes,
    )
    tables.write(table, snakemake.output)
