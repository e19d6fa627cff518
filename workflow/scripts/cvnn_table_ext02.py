"""Print the table of cvnn-ext02: reconstruction errors of all networks."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext02", snakemake.log[0]):
    table = tables.inversion_table(
        rows.read(files.images),
        rows.read(files.models),
        rows.read(snakemake.resources.published),
        experiment=["cvnn-ext02", "cvnn-exp02", "cvnn-exp03"],
    )
    tables.write(table, snakemake.output)
