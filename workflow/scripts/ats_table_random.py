"""Print the table of ats-random: searched policies among random ones."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_random", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-random",
        by=["policy"],
    )
    tables.write(table, snakemake.output, images)
