"""Print the table of ats-exp05b: the attack of Geiping et al. without signs."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_exp05b", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-exp05b",
        by=["policy"],
    )
    tables.write(table, snakemake.output, images)
