"""Print the table of unir-exp03: the losses of the training that the report describes."""

from reveil import rows
from reveil.job import Job
from reveil.unir import tables

with Job("unir_table_exp03_losses", snakemake.log[0]):
    table = tables.loss_table(
        rows.read(snakemake.input.histories),
        rows.read(snakemake.resources.published),
        recipes=snakemake.params.recipes,
    )
    tables.write(table, snakemake.output)
