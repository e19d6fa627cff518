"""Print the table of ats-exp03: PSNR and accuracy under the policies."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_exp03", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment=["ats-exp03", "ats-w-claim2"],
        by=["policy"],
    )
    tables.write(table, snakemake.output, images)
