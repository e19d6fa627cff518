"""Print the table of ats-exp06: the policies of CIFAR-100 on Fashion-MNIST."""

from reveil import rows, tables
from reveil.job import Job

files = snakemake.input
with Job("ats_table_exp06", snakemake.log[0]):
    images = rows.read(files.images)
    table = tables.attack_table(
        images,
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        snakemake.params.judge,
        experiment="ats-exp06",
        by=["policy"],
    )
    tables.write(table, snakemake.output, images)
