"""Print the table of cvnn-ext08: errors by k."""

from reveil import rows
from reveil.cvnn import tables
from reveil.job import Job

files = snakemake.input
with Job("cvnn_table_ext08", snakemake.log[0]):
    table = tables.k_table(
        rows.read(files.images),
        rows.read(files.models),
    )
    tables.write(table, snakemake.output)
