"""Print the table of unir-exp01: the losses of the GAN that was run."""

from reveil import rows
from reveil.job import Job
from reveil.unir import tables

with Job("unir_table_exp01", snakemake.log[0]):
    table = tables.loss_table(
        rows.read(snakemake.input.histories),
        rows.read(snakemake.resources.published),
        recipes=snakemake.params.recipes,
    )
    tables.write(table, snakemake.output)
