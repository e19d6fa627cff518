"""Print the table of ats-batches: batches of images behind one gradient."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_batches", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-batches",
        by=["policy"],
        baseline={"protocol": "fixed-batch-1"},
    )
    tables.write(table, snakemake.output, images)
