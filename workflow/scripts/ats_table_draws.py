"""Print the table of ats-draws: several gradients of one image."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_draws", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-draws",
        by=["policy"],
        baseline={"protocol": "fixed-draws-1"},
    )
    tables.write(table, snakemake.output, images)
