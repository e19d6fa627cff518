"""Print the errors of the attacks on every protection beside the published ones."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_protection", snakemake.log[0]):
    table = tables.inversion_table(
        rows.read(files.images),
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        experiment=["cvnn-exp02", "cvnn-exp03", "cvnn-ext02"],
    )
    tables.write(table, snakemake.output)
