"""Print the table of ats-ext01: transfer to Tiny-ImageNet-200."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_ext01", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-ext01",
        by=["policy"],
    )
    tables.write(table, snakemake.output, images)
