"""Print the table of ats-early: attacks early in training."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_early", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-early",
        by=["policy", "recipe"],
    )
    tables.write(table, snakemake.output, images)
