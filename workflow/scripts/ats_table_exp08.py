"""Print the table of ats-exp08: how well each layer's gradient is matched, and the PSNR."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_exp08", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-exp08",
        by=["policy"],
    )
    tables.write(table, snakemake.output, images)
